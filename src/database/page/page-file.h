/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The pages of a database file as they lie in it, for what SQLite does not tell: which thing each page
 * belongs to (page-map.h, page-proof.h), and which bytes an index holds (tree-reader.h). For a database
 * whose snapshot is pinned: pages are read through SQLite's own descriptors, since closing another would
 * drop its locks. Nothing in a page is trusted; whatever makes no sense is false.
 * Belongs to the connection's thread. Format: https://www.sqlite.org/fileformat2.html, sections 1.3 to 1.6.
 */

#include "database/connection/connection.h"

#define PAGE_FILE_HEADER_BYTES 100

typedef struct PageFile {
        sqlite3_file *file;       /* the connection's */
        const Progress *progress; /* the connection's; may be NULL */
        uint64_t page_bytes;
        uint64_t usable_bytes; /* of each page: without what extensions reserve at its end */
        uint32_t n_pages;
        sqlite3_file *wal;     /* the connection's; NULL when all pages are in the main file */
        uint64_t *wal_offsets; /* owned; of each page there, 0 for one that is not */
} PageFile;

/* One page of a b-tree. */
typedef struct PageNode {
        const unsigned char *page;
        const unsigned char *pointers; /* to the cells, two bytes each */
        bool is_index;
        bool is_interior;
        uint32_t n_cells;
        uint32_t right; /* the last child of an interior page */
} PageNode;

typedef struct PageCell {
        uint32_t left;          /* the child before it, in an interior page */
        uint64_t rowid;         /* in a table */
        uint64_t payload_bytes; /* none in a table's interior page */
        const unsigned char *local;
        uint64_t local_bytes; /* of the payload, those that lie in the page itself */
        uint32_t overflow;    /* the page where it goes on; 0 when all of it is local */
} PageCell;

static inline uint32_t page_get2(const unsigned char *at)
{
        return (uint32_t) at[0] << 8 | at[1];
}

static inline uint32_t page_get4(const unsigned char *at)
{
        return page_get2(at) << 16 | page_get2(at + 2);
}

/* Reads a variable-length integer before `end`. Returns what follows it, NULL when it goes beyond. */
static inline const unsigned char *page_get_varint(
                const unsigned char *at, const unsigned char *end, uint64_t *ret)
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

/* Fills *ret, and `header` with the database's. False for a file without a page, too. For a private copy
 * without a -wal. */
bool page_file_open(
                Connection *connection, PageFile *ret, unsigned char header[static PAGE_FILE_HEADER_BYTES]);

/* The same for a live database as well, with the pages that only its -wal has, and without reading its
 * schema. raw-copy.h says why that is one committed state. 1; 0 when its files are not plainly understood;
 * negative with the fault filled when they can't be read. page_file_done() is due after 1. */
int page_file_open_live(Connection *connection, PageFile *ret, Fault *fault);
void page_file_done(PageFile *file);

/* Reads as page_file_read() does; SQLite's code tells a page that is not there (SHORT_READ) from a disk that
 * fails. */
int page_file_read_code(const PageFile *file, uint32_t page, size_t offset, void *buffer, size_t size_bytes);

/* Reads `size_bytes` of a page, from `offset` on, into `buffer`; false when there is no such page. */
bool page_file_read(const PageFile *file, uint32_t page, size_t offset, void *buffer, size_t size_bytes);

/* Reads a page of a b-tree into `buffer`, which has room for a page and to which *ret then points; its cell
 * pointers are within the page. */
bool page_file_read_node(const PageFile *file, uint32_t page, unsigned char *buffer, PageNode *ret);

/* The same for a page that `buffer` has. */
bool page_file_parse_node(const PageFile *file, uint32_t page, const unsigned char *buffer, PageNode *ret);

/* Takes one cell of it apart; `index` is below n_cells. What is local is within the page. */
bool page_node_cell(const PageFile *file, const PageNode *node, uint32_t index, PageCell *ret);
