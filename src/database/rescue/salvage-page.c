/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/rescue/salvage-page.h"

#define FIRST_FREE 1
#define CONTENT_START 5
#define FRAGMENTED 7
#define CELL_BYTES_MIN UINT64_C(4)

static bool sum_up_free_blocks(
                const PageFile *file, const unsigned char *page, uint32_t block, uint64_t *ret)
{
        uint64_t bytes = 0;

        while (block != 0) {
                uint32_t next;

                if (block + 4 > file->usable_bytes)
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

static uint64_t cell_bytes(const PageNode *node, uint32_t index, const PageCell *cell)
{
        const unsigned char *at = node->page + page_get2(node->pointers + (size_t) 2 * index);
        uint64_t bytes = (uint64_t) (cell->local - at) + cell->local_bytes +
                         (cell->local_bytes < cell->payload_bytes ? 4 : 0);

        return MAX_OF(bytes, CELL_BYTES_MIN);
}

/* Finds with how many cells the page is exactly full; there is one such number at most. */
static bool count_cells(const PageFile *file, const unsigned char *header, PageNode *node)
{
        uint64_t start = page_get2(header + CONTENT_START), used, free_bytes;
        PageCell cell;

        if (start == 0)
                start = 64 * KIB;
        if (start > file->usable_bytes ||
                        !sum_up_free_blocks(file, node->page, page_get2(header + FIRST_FREE), &free_bytes))
                return false;
        used = start + free_bytes + header[FRAGMENTED];
        for (uint32_t i = 0; used < file->usable_bytes; i++) {
                if ((uint64_t) (node->pointers - node->page) + 2 * ((uint64_t) i + 1) > start ||
                                page_get2(node->pointers + (size_t) 2 * i) < start ||
                                !page_node_cell(file, node, i, &cell))
                        return false;
                used += cell_bytes(node, i, &cell);
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
                PageNode *ret)
{
        unsigned char *header = buffer + (page == 1 ? PAGE_FILE_HEADER_BYTES : 0);
        PageNode node = {.page = buffer,
                        .pointers = header + (is_interior ? 12 : 8),
                        .is_index = is_index,
                        .is_interior = is_interior,
                        .right = is_interior ? page_get4(header + 8) : 0};

        if (!count_cells(file, header, &node))
                return false;
        *ret = node;
        return true;
}

bool salvage_page_read(const PageFile *file,
                uint32_t page,
                bool is_index,
                unsigned char *buffer,
                PageNode *ret,
                bool *ret_fits)
{
        PageNode said, found;
        bool has_said;

        if (!page_file_read(file, page, 0, buffer, file->page_bytes))
                return false;
        has_said = page_file_parse_node(file, page, buffer, &said) && said.is_index == is_index;
        *ret_fits = true;
        if (has_said && try_type(file, page, buffer, is_index, said.is_interior, ret))
                return true;
        for (int i = 0; i < 2; i++)
                if (try_type(file, page, buffer, is_index, i == 1, &found) && found.n_cells > 0) {
                        *ret = found;
                        return true;
                }
        *ret_fits = false;
        if (has_said)
                *ret = said;
        return has_said;
}
