/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/rescue/salvage-tree.h"

#include <string.h>

#include "database/rescue/salvage-page.h"
#include "database/rescue/salvage-record.h"

/* As SQLite: no tree that it makes is as deep. */
#define DEPTH_MAX 20

typedef struct Walk {
        SalvageFile *salvage;
        const SalvageTree *tree;
        SalvageVisit visit; /* NULL while pages are counted */
        void *userdata;
        uint64_t n_gaps;
        bool has_last;
        int64_t last_rowid;
        unsigned char *payload; /* put together */
        uint64_t n_payload_bytes;
} Walk;

/* What the page above says of the rowids below: they are above `low`, and at most `high`. */
typedef struct Bounds {
        bool has_low;
        int64_t low, high;
} Bounds;

static void walk_done(Walk *walk)
{
        free(walk->payload);
}

static int tell_gap(Walk *walk, bool is_below, Fault *fault)
{
        const SalvageEntry gap = {.what = SALVAGE_GAP, .is_below = is_below};

        walk->n_gaps++;
        return walk->visit ? walk->visit(walk->userdata, &gap, fault) : 0;
}

/* Goes to the page that follows in a chain. False when there is no such page as this one. */
static bool go_on(const PageFile *file, uint32_t *page)
{
        unsigned char next[4];

        if (!page_file_read(file, *page, 0, next, sizeof next))
                return false;
        *page = page_get4(next);
        return true;
}

/* Whether the chain of a payload that is not all in its page ends where the payload does. */
static bool chain_is_exact(const PageFile *file, const PageCell *cell)
{
        uint64_t n_left = cell->payload_bytes - cell->local_bytes, chunk = file->usable_bytes - 4;
        uint32_t page = cell->overflow;

        for (; n_left > 0; n_left -= MIN_OF(n_left, chunk))
                if (!go_on(file, &page))
                        return false;
        return page == 0;
}

/* Counts the pages of such a chain; one that is not exact may lead through pages of others, which are not to
 * be doubted for it. False when it is broken, or some page of it is used twice. */
static bool count_chain(SalvageFile *salvage, const PageCell *cell, bool is_index)
{
        const PageFile *file = &salvage->file;
        uint32_t page = cell->overflow;

        if (!chain_is_exact(file, cell))
                return false;
        for (; page != 0; (void) go_on(file, &page)) {
                if (!salvage_file_use(salvage, page) || salvage->n_uses[page] > 1)
                        return false;
                if (is_index)
                        salvage->taken[page] = 1;
        }
        return true;
}

/* A chain that goes on where the payload ends still has all of it, where these pages are nothing else's and
 * not free. */
static bool read_chain(SalvageFile *salvage, const PageCell *cell, unsigned char *into)
{
        const PageFile *file = &salvage->file;
        uint64_t n_left = cell->payload_bytes - cell->local_bytes, chunk = file->usable_bytes - 4;
        bool exact = chain_is_exact(file, cell);
        uint32_t page = cell->overflow;

        if (!exact && !salvage->others_known)
                return false;
        for (; n_left > 0; n_left -= MIN_OF(n_left, chunk)) {
                if (!page_file_read(file, page, 4, into, MIN_OF(n_left, chunk)))
                        return false;
                if (exact ? salvage->n_uses[page] > 1 : salvage->n_uses[page] > 0 || salvage->taken[page])
                        return false;
                salvage->taken[page] = 1;
                into += MIN_OF(n_left, chunk);
                (void) go_on(file, &page);
        }
        return true;
}

/* The whole payload; NULL when it can't be read. */
static const unsigned char *read_payload(Walk *walk, const PageCell *cell)
{
        const PageFile *file = &walk->salvage->file;

        if (cell->local_bytes == cell->payload_bytes)
                return cell->local;
        if (cell->payload_bytes > (uint64_t) file->n_pages * file->page_bytes)
                return NULL;
        if (cell->payload_bytes > walk->n_payload_bytes) {
                unsigned char *grown = realloc(walk->payload, cell->payload_bytes);

                if (!grown)
                        return NULL;
                walk->payload = grown;
                walk->n_payload_bytes = cell->payload_bytes;
        }
        memcpy(walk->payload, cell->local, cell->local_bytes);
        return read_chain(walk->salvage, cell, walk->payload + cell->local_bytes) ? walk->payload : NULL;
}

static bool is_within(const Walk *walk, const Bounds *bounds, int64_t rowid)
{
        return (!walk->has_last || rowid > walk->last_rowid) && (!bounds->has_low || rowid > bounds->low) &&
               rowid <= bounds->high;
}

