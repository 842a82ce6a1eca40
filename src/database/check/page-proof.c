/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/check/page-proof.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "database/page/record-value.h"
#include "database/page/tree-reader.h"
#include "database/schema/schema-rows.h"

/* The page with the bytes that POSIX locks are put on: never used, in files that reach that far. */
#define PENDING_BYTE UINT64_C(0x40000000)

#define HEADER_FREELIST 32
#define HEADER_N_FREE 36
#define HEADER_LARGEST_ROOT 52 /* 0 without auto_vacuum */

typedef struct Walk {
        PageFile file;
        PageProof *proof;
        uint32_t tree;         /* the one that is walked: 1 and its place, as in proof->owners */
        bool is_kind_known;    /* of its pages, which a table's root tells */
        bool is_index;         /* they are those of an index, or of a table without rowids */
        unsigned leaf_level;   /* of the first leaf; 0 for none yet */
        bool has_rowid;        /* some was met */
        int64_t rowid;         /* the last one, or the bound that the next ones are above */
        unsigned char *covers; /* which bytes of a page its cells have */
        int code;              /* of SQLite: the disk fails, it was cancelled, no memory is left; or OK */
} Walk;

void page_proof_done(PageProof *proof)
{
        for (size_t i = 0; i < proof->n_trees; i++) {
                free(proof->trees[i].name);
                free(proof->trees[i].finding);
        }
        free(proof->trees);
        free(proof->owners);
        free(proof->free_finding);
        *proof = (PageProof){0};
}

const ProvedTree *page_proof_owner(const PageProof *proof, uint32_t page)
{
        uint32_t owner = page > 0 && page <= proof->n_pages ? proof->owners[page] : 0;

        return owner == 0 || owner == PAGE_PROOF_FREE ? NULL : proof->trees + owner - 1;
}

static ProvedTree *tree_of(const Walk *walk)
{
        return walk->proof->trees + walk->tree - 1;
}

static void find(Walk *walk, uint32_t page, const char *format, ...) _printf_(3, 4);

/* The first finding of a tree is kept. */
static void find(Walk *walk, uint32_t page, const char *format, ...)
{
        _cleanup_free_ char *what = NULL;
        ProvedTree *tree = tree_of(walk);
        va_list arguments;
        int n;

        if (tree->finding)
                return;
        va_start(arguments, format);
        n = vasprintf(&what, format, arguments);
        va_end(arguments);
        if (n < 0)
                what = NULL;
        if (n < 0 || asprintf(&tree->finding,
                                     "%s %s, page %u: %s",
                                     tree->is_index ? "index" : "table",
                                     tree->name,
                                     page,
                                     what) < 0) {
                tree->finding = NULL;
                walk->code = SQLITE_NOMEM;
        }
}

static void find_free(Walk *walk, uint32_t page, const char *what)
{
        char **finding = &walk->proof->free_finding;

        if (!*finding && asprintf(finding, "free pages, page %u: %s", page, what) < 0) {
                *finding = NULL;
                walk->code = SQLITE_NOMEM;
        }
}

/* Tells a page that is not there from a disk that fails. */
static bool read_page(Walk *walk, uint32_t page, void *buffer, size_t n_bytes)
{
        int code = page_file_read_code(&walk->file, page, 0, buffer, n_bytes);

        if (walk->file.progress && atomic_load(&walk->file.progress->cancelled))
                code = SQLITE_INTERRUPT;
        if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ)
                walk->code = code;
        return code == SQLITE_OK;
}

/* For the tree that is walked; `from` is the page that points to it. */
static bool claim(Walk *walk, uint32_t page, uint32_t from)
{
        PageProof *proof = walk->proof;
        const ProvedTree *other;

        if (page == 0 || page > proof->n_pages) {
                find(walk, from, "it points to page %u, which is not there", page);
                return false;
        }
        if (proof->owners[page] == 0) {
                proof->owners[page] = walk->tree;
                return true;
        }
        other = page_proof_owner(proof, page);
        if (other && other != tree_of(walk))
                tree_of(walk)->is_foreign = true;
        find(walk, from, "it points to page %u, which belongs to %s", page, other ? other->name : "SQLite");
        return false;
}

