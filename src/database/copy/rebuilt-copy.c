/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/copy/rebuilt-copy.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The file format, sections 1.3 and 1.6. */
#define HEADER_RESERVED_OFFSET 20
#define HEADER_FREELIST_OFFSET 32 /* first trunk page and number of pages */
#define HEADER_FREELIST_BYTES 8
#define PAGE_LEAF_INDEX 0x0a
#define PAGE_CONTENT_OFFSET 5
#define PAGE_HEADER_BYTES 8

typedef struct Root {
        DamagedIndex index;
        uint64_t page;
} Root;

typedef struct Roots {
        Root *items;
        size_t n_items;
        uint64_t page_size_bytes;
} Roots;

static void roots_done(Roots *roots)
{
        for (size_t i = 0; i < roots->n_items; i++) {
                free(roots->items[i].index.table);
                free(roots->items[i].index.index);
        }
        free(roots->items);
        *roots = (Roots){0};
}

static bool is_wanted(const DamagedIndexes *damaged, const char *index)
{
        for (size_t i = 0; i < damaged->n_items; i++)
                if (damaged->items[i].index && sqlite3_stricmp(damaged->items[i].index, index) == 0)
                        return true;
        return damaged->structural;
}

static int add_root(Roots *roots, const char *table, const char *index, int64_t page)
{
        Root *larger = reallocarray(roots->items, roots->n_items + 1, sizeof *roots->items);
        Root root = {.index = {.table = strdup(table), .index = strdup(index)}, .page = (uint64_t) page};

        if (larger)
                roots->items = larger;
        if (!larger || !root.index.table || !root.index.index) {
                free(root.index.table);
                free(root.index.index);
                return -ENOMEM;
        }
        larger[roots->n_items++] = root;
        return 0;
}

/* The tree of a table WITHOUT ROWID is that of its primary key, and is the table's own row here. */
static int find_roots(const char *path, const DamagedIndexes *damaged, Roots *roots, Fault *fault)
{
        static const char sql[] = "SELECT tbl_name, name, rootpage FROM main.sqlite_schema "
                                  "WHERE type = 'index' AND rootpage > 1";
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int64_t page_size_bytes = 0;
        int code = SQLITE_DONE, r = connection_open(path, CONNECTION_PRIVATE, NULL, &connection, fault);

        if (r >= 0)
                r = connection_query_integer(connection, "PRAGMA main.page_size", &page_size_bytes, fault);
        if (r >= 0)
                r = connection_prepare(connection, sql, &statement, fault);
        while (r >= 0 && (code = sqlite3_step(statement)) == SQLITE_ROW) {
                const char *table = (const char *) sqlite3_column_text(statement, 0);
                const char *index = (const char *) sqlite3_column_text(statement, 1);

                if (is_wanted(damaged, index) &&
                                add_root(roots, table, index, sqlite3_column_int64(statement, 2)) < 0)
                        r = fault_set_errno(fault, ENOMEM, "Making a database anew");
        }
        if (r >= 0 && code != SQLITE_DONE)
                r = connection_fault(connection, code, fault, sql);
        roots->page_size_bytes = (uint64_t) page_size_bytes;
        return r;
}

static int empty_root(int fd, const Root *root, uint64_t page_size_bytes, uint8_t reserved_bytes)
{
        uint64_t usable_bytes = page_size_bytes - reserved_bytes;
        unsigned char header[PAGE_HEADER_BYTES] = {PAGE_LEAF_INDEX};
        uint64_t offset = (root->page - 1) * page_size_bytes;

        /* 65536 does not fit and is written as 0. */
        header[PAGE_CONTENT_OFFSET] = (unsigned char) (usable_bytes >> 8);
        header[PAGE_CONTENT_OFFSET + 1] = (unsigned char) usable_bytes;
        return pwrite(fd, header, sizeof header, (off_t) offset) == sizeof header ? 0 : -EIO;
}

/* Nobody else knows the copy, and no connection has it open. */
static int drop_what_is_damaged(const char *path, const Roots *roots, Fault *fault)
{
        static const unsigned char nothing[HEADER_FREELIST_BYTES];
        _cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        uint8_t reserved_bytes;
        int r = 0;

        if (fd < 0)
                return fault_set_errno(fault, errno, "Opening %s", path);
        if (pread(fd, &reserved_bytes, 1, HEADER_RESERVED_OFFSET) != 1 ||
                        pwrite(fd, nothing, sizeof nothing, HEADER_FREELIST_OFFSET) != sizeof nothing)
                r = -EIO;
        for (size_t i = 0; r >= 0 && i < roots->n_items; i++)
                r = empty_root(fd, roots->items + i, roots->page_size_bytes, reserved_bytes);
        return r < 0 ? fault_set_errno(fault, r, "Writing %s", path) : 0;
}

static int copy_tables(const char *raw_path, const char *path, Progress *progress, Fault *fault)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        char *sql = sqlite3_mprintf("VACUUM main INTO %Q", path);
        int r = sql ? connection_open(raw_path, CONNECTION_PRIVATE, progress, &connection, fault)
                    : fault_set_errno(fault, ENOMEM, "Making a database anew");

        if (r >= 0)
                r = connection_execute(connection, sql, fault);
        sqlite3_free(sql);
        return r;
}

static int rebuild(const char *path,
                const DamagedIndexes *damaged,
                const Roots *roots,
                Progress *progress,
                Fault *fault)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        int r = connection_open(path, CONNECTION_PRIVATE, progress, &connection, fault);

        for (size_t i = 0; r >= 0 && i < roots->n_items; i++)
                r = damaged_index_rebuild(connection, &roots->items[i].index, fault);
        for (size_t i = 0; r >= 0 && i < damaged->n_items; i++)
                if (!damaged->items[i].index)
                        r = damaged_index_rebuild(connection, damaged->items + i, fault);
        return r;
}

int rebuilt_copy_make(const char *raw_path,
                const char *path,
                const DamagedIndexes *damaged,
                Progress *progress,
                Fault *fault)
{
        _cleanup_(roots_done) Roots roots = {0};
        int r = find_roots(raw_path, damaged, &roots, fault);

        if (r >= 0)
                r = drop_what_is_damaged(raw_path, &roots, fault);
        if (r >= 0)
                r = copy_tables(raw_path, path, progress, fault);
        return r < 0 ? r : rebuild(path, damaged, &roots, progress, fault);
}