static int tell_entry(Walk *walk, const PageCell *cell, Fault *fault)
{
        unsigned n_max = walk->tree->n_fields_max, n;
        SalvageEntry entry = {.what = SALVAGE_ENTRY,
                        .rowid = (int64_t) cell->rowid,
                        .record = read_payload(walk, cell),
                        .n_bytes = cell->payload_bytes};

        n = entry.record ? salvage_record_count(entry.record, entry.n_bytes) : 0;
        if (n == 0 || (n_max > 0 && n > n_max)) {
                if (walk->tree->is_index)
                        return tell_gap(walk, false, fault);
                entry.what = SALVAGE_ROWID;
                entry.record = NULL;
                walk->n_gaps++;
        }
        walk->has_last = true;
        walk->last_rowid = entry.rowid;
        return walk->visit(walk->userdata, &entry, fault);
}

/* Whether a cell out of order is the wrong one, and not the one after it. In a page whose parts do not fit
 * that is so; in another the one after that has to bear the next one out. */
static bool next_fits_better(Walk *walk,
                const PageNode *node,
                uint32_t index,
                bool fits,
                const Bounds *bounds,
                const PageCell *cell)
{
        const PageFile *file = &walk->salvage->file;
        int64_t rowid = (int64_t) cell->rowid;
        PageCell next, after;

        if (index + 1 >= node->n_cells || !page_node_cell(file, node, index + 1, &next) ||
                        (int64_t) next.rowid > rowid || !is_within(walk, bounds, (int64_t) next.rowid))
                return false;
        return !fits || (index + 2 < node->n_cells && page_node_cell(file, node, index + 2, &after) &&
                                        (int64_t) after.rowid > (int64_t) next.rowid &&
                                        (int64_t) after.rowid <= rowid);
}

static int take_cell(Walk *walk,
                const PageNode *node,
                uint32_t index,
                bool fits,
                const Bounds *bounds,
                Fault *fault)
{
        PageCell cell;

        if (!page_node_cell(&walk->salvage->file, node, index, &cell))
                return tell_gap(walk, false, fault);
        if (!walk->visit) {
                if (cell.local_bytes < cell.payload_bytes &&
                                !count_chain(walk->salvage, &cell, walk->tree->is_index))
                        walk->n_gaps++;
                return 0;
        }
        if (!node->is_index && (!is_within(walk, bounds, (int64_t) cell.rowid) ||
                                               next_fits_better(walk, node, index, fits, bounds, &cell)))
                return tell_gap(walk, false, fault);
        return tell_entry(walk, &cell, fault);
}

static int walk_page(Walk *walk, uint32_t page, unsigned depth, const Bounds *bounds, Fault *fault);

/* Where the parts of a page do not fit, a child may be missing before any other. */
static int walk_child(
                Walk *walk, uint32_t page, bool fits, unsigned depth, const Bounds *bounds, Fault *fault)
{
        int r = fits ? 0 : tell_gap(walk, true, fault);

        return r < 0 ? r : walk_page(walk, page, depth + 1, bounds, fault);
}

static bool parts_children(Walk *walk,
                const PageNode *node,
                uint32_t index,
                bool fits,
                const Bounds *bounds,
                PageCell *ret)
{
        PageCell next;
        int64_t key;

        if (!page_node_cell(&walk->salvage->file, node, index, ret))
                return false;
        key = (int64_t) ret->rowid;
        if (node->is_index)
                return true;
        if ((bounds->has_low && key <= bounds->low) || key > bounds->high)
                return false;
        /* Out of order, it may be this one or the next that is wrong. */
        return fits || index + 1 >= node->n_cells ||
               !page_node_cell(&walk->salvage->file, node, index + 1, &next) || (int64_t) next.rowid > key ||
               (bounds->has_low && (int64_t) next.rowid <= bounds->low);
}

static int walk_children(Walk *walk,
                const PageNode *node,
                bool fits,
                unsigned depth,
                const Bounds *bounds,
                Fault *fault)
{
        Bounds child = *bounds;
        int r = 0;

        for (uint32_t i = 0; r >= 0 && i < node->n_cells; i++) {
                PageCell cell;

                child.high = bounds->high;
                if (!parts_children(walk, node, i, fits, &child, &cell)) {
                        r = tell_gap(walk, true, fault);
                        continue;
                }
                if (!node->is_index)
                        child.high = (int64_t) cell.rowid;
                r = walk_child(walk, cell.left, fits, depth, &child, fault);
                if (r >= 0 && node->is_index)
                        r = take_cell(walk, node, i, fits, bounds, fault);
                child.has_low = !node->is_index;
                child.low = (int64_t) cell.rowid;
        }
        child.high = bounds->high;
        return r < 0 ? r : walk_child(walk, node->right, fits, depth, &child, fault);
}