static void prove_overflow(Walk *walk, uint32_t page, const PageCell *cell)
{
        const uint64_t each = walk->file.usable_bytes - 4;
        uint64_t n = (cell->payload_bytes - cell->local_bytes + each - 1) / each;
        unsigned char next[4];
        uint32_t at = cell->overflow, from = page;

        for (; n > 0 && at != 0; n--) {
                if (!claim(walk, at, from))
                        return;
                if (!read_page(walk, at, next, sizeof next)) {
                        find(walk, at, "it can't be read");
                        return;
                }
                from = at;
                at = page_get4(next);
        }
        if (n > 0 || at != 0)
                find(walk, page, "an overflow chain is not as long as its content");
}

/* The fields are as long as the record, as far as its header lies in the page. */
static bool is_record(const PageCell *cell)
{
        const unsigned char *at, *end = cell->local + cell->local_bytes;
        uint64_t header_bytes, n_bytes;

        at = page_get_varint(cell->local, end, &header_bytes);
        if (!at || header_bytes < (uint64_t) (at - cell->local) || header_bytes > cell->payload_bytes)
                return false;
        if (header_bytes > cell->local_bytes)
                return true;
        end = cell->local + header_bytes;
        n_bytes = header_bytes;
        while (at < end) {
                uint64_t type;

                at = page_get_varint(at, end, &type);
                if (!at || type > UINT32_MAX)
                        return false;
                n_bytes += record_content_bytes(type);
        }
        return n_bytes == cell->payload_bytes;
}

/* Whether the cell lies where no other one does. */
static bool cover(Walk *walk, const PageNode *node, uint32_t index, const PageCell *cell)
{
        size_t first = page_get2(node->pointers + (size_t) 2 * index);
        size_t end = (size_t) (cell->local - node->page) + cell->local_bytes +
                     (cell->local_bytes < cell->payload_bytes ? 4 : 0);

        if (first < (size_t) (node->pointers - node->page) + (size_t) 2 * node->n_cells ||
                        memchr(walk->covers + first, 1, end - first))
                return false;
        memset(walk->covers + first, 1, end - first);
        return true;
}

static void pass_rowid(Walk *walk, uint32_t page, int64_t rowid, bool is_bound)
{
        if (walk->has_rowid && (is_bound ? rowid < walk->rowid : rowid <= walk->rowid))
                find(walk, page, "rowid %" PRIi64 " is out of order", rowid);
        walk->has_rowid = true;
        walk->rowid = rowid;
}

static void prove_cell(Walk *walk, const PageNode *node, uint32_t page, uint32_t index)
{
        PageCell cell;

        if (!page_node_cell(&walk->file, node, index, &cell)) {
                find(walk, page, "cell %u is not in the page", index);
                return;
        }
        if (!cover(walk, node, index, &cell))
                find(walk, page, "cell %u lies where something else does", index);
        if (node->is_interior && !node->is_index)
                return;
        tree_of(walk)->n_entries++;
        if (!is_record(&cell))
                find(walk, page, "cell %u is no record", index);
        if (cell.local_bytes < cell.payload_bytes)
                prove_overflow(walk, page, &cell);
        if (!node->is_index)
                pass_rowid(walk, page, (int64_t) cell.rowid, false);
}

static void prove_page(Walk *walk, uint32_t page, uint32_t from, unsigned level);

static void prove_children(Walk *walk, const PageNode *node, uint32_t page, unsigned level)
{
        PageCell cell;

        for (uint32_t i = 0; i < node->n_cells && walk->code == SQLITE_OK; i++) {
                if (!page_node_cell(&walk->file, node, i, &cell))
                        continue;
                prove_page(walk, cell.left, page, level + 1);
                if (!node->is_index)
                        pass_rowid(walk, page, (int64_t) cell.rowid, true);
        }
        if (walk->code == SQLITE_OK)
                prove_page(walk, node->right, page, level + 1);
}

static bool is_of_its_kind(Walk *walk, const PageNode *node)
{
        if (!walk->is_kind_known) {
                walk->is_kind_known = true;
                walk->is_index = node->is_index;
        }
        return node->is_index == walk->is_index;
}

