/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Are the b-trees of a database whole, tree by tree? SQLite's own check says what it finds for the file, in
 * words that need not name the tree, and says nothing where it does not understand the schema. This follows
 * the pages themselves: each page of a tree is one of its kind, its cells lie in it side by side, the rowids
 * of a table rise, all leaves are equally deep, each record is as long as its header says, overflow chains
 * have their length, and no page has two owners. Belongs to the connection's thread. Format:
 * https://www.sqlite.org/fileformat2.html, sections 1.5 to 1.8 and 2.1. */

#include "database/page/page-file.h"

typedef struct ProvedTree {
        char *name; /* owned */
        uint32_t root;
        bool is_index;      /* and not a table's, nor sqlite_schema's */
        bool may_be_either; /* a table without rowids, whose pages are those of an index */
        bool is_foreign;    /* has a page that another tree has, too */
        uint64_t n_entries; /* rows of a table */
        char *finding;      /* owned; the first; NULL when it is whole */
} ProvedTree;

typedef struct PageProof {
        ProvedTree *trees; /* owned; sqlite_schema first, then tables, then indexes */
        size_t n_trees;
        uint32_t *owners; /* owned; for each page 1 and its tree's place, or 0; PAGE_PROOF_FREE */
        uint32_t n_pages;
        char *free_finding; /* owned; the first about free pages and pages without an owner; NULL for none */
} PageProof;

#define PAGE_PROOF_FREE UINT32_MAX

void page_proof_done(PageProof *proof);

/* For a pinned database; its schema need not be understood. 1 with *ret, whatever was found; 0 when the
 * files are not plainly understood and nothing is proved; negative with the fault filled when they can't be
 * read (IO, CANCELLED, …). With `strictly`, a row of sqlite_schema whose SQL is not as SQLite writes it
 * counts as damage. */
int page_proof_run(Connection *connection, bool strictly, PageProof *ret, Fault *fault);

/* The tree that has this page; NULL for none. */
const ProvedTree *page_proof_owner(const PageProof *proof, uint32_t page);
