/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/page/page-file.h"

#include <string.h>

#include "database/page/wal-frames.h"

/* Fields of the database's header. */
#define HEADER_PAGE_BYTES 16
#define HEADER_READ_VERSION 19 /* 2 in WAL mode */
#define HEADER_RESERVED 20
#define HEADER_CHANGE_COUNTER 24
#define HEADER_N_PAGES 28
#define HEADER_VERSION_VALID_FOR 92

/* A writer may be beginning the -wal anew at this moment. */
#define TRIES 10

enum { INTERIOR_INDEX = 2, INTERIOR_TABLE = 5, LEAF_INDEX = 10, LEAF_TABLE = 13 };

static bool read_at(const PageFile *file, uint64_t offset, void *buffer, size_t size_bytes)
{
        return file->file->pMethods->xRead(file->file, buffer, (int) size_bytes, (sqlite3_int64) offset) ==
               SQLITE_OK;
}

bool page_file_open(
                Connection *connection, PageFile *ret, unsigned char header[static PAGE_FILE_HEADER_BYTES])
{
        PageFile file = {.progress = connection->progress};
        int64_t page_bytes, n_pages;

        if (sqlite3_file_control(connection->handle, "main", SQLITE_FCNTL_FILE_POINTER, &file.file) !=
                                        SQLITE_OK ||
                        !file.file || !file.file->pMethods)
                return false;
        if (connection_query_integer(connection, "PRAGMA main.page_size", &page_bytes, NULL) < 0 ||
                        connection_query_integer(connection, "PRAGMA main.page_count", &n_pages, NULL) < 0)
                return false;
        /* An empty file has no page, and no header. */
        if (page_bytes < 512 || n_pages < 1 || n_pages >= UINT32_MAX ||
                        !read_at(&file, 0, header, PAGE_FILE_HEADER_BYTES))
                return false;
        file.page_bytes = (uint64_t) page_bytes;
        file.usable_bytes = file.page_bytes - header[HEADER_RESERVED];
        file.n_pages = (uint32_t) n_pages;
        /* SQLite refuses less, and the arithmetic below needs it. */
        if (file.usable_bytes < 480)
                return false;
        *ret = file;
        return true;
}

static int note_frame(void *userdata,
                uint32_t page,
                const unsigned char *content,
                uint64_t offset_bytes,
                Fault *fault)
{
        PageFile *file = userdata;

        file->wal_offsets[page] = offset_bytes;
        return 1;
}

/* As SQLite takes the size of the main file: from its header, unless a writer has not known that field. */
static uint32_t count_pages(const PageFile *file, const unsigned char *header, uint64_t file_bytes)
{
        uint32_t n = page_get4(header + HEADER_N_PAGES);

        if (n > 0 && page_get4(header + HEADER_CHANGE_COUNTER) ==
                                        page_get4(header + HEADER_VERSION_VALID_FOR))
                return n;
        return (uint32_t) MIN_OF(file_bytes / file->page_bytes, (uint64_t) UINT32_MAX - 1);
}

static bool take_header(PageFile *file, const unsigned char *header, uint64_t file_bytes)
{
        file->page_bytes = (uint64_t) header[HEADER_PAGE_BYTES] << 8 |
                           (uint64_t) header[HEADER_PAGE_BYTES + 1] << 16;
        file->usable_bytes = file->page_bytes - header[HEADER_RESERVED];
        if (file->page_bytes < 512 || (file->page_bytes & (file->page_bytes - 1)) != 0 ||
                        file->usable_bytes < 480)
                return false;
        file->n_pages = count_pages(file, header, file_bytes);
        return file->n_pages > 0;
}

/* 1, 0 when the -wal is not understood at this moment, or negative. */
static int read_wal(Connection *connection, PageFile *file, const WalIndex *index, Fault *fault)
{
        const char *doubt;

        if (index->n_backfilled == index->n_frames)
                return 1;
        if (index->n_backfilled > index->n_frames || index->page_bytes != file->page_bytes ||
                        sqlite3_file_control(connection->handle,
                                        "main",
                                        SQLITE_FCNTL_JOURNAL_POINTER,
                                        &file->wal) != SQLITE_OK ||
                        !file->wal || !file->wal->pMethods)
                return 0;
        file->n_pages = index->n_pages;
        free(file->wal_offsets);
        file->wal_offsets = calloc((size_t) file->n_pages + 1, sizeof *file->wal_offsets);
        if (!file->wal_offsets)
                return fault_set_errno(fault, ENOMEM, "Reading %s", connection->path);
        return wal_frames_each(connection, index, note_frame, file, &doubt, fault);
}

static int find_wal_pages(Connection *connection, PageFile *file, Fault *fault)
{
        WalIndex index;
        int r = 0;

        for (unsigned i = 0; r == 0 && i < TRIES; i++) {
                if (i > 0)
                        (void) sqlite3_sleep(1);
                if (wal_index_read(file->file, &index))
                        r = read_wal(connection, file, &index, fault);
        }
        return r;
}

