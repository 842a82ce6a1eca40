/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/page/tree-reader.h"

#include <string.h>

static int descend(TreeReader *reader, uint32_t page)
{
        TreeLevel *level = reader->levels + reader->n_levels;
        const Progress *progress = reader->file->progress;

        if (progress && atomic_load(&progress->cancelled))
                return -ECANCELED;
        /* A page that is its own ancestor ends here, too. */
        if (reader->n_levels == TREE_LEVELS_MAX)
                return -EBADMSG;
        if (!level->page)
                level->page = malloc(reader->file->page_bytes);
        if (!level->page)
                return -ENOMEM;
        if (!page_file_read_node(reader->file, page, level->page, &level->node) ||
                        level->node.is_index != reader->is_index)
                return -EBADMSG;
        level->position = 0;
        reader->n_levels++;
        return 0;
}

int tree_reader_begin(TreeReader *reader, const PageFile *file, uint32_t root, bool is_index)
{
        *reader = (TreeReader){.file = file, .is_index = is_index};
        return descend(reader, root);
}

void tree_reader_done(TreeReader *reader)
{
        for (unsigned i = 0; i < TREE_LEVELS_MAX; i++)
                free(reader->levels[i].page);
        free(reader->payload);
        *reader = (TreeReader){0};
}

/* Children are at even positions, and between them the cells that have them on their left. */
static int next_child(TreeReader *reader, TreeLevel *level)
{
        uint32_t index = level->position++ / 2;
        PageCell cell;

        if (index == level->node.n_cells)
                return descend(reader, level->node.right);
        if (!page_node_cell(reader->file, &level->node, index, &cell))
                return -EBADMSG;
        return descend(reader, cell.left);
}

/* 1 when the entry at this position is one to be returned; 0 to go on. */
static int step(TreeReader *reader, TreeLevel *level, PageCell *ret)
{
        uint32_t index = level->position;

        if (level->node.is_interior) {
                if (index % 2 == 0)
                        return next_child(reader, level);
                index /= 2;
        }
        level->position++;
        /* In a table the cells of interior pages only part its children. */
        if (level->node.is_interior && !reader->is_index)
                return 0;
        return page_node_cell(reader->file, &level->node, index, ret) ? 1 : -EBADMSG;
}

int tree_reader_next(TreeReader *reader, PageCell *ret)
{
        while (reader->n_levels > 0) {
                TreeLevel *level = reader->levels + reader->n_levels - 1;
                uint32_t n = level->node.n_cells;
                int r;

                if (level->position >= (level->node.is_interior ? 2 * n + 1 : n)) {
                        reader->n_levels--;
                        continue;
                }
                r = step(reader, level, ret);
                if (r != 0)
                        return r;
        }
        return 0;
}

static bool reserve(TreeReader *reader, uint64_t n_bytes)
{
        unsigned char *payload;

        if (n_bytes <= reader->n_payload_bytes)
                return true;
        if (n_bytes > TREE_PAYLOAD_BYTES_MAX)
                return false;
        payload = realloc(reader->payload, n_bytes);
        if (!payload)
                return false;
        reader->payload = payload;
        reader->n_payload_bytes = n_bytes;
        return true;
}

const unsigned char *tree_reader_payload(TreeReader *reader, const PageCell *cell, uint64_t n_bytes)
{
        uint64_t n_done = cell->local_bytes;

        if (n_bytes <= cell->local_bytes)
                return cell->local;
        if (n_bytes > cell->payload_bytes || !reserve(reader, n_bytes))
                return NULL;
        memcpy(reader->payload, cell->local, n_done);
        for (uint32_t page = cell->overflow; n_done < n_bytes;) {
                uint64_t n = MIN_OF(n_bytes - n_done, reader->file->usable_bytes - 4);
                unsigned char next[4];

                if (!page_file_read(reader->file, page, 0, next, sizeof next) ||
                                !page_file_read(reader->file,
                                                page,
                                                sizeof next,
                                                reader->payload + n_done,
                                                n))
                        return NULL;
                n_done += n;
                page = page_get4(next);
        }
        return reader->payload;
}
