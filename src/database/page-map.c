/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/page-map.h"

#include <string.h>

/* The page with the bytes that POSIX locks are put on: never used, in files that reach that far. */
#define PENDING_BYTE UINT64_C(0x40000000)

/* Fields of the database header. */
#define HEADER_RESERVED 20
#define HEADER_FREELIST 32
#define HEADER_N_FREE 36
#define HEADER_LARGEST_ROOT 52       /* 0 without auto_vacuum */
#define HEADER_INCREMENTAL_VACUUM 64 /* 0 without auto_vacuum */
#define HEADER_BYTES 100

enum { INTERIOR_INDEX = 2, INTERIOR_TABLE = 5, LEAF_INDEX = 10, LEAF_TABLE = 13 };

typedef struct PageMap {
        Connection *connection;
        sqlite3_file *file; /* the connection's */
        uint64_t page_bytes;
        uint64_t usable_bytes;
        uint32_t n_pages;
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

static uint32_t get2(const unsigned char *at)
{
        return (uint32_t) at[0] << 8 | at[1];
}

static uint32_t get4(const unsigned char *at)
{
        return get2(at) << 16 | get2(at + 2);
}

static bool read_at(const PageMap *map, uint64_t offset, void *buffer, size_t size_bytes)
{
        return map->file->pMethods->xRead(map->file, buffer, (int) size_bytes, (sqlite3_int64) offset) ==
               SQLITE_OK;
}

static uint64_t page_offset(const PageMap *map, uint32_t page)
{
        return (uint64_t) (page - 1) * map->page_bytes;
}

/* False when there is no such page, or something has it already. */
static bool claim(PageMap *map, uint32_t page)
{
        unsigned char bit = (unsigned char) (1U << (page % 8));

        if (page == 0 || page > map->n_pages || (map->used[page / 8] & bit))
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
        for (; page != 0; page = get4(next))
                if (!claim(map, page) || !read_at(map, page_offset(map, page), next, sizeof next))
                        return false;
        return true;
}

/* Reads a variable-length integer before `end`; NULL when it goes beyond. */
static const unsigned char *get_varint(const unsigned char *at, const unsigned char *end, uint64_t *ret)
{
        uint64_t value = 0;

        for (int i = 0; i < 9 && at < end; i++, at++) {
                if (i == 8) {
                        *ret = value << 8 | *at;
                        return at + 1;
                }
                value = value << 7 | (*at & 0x7f);
                if (*at < 0x80) {
                        *ret = value;
                        return at + 1;
                }
        }
        return NULL;
}

/* Of a payload, how many bytes lie in the b-tree page itself (section 1.6). */
static uint64_t local_bytes(const PageMap *map, bool is_index, uint64_t payload_bytes)
{
        uint64_t usable = map->usable_bytes;
        uint64_t most = is_index ? (usable - 12) * 64 / 255 - 23 : usable - 35;
        uint64_t least = (usable - 12) * 32 / 255 - 23;
        uint64_t local = least + (payload_bytes - least) % (usable - 4);

        if (payload_bytes <= most)
                return payload_bytes;
        return local <= most ? local : least;
}

/* Claims what one cell of the page points to: the child on its left, and the pages that it flows over to. */
static bool claim_cell(PageMap *map, int type, const unsigned char *cell)
{
        const unsigned char *end = map->page + map->usable_bytes;
        bool is_interior = type == INTERIOR_INDEX || type == INTERIOR_TABLE;
        uint64_t payload_bytes, rowid, local;

        if (is_interior) {
                if (end - cell < 4 || !claim_tree_page(map, get4(cell)))
                        return false;
                cell += 4;
        }
        if (type == INTERIOR_TABLE)
                return true;
        cell = get_varint(cell, end, &payload_bytes);
        if (cell && type == LEAF_TABLE)
                cell = get_varint(cell, end, &rowid);
        if (!cell)
                return false;
        local = local_bytes(map, type != LEAF_TABLE, payload_bytes);
        if (local == payload_bytes)
                return true;
        if ((uint64_t) (end - cell) < local + 4)
                return false;
        return claim_overflow(map, get4(cell + local));
}

static bool look_at_tree_page(PageMap *map, uint32_t number)
{
        const unsigned char *header = map->page + (number == 1 ? HEADER_BYTES : 0), *pointers;
        uint32_t n_cells;
        int type;

        if (!read_at(map, page_offset(map, number), map->page, map->page_bytes))
                return false;
        type = header[0];
        n_cells = get2(header + 3);
        if (type == INTERIOR_INDEX || type == INTERIOR_TABLE) {
                if (!claim_tree_page(map, get4(header + 8)))
                        return false;
                pointers = header + 12;
        } else if (type == LEAF_INDEX || type == LEAF_TABLE)
                pointers = header + 8;
        else
                return false;
        if (pointers + 2 * n_cells > map->page + map->usable_bytes)
                return false;
        for (uint32_t i = 0; i < n_cells; i++) {
                uint32_t offset = get2(pointers + 2 * i);

                if (offset >= map->usable_bytes || !claim_cell(map, type, map->page + offset))
                        return false;
        }
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
        uint32_t n_free = get4(header + HEADER_N_FREE), trunk = get4(header + HEADER_FREELIST);

        while (trunk != 0) {
                uint32_t n_leaves;

                if (n_free-- == 0 || !claim(map, trunk) ||
                                !read_at(map, page_offset(map, trunk), map->page, map->page_bytes))
                        return false;
                trunk = get4(map->page);
                n_leaves = get4(map->page + 4);
                if (n_leaves > map->usable_bytes / 4 - 2 || n_leaves > n_free)
                        return false;
                n_free -= n_leaves;
                for (uint32_t i = 0; i < n_leaves; i++)
                        if (!claim(map, get4(map->page + 8 + (size_t) 4 * i)))
                                return false;
        }
        return n_free == 0;
}

static bool begin(PageMap *map, unsigned char header[static HEADER_BYTES])
{
        Connection *connection = map->connection;
        int64_t page_bytes, n_pages;

        if (sqlite3_file_control(connection->handle, "main", SQLITE_FCNTL_FILE_POINTER, &map->file) !=
                                        SQLITE_OK ||
                        !map->file || !map->file->pMethods)
                return false;
        if (connection_query_integer(connection, "PRAGMA main.page_size", &page_bytes, NULL) < 0 ||
                        connection_query_integer(connection, "PRAGMA main.page_count", &n_pages, NULL) < 0)
                return false;
        /* An empty file has no page, and no header. */
        if (page_bytes < 512 || n_pages < 1 || n_pages >= UINT32_MAX ||
                        !read_at(map, 0, header, HEADER_BYTES))
                return false;
        if (get4(header + HEADER_LARGEST_ROOT) != 0 || get4(header + HEADER_INCREMENTAL_VACUUM) != 0)
                return false;
        map->page_bytes = (uint64_t) page_bytes;
        map->usable_bytes = map->page_bytes - header[HEADER_RESERVED];
        map->n_pages = (uint32_t) n_pages;
        map->n_left = map->n_pages;
        map->used = calloc(map->n_pages / 8 + 1, 1);
        map->page = malloc(map->page_bytes);
        /* SQLite refuses less, and the arithmetic above needs it. */
        return map->used && map->page && map->usable_bytes >= 480;
}

bool page_map_adds_up(Connection *connection)
{
        _cleanup_(page_map_done) PageMap map = {.connection = connection};
        unsigned char header[HEADER_BYTES];
        uint64_t pending_page;

        if (!begin(&map, header))
                return false;
        pending_page = PENDING_BYTE / map.page_bytes + 1;
        if (pending_page <= map.n_pages && !claim(&map, (uint32_t) pending_page))
                return false;
        return claim_free_pages(&map, header) && claim_roots(&map) && claim_trees(&map) && map.n_left == 0;
}