int page_file_open_live(Connection *connection, PageFile *ret, Fault *fault)
{
        _cleanup_(page_file_done) PageFile file = {.progress = connection->progress};
        unsigned char header[PAGE_FILE_HEADER_BYTES] = {0};
        sqlite3_int64 file_bytes = 0;
        bool is_shared = false;
        int code, r;

        if (sqlite3_file_control(connection->handle, "main", SQLITE_FCNTL_FILE_POINTER, &file.file) !=
                                        SQLITE_OK ||
                        !file.file || !file.file->pMethods)
                return 0;
        code = file.file->pMethods->xFileSize(file.file, &file_bytes);
        if (code == SQLITE_OK)
                code = file.file->pMethods->xRead(file.file, header, sizeof header, 0);
        if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ)
                return connection_fault(connection, code, fault, "Reading the pages");
        r = connection_pragma_is(connection, "PRAGMA main.locking_mode", "normal", &is_shared, fault);
        if (r < 0)
                return r;
        /* Also of a file whose -wal has a sound first page: no such header was ever checkpointed. */
        if (!take_header(&file, header, (uint64_t) file_bytes))
                return fault_set(fault,
                                FAULT_NOT_A_DATABASE,
                                "%s: its header is not that of a database",
                                connection->path);
        /* Else there is no wal-index in shared memory, and asking for it would make one. */
        if (is_shared && header[HEADER_READ_VERSION] == 2) {
                r = find_wal_pages(connection, &file, fault);
                if (r <= 0)
                        return r;
        }
        *ret = file;
        file.wal_offsets = NULL;
        return 1;
}

void page_file_done(PageFile *file)
{
        free(file->wal_offsets);
        *file = (PageFile){0};
}

int page_file_read_code(const PageFile *file, uint32_t page, size_t offset, void *buffer, size_t size_bytes)
{
        sqlite3_file *from = file->file;
        uint64_t at;

        if (page == 0 || page > file->n_pages)
                return SQLITE_IOERR_SHORT_READ;
        at = (uint64_t) (page - 1) * file->page_bytes;
        if (file->wal_offsets && file->wal_offsets[page] > 0) {
                from = file->wal;
                at = file->wal_offsets[page];
        }
        return from->pMethods->xRead(from, buffer, (int) size_bytes, (sqlite3_int64) (at + offset));
}

bool page_file_read(const PageFile *file, uint32_t page, size_t offset, void *buffer, size_t size_bytes)
{
        return page_file_read_code(file, page, offset, buffer, size_bytes) == SQLITE_OK;
}

bool page_file_read_node(const PageFile *file, uint32_t page, unsigned char *buffer, PageNode *ret)
{
        return page_file_read(file, page, 0, buffer, file->page_bytes) &&
               page_file_parse_node(file, page, buffer, ret);
}

bool page_file_parse_node(const PageFile *file, uint32_t page, const unsigned char *buffer, PageNode *ret)
{
        const unsigned char *header = buffer + (page == 1 ? PAGE_FILE_HEADER_BYTES : 0);
        PageNode node = {.page = buffer};

        switch (header[0]) {
        case INTERIOR_INDEX:
        case INTERIOR_TABLE:
                node.is_interior = true;
                node.right = page_get4(header + 8);
                node.pointers = header + 12;
                break;
        case LEAF_INDEX:
        case LEAF_TABLE:
                node.pointers = header + 8;
                break;
        default:
                return false;
        }
        node.is_index = header[0] == INTERIOR_INDEX || header[0] == LEAF_INDEX;
        node.n_cells = page_get2(header + 3);
        if (2 * (uint64_t) node.n_cells > file->usable_bytes - (uint64_t) (node.pointers - buffer))
                return false;
        *ret = node;
        return true;
}

/* Of a payload, how many bytes lie in the b-tree page itself (section 1.6). */
static uint64_t count_local_bytes(const PageFile *file, bool is_index, uint64_t payload_bytes)
{
        uint64_t usable = file->usable_bytes;
        uint64_t most = is_index ? (usable - 12) * 64 / 255 - 23 : usable - 35;
        uint64_t least = (usable - 12) * 32 / 255 - 23, local;

        if (payload_bytes <= most)
                return payload_bytes;
        local = least + (payload_bytes - least) % (usable - 4);
        return local <= most ? local : least;
}

bool page_node_cell(const PageFile *file, const PageNode *node, uint32_t index, PageCell *ret)
{
        const unsigned char *end = node->page + file->usable_bytes, *at;
        uint32_t offset = page_get2(node->pointers + (size_t) 2 * index);
        PageCell cell = {0};

        if (offset >= file->usable_bytes)
                return false;
        at = node->page + offset;
        if (node->is_interior) {
                if (end - at < 4)
                        return false;
                cell.left = page_get4(at);
                at += 4;
        }
        if (node->is_index || !node->is_interior)
                at = page_get_varint(at, end, &cell.payload_bytes);
        if (at && !node->is_index)
                at = page_get_varint(at, end, &cell.rowid);
        if (!at)
                return false;
        cell.local = at;
        cell.local_bytes = count_local_bytes(file, node->is_index, cell.payload_bytes);
        if ((uint64_t) (end - at) < cell.local_bytes)
                return false;
        if (cell.local_bytes < cell.payload_bytes) {
                if ((uint64_t) (end - at) < cell.local_bytes + 4)
                        return false;
                cell.overflow = page_get4(at + cell.local_bytes);
        }
        *ret = cell;
        return true;
}
