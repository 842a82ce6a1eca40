/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/page/page-map.h"

#include "database/page/page-file.h"

/* The page with the bytes that POSIX locks are put on: never used, in files that reach that far. */
#define PENDING_BYTE UINT64_C(0x40000000)

/* Fields of the database header. */
#define HEADER_FREELIST 32
#define HEADER_N_FREE 36
#define HEADER_LARGEST_ROOT 52       /* 0 without auto_vacuum */
#define HEADER_INCREMENTAL_VACUUM 64 /* 0 without auto_vacuum */

typedef struct PageMap {
        Connection *connection;
        PageFile file;
        uint32_t n_left;     /* pages that nothing has claimed yet */
        unsigned char *used; /* a bit for each page */
        unsigned char *page; /* the one that is looked at */
        uint32_t *waiting;   /* pages of trees, claimed and not looked at yet */
        size_t n_waiting, n_allocated;
} PageMap;

static void page_map_done(PageMap *map)
{
        free(map->used);
        free(map->page);
        free(map->waiting);
}

/* False when there is no such page, or something has it already. */
static bool claim(PageMap *map, uint32_t page)
{
        unsigned char bit = (unsigned char) (1U << (page % 8));

        if (page == 0 || page > map->file.n_pages || (map->used[page / 8] & bit))
                return false;
        map->used[page / 8] |= bit;
        map->n_left--;
        return true;
}

static bool claim_tree_page(PageMap *map, uint32_t page)
{
        if (map->n_waiting == map->n_allocated) {
                size_t n = MAX_OF(map->n_allocated * 2, (size_t) 1024);
                uint32_t *waiting = reallocarray(map->waiting, n, sizeof *waiting);

                if (!waiting)
                        return false;
                map->waiting = waiting;
                map->n_allocated = n;
        }
        map->waiting[map->n_waiting++] = page;
        return claim(map, page);
}

static bool claim_overflow(PageMap *map, uint32_t page)
{
        unsigned char next[4];

        /* Ends, since no page can be claimed twice. */
        for (; page != 0; page = page_get4(next))
                if (!claim(map, page) || !page_file_read(&map->file, page, 0, next, sizeof next))
                        return false;
        return true;
}

static bool look_at_tree_page(PageMap *map, uint32_t number)
{
        PageNode node;
        PageCell cell;

        if (!page_file_read_node(&map->file, number, map->page, &node) ||
                        (node.is_interior && !claim_tree_page(map, node.right)))
                return false;
        for (uint32_t i = 0; i < node.n_cells; i++)
                if (!page_node_cell(&map->file, &node, i, &cell) ||
                                (node.is_interior && !claim_tree_page(map, cell.left)) ||
                                (cell.local_bytes < cell.payload_bytes &&
                                                !claim_overflow(map, cell.overflow)))
                        return false;
        return true;
}

static bool claim_trees(PageMap *map)
{
        const Progress *progress = map->connection->progress;

        while (map->n_waiting > 0) {
                if (progress && atomic_load(&progress->cancelled))
                        return false;
                if (!look_at_tree_page(map, map->waiting[--map->n_waiting]))
                        return false;
        }
        return true;
}

static bool claim_roots(PageMap *map)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int code = sqlite3_prepare_v2(map->connection->handle,
                        "SELECT rootpage FROM main.sqlite_schema WHERE rootpage <> 0",
                        -1,
                        &statement,
                        NULL);

        if (code != SQLITE_OK || !claim_tree_page(map, 1))
                return false;
        while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
                int64_t page = sqlite3_column_int64(statement, 0);

                if (page < 0 || page > UINT32_MAX || !claim_tree_page(map, (uint32_t) page))
                        return false;
        }
        return code == SQLITE_DONE;
}

static bool claim_free_pages(PageMap *map, const unsigned char *header)
{
        uint32_t n_free = page_get4(header + HEADER_N_FREE), trunk = page_get4(header + HEADER_FREELIST);

        while (trunk != 0) {
                uint32_t n_leaves;

                if (n_free-- == 0 || !claim(map, trunk) ||
                                !page_file_read(&map->file, trunk, 0, map->page, map->file.page_bytes))
                        return false;
                trunk = page_get4(map->page);
                n_leaves = page_get4(map->page + 4);
                if (n_leaves > map->file.usable_bytes / 4 - 2 || n_leaves > n_free)
                        return false;
                n_free -= n_leaves;
                for (uint32_t i = 0; i < n_leaves; i++)
                        if (!claim(map, page_get4(map->page + 8 + (size_t) 4 * i)))
                                return false;
        }
        return n_free == 0;
}

static bool begin(PageMap *map, unsigned char header[static PAGE_FILE_HEADER_BYTES])
{
        if (!page_file_open(map->connection, &map->file, header))
                return false;
        if (page_get4(header + HEADER_LARGEST_ROOT) != 0 ||
                        page_get4(header + HEADER_INCREMENTAL_VACUUM) != 0)
                return false;
        map->n_left = map->file.n_pages;
        map->used = calloc(map->file.n_pages / 8 + 1, 1);
        map->page = malloc(map->file.page_bytes);
        return map->used && map->page;
}

bool page_map_adds_up(Connection *connection)
{
        _cleanup_(page_map_done) PageMap map = {.connection = connection};
        unsigned char header[PAGE_FILE_HEADER_BYTES];
        uint64_t pending_page;

        if (!begin(&map, header))
                return false;
        pending_page = PENDING_BYTE / map.file.page_bytes + 1;
        if (pending_page <= map.file.n_pages && !claim(&map, (uint32_t) pending_page))
                return false;
        return claim_free_pages(&map, header) && claim_roots(&map) && claim_trees(&map) && map.n_left == 0;
}