/* False for one that was used before, and by something else when the pages were counted. */
static bool may_use(Walk *walk, uint32_t page)
{
        SalvageFile *salvage = walk->salvage;

        if (page == 0 || page > salvage->file.n_pages)
                return false;
        if (walk->visit)
                return salvage->n_uses[page] == 1;
        return salvage_file_use(salvage, page) && salvage->n_uses[page] == 1;
}

static int walk_page(Walk *walk, uint32_t page, unsigned depth, const Bounds *bounds, Fault *fault)
{
        const PageFile *file = &walk->salvage->file;
        const Progress *progress = file->progress;
        _cleanup_free_ unsigned char *buffer = NULL;
        bool fits = false;
        PageNode node;
        int r = 0;

        if (progress && atomic_load(&progress->cancelled))
                return fault_set(fault, FAULT_CANCELLED, "Reading the damaged database: cancelled");
        buffer = malloc(file->page_bytes);
        if (!buffer)
                return fault_set_errno(fault, ENOMEM, "Reading the damaged database");
        if (depth >= DEPTH_MAX ||
                        !salvage_page_read(file, page, walk->tree->is_index, buffer, &node, &fits) ||
                        !may_use(walk, page))
                return tell_gap(walk, true, fault);
        if (walk->visit || walk->tree->is_index)
                walk->salvage->taken[page] = 1;
        if (node.is_interior)
                return walk_children(walk, &node, fits, depth, bounds, fault);
        for (uint32_t i = 0; r >= 0 && i < node.n_cells; i++)
                r = take_cell(walk, &node, i, fits, bounds, fault);
        /* Its cells may be more than it says. */
        if (r >= 0 && !fits)
                r = tell_gap(walk, false, fault);
        return r;
}

static int walk_tree(Walk *walk, Fault *fault)
{
        static const Bounds everything = {.high = INT64_MAX};

        return walk_page(walk, walk->tree->root, 0, &everything, fault);
}

int salvage_tree_survey(SalvageFile *salvage, const SalvageTree *tree, uint64_t *ret_n_gaps, Fault *fault)
{
        _cleanup_(walk_done) Walk walk = {.salvage = salvage, .tree = tree};
        int r = walk_tree(&walk, fault);

        if (r >= 0)
                *ret_n_gaps = walk.n_gaps;
        return r;
}

int salvage_tree_read(SalvageFile *salvage,
                const SalvageTree *tree,
                SalvageVisit visit,
                void *userdata,
                Fault *fault)
{
        _cleanup_(walk_done)
                        Walk walk = {.salvage = salvage, .tree = tree, .visit = visit, .userdata = userdata};

        return walk_tree(&walk, fault);
}

typedef struct Range {
        unsigned n;
        bool broken;
        int64_t first, last;
} Range;

static int note_range(void *userdata, const SalvageEntry *entry, Fault *fault)
{
        Range *range = userdata;

        if (entry->what != SALVAGE_ENTRY) {
                range->broken = true;
                return 0;
        }
        if (range->n++ == 0)
                range->first = entry->rowid;
        range->last = entry->rowid;
        return 0;
}

static int walk_leaf(SalvageFile *salvage,
                uint32_t page,
                unsigned n_fields_max,
                SalvageVisit visit,
                void *userdata,
                Fault *fault)
{
        static const Bounds everything = {.high = INT64_MAX};
        const SalvageTree tree = {.root = page, .n_fields_max = n_fields_max};
        _cleanup_(walk_done) Walk walk = {
                        .salvage = salvage, .tree = &tree, .visit = visit, .userdata = userdata};
        _cleanup_free_ unsigned char *buffer = malloc(salvage->file.page_bytes);
        PageNode node;
        bool fits;
        int r = 0;

        if (!buffer)
                return fault_set_errno(fault, ENOMEM, "Reading the damaged database");
        if (!salvage_page_read(&salvage->file, page, false, buffer, &node, &fits) || !fits ||
                        node.is_interior)
                return 0;
        for (uint32_t i = 0; r >= 0 && i < node.n_cells; i++)
                r = take_cell(&walk, &node, i, fits, &everything, fault);
        return r;
}

int salvage_leaf_range(SalvageFile *salvage,
                uint32_t page,
                unsigned n_fields_max,
                int64_t *ret_first,
                int64_t *ret_last,
                bool *ret_is_leaf,
                Fault *fault)
{
        Range range = {0};
        int r = walk_leaf(salvage, page, n_fields_max, note_range, &range, fault);

        if (r < 0)
                return r;
        *ret_first = range.first;
        *ret_last = range.last;
        *ret_is_leaf = range.n > 0 && !range.broken;
        return 0;
}

int salvage_leaf_read(SalvageFile *salvage,
                uint32_t page,
                unsigned n_fields_max,
                SalvageVisit visit,
                void *userdata,
                Fault *fault)
{
        salvage->taken[page] = 1;
        return walk_leaf(salvage, page, n_fields_max, visit, userdata, fault);
}
