/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/remedy/table-loss.h"

#include <string.h>

static const char *const certainty_names[_LOSS_CERTAINTY_MAX] = {
                [LOSS_COUNTED] = "counted",
                [LOSS_AT_LEAST] = "at-least",
                [LOSS_ESTIMATED] = "estimated",
                [LOSS_UNKNOWN] = "unknown",
};

const char *loss_certainty_to_string(LossCertainty certainty)
{
        return certainty >= 0 && certainty < _LOSS_CERTAINTY_MAX ? certainty_names[certainty] : NULL;
}

LossCertainty loss_certainty_from_string(const char *text)
{
        for (LossCertainty certainty = 0; certainty < _LOSS_CERTAINTY_MAX; certainty++)
                if (strcmp(certainty_names[certainty], text) == 0)
                        return certainty;
        return _LOSS_CERTAINTY_INVALID;
}

void table_losses_done(TableLosses *losses)
{
        for (size_t i = 0; i < losses->n_items; i++)
                free(losses->items[i].table);
        free(losses->items);
        *losses = (TableLosses){0};
}

int table_losses_add(TableLosses *losses, const TableLoss *loss)
{
        TableLoss *larger = reallocarray(losses->items, losses->n_items + 1, sizeof *losses->items);
        char *table = strdup(loss->table);

        if (larger)
                losses->items = larger;
        if (!larger || !table) {
                free(table);
                return -ENOMEM;
        }
        larger[losses->n_items] = *loss;
        larger[losses->n_items++].table = table;
        return 0;
}

static TableLoss *find_loss(const TableLosses *losses, const char *table)
{
        for (size_t i = 0; i < losses->n_items; i++)
                if (strcmp(losses->items[i].table, table) == 0)
                        return losses->items + i;
        return NULL;
}

int table_losses_merge(TableLosses *losses, const TableLoss *loss)
{
        TableLoss added = *loss, *known;

        if (!find_loss(losses, loss->table) && losses->n_items >= TABLE_LOSSES_MAX)
                added.table = (char *) TABLE_LOSS_OTHERS;
        known = find_loss(losses, added.table);
        if (!known)
                return table_losses_add(losses, &added);
        known->lost += added.lost;
        known->rescued += added.rescued;
        if (known->certainty != added.certainty)
                known->certainty = known->lost > 0 ? LOSS_AT_LEAST : LOSS_UNKNOWN;
        return 0;
}

static int compare_losses(const void *one, const void *other)
{
        const TableLoss *a = one, *b = other;

        if (a->lost != b->lost)
                return a->lost > b->lost ? -1 : 1;
        return strcmp(a->table, b->table);
}

void table_losses_sort(TableLosses *losses)
{
        if (losses->n_items > 0)
                qsort(losses->items, losses->n_items, sizeof *losses->items, compare_losses);
}

static const TableCount *find_count(const TableCount *counts, size_t n_counts, const char *table)
{
        for (size_t i = 0; i < n_counts; i++)
                if (strcmp(counts[i].name, table) == 0)
                        return counts + i;
        return NULL;
}

static const SurvivingTable *find_survivor(const SurvivingRows *survivors, const char *table)
{
        for (size_t i = 0; survivors && i < survivors->n_tables; i++)
                if (strcmp(survivors->tables[i].name, table) == 0)
                        return survivors->tables + i;
        return NULL;
}

static TableLoss judge(const char *table,
                const SurvivingTable *survivor,
                const TableCount *known,
                const TableCount *now)
{
        uint64_t rows_now = now ? now->rows : 0, rows_then = 0;
        TableLoss loss = {.table = (char *) table};

        if (survivor)
                rows_then = survivor->rows;
        if ((!survivor || !survivor->is_whole) && known)
                rows_then = MAX_OF(rows_then, known->rows);
        loss.lost = rows_then > rows_now ? rows_then - rows_now : 0;
        if (survivor && survivor->is_whole)
                loss.certainty = LOSS_COUNTED;
        else
                loss.certainty = loss.lost > 0 ? LOSS_AT_LEAST : LOSS_UNKNOWN;
        return loss;
}

static int add_loss(TableLosses *losses, const TableLoss *loss)
{
        if (loss->certainty == LOSS_COUNTED && loss->lost == 0)
                return 0;
        return table_losses_add(losses, loss);
}

int table_losses_compare(const SurvivingRows *survivors,
                const TableCount *known,
                size_t n_known,
                const TableCount *now,
                size_t n_now,
                TableLosses *ret)
{
        _cleanup_(table_losses_done) TableLosses losses = {0};
        int r = 0;

        for (size_t i = 0; r >= 0 && survivors && i < survivors->n_tables; i++) {
                const char *table = survivors->tables[i].name;
                TableLoss loss = judge(table,
                                survivors->tables + i,
                                find_count(known, n_known, table),
                                find_count(now, n_now, table));

                r = add_loss(&losses, &loss);
        }
        /* A schema that was read to its end names every table: others were dropped by the application. */
        for (size_t i = 0; r >= 0 && !(survivors && survivors->is_whole) && i < n_known; i++) {
                const char *table = known[i].name;

                if (!find_survivor(survivors, table)) {
                        TableLoss loss = judge(table, NULL, known + i, find_count(now, n_now, table));

                        r = add_loss(&losses, &loss);
                }
        }
        for (size_t i = 0; r >= 0 && !(survivors && survivors->is_whole) && i < n_now; i++) {
                const char *table = now[i].name;

                if (!find_survivor(survivors, table) && !find_count(known, n_known, table)) {
                        TableLoss loss = judge(table, NULL, NULL, now + i);

                        r = add_loss(&losses, &loss);
                }
        }
        if (r < 0)
                return r;
        table_losses_sort(&losses);
        *ret = losses;
        losses = (TableLosses){0};
        return 0;
}