static void prove_node(Walk *walk, const PageNode *node, uint32_t page, unsigned level)
{
        memset(walk->covers, 0, walk->file.page_bytes);
        for (uint32_t i = 0; i < node->n_cells && walk->code == SQLITE_OK; i++)
                prove_cell(walk, node, page, i);
        if (node->is_interior) {
                prove_children(walk, node, page, level);
                return;
        }
        if (walk->leaf_level == 0)
                walk->leaf_level = level;
        if (walk->leaf_level != level)
                find(walk, page, "it is not as deep in the tree as others");
}

static void prove_page(Walk *walk, uint32_t page, uint32_t from, unsigned level)
{
        _cleanup_free_ unsigned char *buffer = NULL;
        PageNode node;

        if (!claim(walk, page, from))
                return;
        buffer = malloc(walk->file.page_bytes);
        if (!buffer) {
                walk->code = SQLITE_NOMEM;
                return;
        }
        if (!read_page(walk, page, buffer, walk->file.page_bytes))
                find(walk, page, "it can't be read");
        else if (level > TREE_LEVELS_MAX || !page_file_parse_node(&walk->file, page, buffer, &node))
                find(walk, page, "it is no page of a b-tree");
        else if (!is_of_its_kind(walk, &node))
                find(walk, page, "it is a page of another kind");
        else
                prove_node(walk, &node, page, level);
}

static void prove_trees(Walk *walk)
{
        PageProof *proof = walk->proof;

        for (size_t i = 0; i < proof->n_trees && walk->code == SQLITE_OK; i++) {
                ProvedTree *tree = proof->trees + i;

                walk->tree = (uint32_t) i + 1;
                walk->is_kind_known = !tree->may_be_either;
                walk->is_index = tree->is_index;
                walk->leaf_level = 0;
                walk->has_rowid = false;
                prove_page(walk, tree->root, 1, 1);
        }
}

/* Those that SQLite has for itself: the one of the locks, and the pointer maps of auto_vacuum. */
static void claim_internal_pages(Walk *walk, const unsigned char *header)
{
        PageProof *proof = walk->proof;
        uint64_t pending = PENDING_BYTE / walk->file.page_bytes + 1;
        uint64_t each = walk->file.usable_bytes / 5 + 1;

        if (pending <= proof->n_pages)
                proof->owners[pending] = PAGE_PROOF_FREE;
        if (page_get4(header + HEADER_LARGEST_ROOT) == 0)
                return;
        for (uint64_t page = 2; page <= proof->n_pages; page += each) {
                uint64_t at = page == pending ? page + 1 : page;

                if (at <= proof->n_pages)
                        proof->owners[at] = PAGE_PROOF_FREE;
        }
}

static bool claim_free(Walk *walk, uint32_t page)
{
        PageProof *proof = walk->proof;

        if (page == 0 || page > proof->n_pages || proof->owners[page] != 0) {
                find_free(walk, page, "their list has it, and it is not free");
                return false;
        }
        proof->owners[page] = PAGE_PROOF_FREE;
        return true;
}

static void prove_trunk(Walk *walk, const unsigned char *trunk, uint32_t page, uint32_t *n_free)
{
        uint32_t n_leaves = page_get4(trunk + 4);

        if (n_leaves > walk->file.usable_bytes / 4 - 2 || n_leaves > *n_free) {
                find_free(walk, page, "it counts too many others");
                *n_free = 0;
                return;
        }
        *n_free -= n_leaves;
        for (uint32_t i = 0; i < n_leaves; i++)
                (void) claim_free(walk, page_get4(trunk + 8 + (size_t) 4 * i));
}

