/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/page-file.h"

/* A field of the database's header. */
#define HEADER_RESERVED 20

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

bool page_file_read(const PageFile *file, uint32_t page, size_t offset, void *buffer, size_t size_bytes)
{
        return page > 0 && page <= file->n_pages &&
               read_at(file, (uint64_t) (page - 1) * file->page_bytes + offset, buffer, size_bytes);
}

bool page_file_read_node(const PageFile *file, uint32_t page, unsigned char *buffer, PageNode *ret)
{
        const unsigned char *header = buffer + (page == 1 ? PAGE_FILE_HEADER_BYTES : 0);
        PageNode node = {.page = buffer};

        if (!page_file_read(file, page, 0, buffer, file->page_bytes))
                return false;
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
