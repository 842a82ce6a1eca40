/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/rescue/salvage-page.h"

#define FIRST_FREE 1
#define CONTENT_START 5
#define FRAGMENTED 7
#define CELL_BYTES_MIN UINT64_C(4)

/* Which bytes of a page something lies on. */
typedef struct Room {
        unsigned char taken[8 * KIB]; /* a bit each */
} Room;

/* False when something else lies there: then the two can't both be what the page says. */
static bool take_room(Room *room, uint64_t offset, uint64_t n_bytes)
{
        if (offset + n_bytes > UINT64_C(8) * sizeof room->taken)
                return false;
        for (uint64_t at = offset; at < offset + n_bytes; at++) {
                unsigned char bit = (unsigned char) (1U << (at % 8));

                if (room->taken[at / 8] & bit)
                        return false;
                room->taken[at / 8] |= bit;
        }
        return true;
}

static bool sum_up_free_blocks(
                const PageFile *file, const unsigned char *page, uint32_t block, Room *room, uint64_t *ret)
{
        uint64_t bytes = 0;

        while (block != 0) {
                uint32_t next;

                if (block + 4 > file->usable_bytes || !take_room(room, block, page_get2(page + block + 2)))
                        return false;
                bytes += page_get2(page + block + 2);
                next = page_get2(page + block);
                /* They ascend. */
                if (next != 0 && next <= block)
                        return false;
                block = next;
        }
        *ret = bytes;
        return true;
}

static uint32_t cell_offset(const PageNode *node, uint32_t index)
{
        return page_get2(node->pointers + (size_t) 2 * index);
}

static uint64_t cell_bytes(const PageNode *node, uint32_t index, const PageCell *cell)
{
        const unsigned char *at = node->page + cell_offset(node, index);
        uint64_t bytes = (uint64_t) (cell->local - at) + cell->local_bytes +
                         (cell->local_bytes < cell->payload_bytes ? 4 : 0);

        return MAX_OF(bytes, CELL_BYTES_MIN);
}

static uint64_t said_start(const unsigned char *header)
{
        uint64_t start = page_get2(header + CONTENT_START);

        return start == 0 ? 64 * KIB : start;
}

static uint64_t lowest_cell(const PageNode *node)
{
        uint64_t lowest = 64 * KIB;

        for (uint32_t i = 0; i < node->n_cells; i++)
                lowest = MIN_OF(lowest, (uint64_t) cell_offset(node, i));
        return lowest;
}

/* Finds with how many cells the page is exactly full, when the first of them begins at `start`; there is one
 * such number at most. */
static bool count_cells(const PageFile *file, const unsigned char *header, uint64_t start, PageNode *node)
{
        uint64_t used, free_bytes, bytes;
        Room room = {0};
        PageCell cell;

        if (start > file->usable_bytes || !sum_up_free_blocks(file,
                                                          node->page,
                                                          page_get2(header + FIRST_FREE),
                                                          &room,
                                                          &free_bytes))
                return false;
        used = start + free_bytes + header[FRAGMENTED];
        for (uint32_t i = 0; used < file->usable_bytes; i++) {
                if ((uint64_t) (node->pointers - node->page) + 2 * ((uint64_t) i + 1) > start ||
                                cell_offset(node, i) < start || !page_node_cell(file, node, i, &cell))
                        return false;
                bytes = cell_bytes(node, i, &cell);
                if (!take_room(&room, cell_offset(node, i), bytes))
                        return false;
                used += bytes;
                node->n_cells = i + 1;
        }
        if (start == file->usable_bytes)
                node->n_cells = 0;
        return used == file->usable_bytes;
}

/* As if its first byte were `type`. */
static bool try_type(const PageFile *file,
                uint32_t page,
                unsigned char *buffer,
                bool is_index,
                bool is_interior,
                uint64_t start,
                PageNode *ret)
{
        unsigned char *header = buffer + (page == 1 ? PAGE_FILE_HEADER_BYTES : 0);
        PageNode node = {.page = buffer,
                        .pointers = header + (is_interior ? 12 : 8),
                        .is_index = is_index,
                        .is_interior = is_interior,
                        .right = is_interior ? page_get4(header + 8) : 0};

        if (!count_cells(file, header, start, &node))
                return false;
        *ret = node;
        return true;
}

/* How many cells there are, and where the first begins, the page says in two places. Where they disagree and
 * either may be right, the one with more cells is: no row is left out that SQLite would find. */
static bool try_said(const PageFile *file,
                uint32_t page,
                unsigned char *buffer,
                const PageNode *said,
                PageNode *ret)
{
        unsigned char *header = buffer + (page == 1 ? PAGE_FILE_HEADER_BYTES : 0);
        PageNode by_start, by_count;
        bool fits = try_type(file,
                        page,
                        buffer,
                        said->is_index,
                        said->is_interior,
                        said_start(header),
                        &by_start);

        if ((!fits || by_start.n_cells < said->n_cells) && said->n_cells > 0 &&
                        try_type(file,
                                        page,
                                        buffer,
                                        said->is_index,
                                        said->is_interior,
                                        lowest_cell(said),
                                        &by_count) &&
                        by_count.n_cells == said->n_cells) {
                *ret = by_count;
                return true;
        }
        if (fits)
                *ret = by_start;
        return fits;
}

/* As SQLite: of a pointer those bits count that a page of this size has. What lies behind the pointers is
 * left alone, however many there are said to be. */
static void mask_pointers(
                const PageFile *file, unsigned char *pointers, const PageNode *said, uint64_t start)
{
        uint32_t mask = (uint32_t) file->page_bytes - 1;

        for (uint32_t i = 0; i < said->n_cells; i++, pointers += 2) {
                if ((uint64_t) (pointers - said->page) + 2 > start)
                        return;
                pointers[0] &= (unsigned char) (mask >> 8);
        }
}

bool salvage_page_read(const PageFile *file,
                uint32_t page,
                bool is_index,
                unsigned char *buffer,
                PageNode *ret,
                bool *ret_fits)
{
        unsigned char *header = buffer + (page == 1 ? PAGE_FILE_HEADER_BYTES : 0);
        PageNode said, found;
        bool has_said;

        if (!page_file_read(file, page, 0, buffer, file->page_bytes))
                return false;
        has_said = page_file_parse_node(file, page, buffer, &said) && said.is_index == is_index;
        if (has_said)
                mask_pointers(file, buffer + (said.pointers - said.page), &said, said_start(header));
        *ret_fits = true;
        if (has_said && try_said(file, page, buffer, &said, ret))
                return true;
        for (int i = 0; i < 2; i++)
                if (try_type(file, page, buffer, is_index, i == 1, said_start(header), &found) &&
                                found.n_cells > 0) {
                        *ret = found;
                        return true;
                }
        *ret_fits = false;
        if (has_said)
                *ret = said;
        return has_said;
}