static void prove_free_pages(Walk *walk, const unsigned char *header)
{
        uint32_t n_free = page_get4(header + HEADER_N_FREE), page = page_get4(header + HEADER_FREELIST);
        _cleanup_free_ unsigned char *trunk = malloc(walk->file.page_bytes);

        if (!trunk)
                walk->code = SQLITE_NOMEM;
        for (; page != 0 && walk->code == SQLITE_OK; page = page_get4(trunk)) {
                if (n_free == 0) {
                        find_free(walk, page, "their list is longer than it should be");
                        break;
                }
                if (!claim_free(walk, page))
                        break;
                n_free--;
                if (!read_page(walk, page, trunk, walk->file.page_bytes)) {
                        find_free(walk, page, "it can't be read");
                        break;
                }
                prove_trunk(walk, trunk, page, &n_free);
        }
        if (n_free > 0)
                find_free(walk, 1, "their list is shorter than it should be");
        for (page = 1; page <= walk->proof->n_pages; page++)
                if (walk->proof->owners[page] == 0)
                        find_free(walk, page, "it is never used");
}

static int compare_trees(const void *one, const void *other)
{
        const ProvedTree *a = one, *b = other;
        int r = (a->root != 1) - (b->root != 1);

        if (r == 0)
                r = a->is_index - b->is_index;
        return r != 0 ? r : a->root < b->root ? -1 : a->root > b->root;
}

/* Takes the names of the rows. */
static int list_trees(PageProof *proof, SchemaRows *rows)
{
        proof->trees = calloc(rows->n_rows + 1, sizeof *proof->trees);
        if (!proof->trees)
                return -ENOMEM;
        proof->trees[0] = (ProvedTree){.name = strdup("sqlite_schema"), .root = 1};
        if (!proof->trees[0].name)
                return -ENOMEM;
        proof->n_trees = 1;
        for (size_t i = 0; i < rows->n_rows; i++) {
                SchemaRow *row = rows->rows + i;

                if (row->root != 0)
                        proof->trees[proof->n_trees++] = (ProvedTree){
                                        .name = TAKE_PTR(row->name),
                                        .root = row->root,
                                        .is_index = row->is_index,
                                        .may_be_either = !row->is_index && row->is_without_rowid,
                        };
        }
        qsort(proof->trees, proof->n_trees, sizeof *proof->trees, compare_trees);
        return 0;
}

/* What sqlite_schema holds although its pages are in order. */
static void judge_rows(Walk *walk, const SchemaRows *rows, bool strictly)
{
        walk->tree = 1;
        if (!rows->is_whole)
                find(walk, 1, "it has a row that can't be read");
        for (size_t i = 0; strictly && i < rows->n_rows; i++)
                if (!rows->rows[i].is_written)
                        find(walk, 1, "the words of row %zu are damaged", i + 1);
}

static int prove(Walk *walk, SchemaRows *rows, bool strictly)
{
        unsigned char header[PAGE_FILE_HEADER_BYTES];
        int r = list_trees(walk->proof, rows);

        if (r < 0)
                return r;
        walk->proof->n_pages = walk->file.n_pages;
        walk->proof->owners = calloc((size_t) walk->file.n_pages + 1, sizeof *walk->proof->owners);
        walk->covers = malloc(walk->file.page_bytes);
        if (!walk->proof->owners || !walk->covers)
                return -ENOMEM;
        if (!read_page(walk, 1, header, sizeof header))
                return 0;
        claim_internal_pages(walk, header);
        prove_trees(walk);
        judge_rows(walk, rows, strictly);
        if (walk->code == SQLITE_OK)
                prove_free_pages(walk, header);
        return 0;
}

int page_proof_run(Connection *connection, bool strictly, PageProof *ret, Fault *fault)
{
        _cleanup_(page_proof_done) PageProof proof = {0};
        _cleanup_(schema_rows_done) SchemaRows rows = {0};
        Walk walk = {.proof = &proof};
        int r;

        r = page_file_open_live(connection, &walk.file, fault);
        if (r <= 0)
                return r;
        r = schema_rows_read(&walk.file, &rows);
        if (r >= 0)
                r = prove(&walk, &rows, strictly);
        page_file_done(&walk.file);
        free(walk.covers);
        if (r == -ECANCELED)
                walk.code = SQLITE_INTERRUPT;
        if (r == -ENOMEM)
                walk.code = SQLITE_NOMEM;
        if (walk.code != SQLITE_OK)
                return connection_fault(connection, walk.code, fault, "Reading the pages");
        *ret = proof;
        proof = (PageProof){0};
        return 1;
}
