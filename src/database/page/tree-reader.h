/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Goes through the entries of one b-tree from the first to the last, as they lie in the file (page-file.h),
 * with one page of each level in memory. What is not as the format wants it ends the reading: nothing is
 * passed over. Belongs to one thread. */

#include "database/page/page-file.h"

/* As SQLite: no tree that it makes is as deep. */
#define TREE_LEVELS_MAX 20

/* Of a payload that does not lie in its page; a size that is damaged is not allocated. */
#define TREE_PAYLOAD_BYTES_MAX MIB

typedef struct TreeLevel {
        unsigned char *page;
        PageNode node;
        uint32_t position; /* what comes next: in an interior page, children and cells by turns */
} TreeLevel;

typedef struct TreeReader {
        const PageFile *file; /* borrowed */
        bool is_index;
        TreeLevel levels[TREE_LEVELS_MAX];
        unsigned n_levels;      /* that are being read; 0 at the end */
        unsigned char *payload; /* one that is not all in its page, put together */
        size_t n_payload_bytes; /* allocated */
} TreeReader;

/* Begins with a tree's root page. `file` has to outlive the reader. 0, or -EBADMSG when the page is no such
 * thing, -ENOMEM; tree_reader_done() is due in any case. */
int tree_reader_begin(TreeReader *reader, const PageFile *file, uint32_t root, bool is_index);
void tree_reader_done(TreeReader *reader);

/* Goes to the next entry, in an index also those of interior pages. 1 with *ret, which is valid until the
 * next call; 0 after the last; -EBADMSG when a page can't be read or made sense of, -ENOMEM, and -ECANCELED
 * after progress_cancel() of the connection's Progress. */
int tree_reader_next(TreeReader *reader, PageCell *ret);

/* The first `n_bytes` of an entry's payload in one piece, valid until the next call for this reader; NULL
 * when there are not as many, they can't be read, or are more than TREE_PAYLOAD_BYTES_MAX and not local. */
const unsigned char *tree_reader_payload(TreeReader *reader, const PageCell *cell, uint64_t n_bytes);
