/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/rescue/rescue-tables.h"

#include <string.h>

#include "database/rescue/salvage-record.h"
#include "database/schema/table-list.h"

static const char doing[] = "Rescuing the tables";

void rescue_items_done(RescueItems *items)
{
        for (size_t i = 0; i < items->n_items; i++) {
                rescue_task_done(&items->items[i].task);
                free(items->items[i].name);
        }
        free(items->items);
        *items = (RescueItems){0};
}

static int add_item(RescueItems *items, sqlite3_stmt *statement, const TableList *list)
{
        RescueItem *grown = reallocarray(items->items, items->n_items + 1, sizeof *grown);
        const char *name = (const char *) sqlite3_column_text(statement, 0);
        const TableEntry *entry = name ? table_list_find(list, name) : NULL;
        char *copy = entry ? strdup(name) : NULL;

        if (grown)
                items->items = grown;
        if (grown && name && !entry)
                return 0;
        if (!grown || !copy) {
                free(copy);
                return -ENOMEM;
        }
        grown[items->n_items++] = (RescueItem){.name = copy,
                        .root = sqlite3_column_int64(statement, 1),
                        .from_backup = sqlite3_column_int(statement, 2),
                        .is_virtual = entry->kind == TABLE_VIRTUAL,
                        .is_shadow = entry->kind == TABLE_SHADOW,
                        .in_backup = sqlite3_column_int(statement, 3),
                        .group = SIZE_MAX};
        return 0;
}

/* A shadow belongs to the virtual table whose name its own begins with, the longest one. */
static void find_groups(RescueItems *items)
{
        for (size_t i = 0; i < items->n_items; i++) {
                RescueItem *item = items->items + i;
                size_t best = 0;

                for (size_t j = 0; item->is_shadow && j < items->n_items; j++) {
                        size_t length = strlen(items->items[j].name);

                        if (!items->items[j].is_virtual || length < best || strlen(item->name) <= length ||
                                        item->name[length] != '_' ||
                                        sqlite3_strnicmp(item->name, items->items[j].name, (int) length) !=
                                                        0)
                                continue;
                        best = length;
                        item->group = j;
                }
        }
}

int rescue_items_load(Connection *target, SalvageFile *file, RescueItems *ret, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        _cleanup_(table_list_done) TableList list = {0};
        _cleanup_(rescue_items_done) RescueItems items = {0};
        int code, r;

        r = table_list_load(target, &list, fault);
        if (r < 0)
                return r;
        r = connection_prepare(target,
                        "SELECT l.name, l.rootpage, l.kept, EXISTS (SELECT 1 FROM "
                        "backup.sqlite_schema b"
                        " WHERE lower(b.type)='table' AND lower(b.name)=lower(l.name))"
                        " FROM temp.rescue_schema l WHERE l.type='table' AND"
                        " (l.name NOT LIKE 'sqlite!_%' ESCAPE '!') ORDER BY l.rowid",
                        &statement,
                        fault);
        if (r < 0)
                return r;
        while ((code = sqlite3_step(statement)) == SQLITE_ROW)
                if (add_item(&items, statement, &list) < 0)
                        return fault_set_errno(fault, ENOMEM, doing);
        if (code != SQLITE_DONE)
                return connection_fault(target, code, fault, doing);
        find_groups(&items);
        for (size_t i = 0; i < items.n_items; i++) {
                RescueItem *item = items.items + i;

                item->task = (RescueTask){.target = target,
                                .file = file,
                                .schema = "main",
                                .name = item->name,
                                .backup_name = item->in_backup ? item->name : NULL,
                                .tree = {.root = (uint32_t) MIN_OF(item->root, (int64_t) UINT32_MAX)}};
                r = item->is_virtual ? 0 : rescue_task_init(&item->task, fault);
                if (r < 0)
                        return r;
        }
        *ret = items;
        items = (RescueItems){0};
        return 0;
}

int rescue_items_survey(Connection *target, SalvageFile *file, RescueItems *items, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        SalvageTree tree;
        uint64_t n_gaps;
        int code, r = 0;

        for (size_t i = 0; r >= 0 && i < items->n_items; i++)
                if (!items->items[i].is_virtual)
                        r = salvage_tree_survey(file,
                                        &items->items[i].task.tree,
                                        &items->items[i].n_survey_gaps,
                                        fault);
        if (r >= 0)
                r = connection_execute(target,
                                "CREATE TEMP TABLE rescue_index(name TEXT, tbl TEXT, root INT)",
                                fault);
        if (r >= 0)
                r = connection_prepare(target,
                                "SELECT name, tbl_name, rootpage, type FROM temp.rescue_schema WHERE"
                                " type='index' OR name LIKE 'sqlite!_%' ESCAPE '!'",
                                &statement,
                                fault);
        if (r < 0)
                return r;
        while (r >= 0 && (code = sqlite3_step(statement)) == SQLITE_ROW) {
                tree = (SalvageTree){.root = (uint32_t) sqlite3_column_int64(statement, 2),
                                .is_index = strcmp((const char *) sqlite3_column_text(statement, 3),
                                                            "index") == 0};
                r = salvage_tree_survey(file, &tree, &n_gaps, fault);
                if (r >= 0 && n_gaps == 0 && tree.is_index)
                        r = rescue_execute(target,
                                        fault,
                                        "INSERT INTO temp.rescue_index VALUES(%Q, %Q, %u)",
                                        sqlite3_column_text(statement, 0),
                                        sqlite3_column_text(statement, 1),
                                        tree.root);
        }
        if (r < 0)
                return r;
        return code == SQLITE_DONE ? 0 : connection_fault(target, code, fault, doing);
}

/* What a virtual table holds fits together or is of no use, but for the rows of a full-text index, from
 * which the rest can be made anew. */
static void leave_broken_groups(RescueItems *items)
{
        for (size_t i = 0; i < items->n_items; i++) {
                const RescueItem *item = items->items + i;

                if (item->group != SIZE_MAX && (item->n_survey_gaps > 0 || item->from_backup))
                        items->items[item->group].left = true;
        }
        for (size_t i = 0; i < items->n_items; i++) {
                RescueItem *item = items->items + i;
                const char *content = "_content";
                size_t length = strlen(item->name);

                if (item->group == SIZE_MAX || !items->items[item->group].left)
                        continue;
                item->left = length < strlen(content) ||
                             sqlite3_stricmp(item->name + length - strlen(content), content) != 0;
        }
}

/* Rebuilds full-text indexes: of a virtual table that was left, and of every other whose content may lie
 * in a table that has lost rows. One that can't be rebuilt, since it keeps no content, stays. */
static int rebuild(Connection *target, const RescueItems *items, Fault *fault)
{
        bool any_gaps = false;
        int r = 0;

        for (size_t i = 0; i < items->n_items; i++)
                any_gaps = any_gaps || items->items[i].left || items->items[i].task.n_gaps > 0;
        for (size_t i = 0; r >= 0 && any_gaps && i < items->n_items; i++) {
                const RescueItem *item = items->items + i;
                int64_t is_fts = 0;

                if (!item->is_virtual)
                        continue;
                r = rescue_query(target,
                                &is_fts,
                                fault,
                                "SELECT sql LIKE '%%USING fts%%' FROM main.sqlite_schema WHERE name=%Q",
                                item->name);
                if (r >= 0 && is_fts)
                        (void) rescue_execute(target,
                                        NULL,
                                        "INSERT INTO main.\"%w\"(\"%w\") VALUES('rebuild')",
                                        item->name,
                                        item->name);
        }
        return r;
}

static int list_id(void *userdata, const SalvageEntry *entry, Fault *fault)
{
        sqlite3_stmt *statement = userdata;
        int64_t id;

        if (entry->what != SALVAGE_ENTRY || !salvage_record_last_integer(entry->record, entry->n_bytes, &id))
                return -EUCLEAN;
        (void) sqlite3_bind_int64(statement, 1, id);
        (void) sqlite3_step(statement);
        return sqlite3_reset(statement) == SQLITE_OK ? 0 : -EUCLEAN;
}

/* True when this index lists every row that could be read: then it lists the others, too. */
static bool list_by_index(RescueItem *item, uint32_t root)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        const SalvageTree tree = {.root = root, .is_index = true};
        Connection *target = item->task.target;
        int64_t n = 1;

        if (connection_execute(target,
                            "DROP TABLE IF EXISTS temp.rescue_ids;"
                            "CREATE TEMP TABLE rescue_ids(id INTEGER PRIMARY KEY)",
                            NULL) < 0 ||
                        connection_prepare(
                                        target, "INSERT INTO temp.rescue_ids VALUES(?1)", &statement, NULL) <
                                        0 ||
                        salvage_tree_read(item->task.file, &tree, list_id, statement, NULL) < 0 ||
                        rescue_query(target,
                                        &n,
                                        NULL,
                                        "SELECT count(*) FROM main.\"%w\" WHERE %s NOT IN (SELECT id FROM"
                                        " temp.rescue_ids)",
                                        item->name,
                                        item->task.rowid_column) < 0)
                return false;
        return n == 0;
}

static int list_rows(RescueItem *item, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        char *sql;
        int code, r;

        if (item->task.without_rowid || !item->task.rowid_column)
                return 0;
        sql = sqlite3_mprintf(
                        "SELECT i.root FROM temp.rescue_index i JOIN temp.rescue_schema s ON s.name=i.name"
                        " AND s.type='index' WHERE lower(i.tbl)=lower(%Q) AND ifnull(s.sql, '')"
                        " NOT LIKE '%% WHERE %%'",
                        item->name);
        r = sql ? connection_prepare(item->task.target, sql, &statement, fault)
                : fault_set_errno(fault, ENOMEM, doing);
        sqlite3_free(sql);
        if (r < 0)
                return r;
        while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
                uint32_t root = (uint32_t) sqlite3_column_int64(statement, 0);

                (void) sqlite3_reset(statement);
                item->counted = list_by_index(item, root);
                /* One is enough: the others are no better where this one is not. */
                return 0;
        }
        return code == SQLITE_DONE ? 0 : connection_fault(item->task.target, code, fault, doing);
}

/* A leaf goes to the one table in whose gaps its rowids lie. */
static int adopt_leaf(SalvageFile *file, RescueItems *items, uint32_t page, Fault *fault)
{
        RescueTask *found = NULL;
        int64_t first = 0, last = 0, taken_first = 0, taken_last = 0;

        for (size_t i = 0; i < items->n_items; i++) {
                RescueTask *task = &items->items[i].task;
                bool is_leaf = false;
                int r;

                if (items->items[i].is_virtual || items->items[i].left || task->without_rowid ||
                                task->n_gaps == 0)
                        continue;
                r = salvage_leaf_range(file, page, task->n_fields, &first, &last, &is_leaf, fault);
                if (r < 0)
                        return r;
                if (!is_leaf || !rescue_task_has_gap(task, first, last))
                        continue;
                if (found)
                        return 0;
                found = task;
                taken_first = first;
                taken_last = last;
        }
        return found ? rescue_task_adopt(found, page, taken_first, taken_last, fault) : 0;
}

/* Where its root is, only the backup says: the table may have been made anew elsewhere since. Then most of
 * the rows that have the same key differ. */
static int require_agreement(RescueItem *item, Fault *fault)
{
        int64_t n_same = 0, n_equal = 0;
        int r;

        if (!item->in_backup || item->task.without_rowid || !item->task.rowid_column)
                return 0;
        r = rescue_query(item->task.target,
                        &n_same,
                        fault,
                        "SELECT count(*) FROM main.\"%w\" m JOIN backup.\"%w\" b ON m.%s=b.%s",
                        item->name,
                        item->name,
                        item->task.rowid_column,
                        item->task.rowid_column);
        if (r >= 0)
                r = rescue_query(item->task.target,
                                &n_equal,
                                fault,
                                "SELECT count(*) FROM (SELECT %s, * FROM main.\"%w\" INTERSECT SELECT %s, * "
                                "FROM"
                                " backup.\"%w\")",
                                item->task.rowid_column,
                                item->name,
                                item->task.rowid_column,
                                item->name);
        if (r < 0 || (n_same > 0 && 2 * n_equal >= n_same))
                return r;
        return rescue_task_forget(&item->task, fault);
}

static int count_lost(RescueItem *item, Fault *fault)
{
        int64_t n = 0;
        int r = rescue_query(item->task.target,
                        &n,
                        fault,
                        "SELECT (SELECT count(*) FROM temp.rescue_ids) - (SELECT count(*) FROM main.\"%w\")",
                        item->name);

        item->n_lost = n > 0 ? (uint64_t) n : 0;
        return r;
}

static int complete(RescueItem *item, Fault *fault)
{
        int r = item->from_backup ? require_agreement(item, fault) : 0;

        if (r >= 0 && item->task.n_gaps > 0)
                r = list_rows(item, fault);
        if (r >= 0)
                r = rescue_task_close_gaps(&item->task, item->counted, fault);
        return r >= 0 && item->counted ? count_lost(item, fault) : r;
}

int rescue_items_fill(
                Connection *target, SalvageFile *file, RescueItems *items, bool leftovers, Fault *fault)
{
        int r = 0;

        leave_broken_groups(items);
        for (size_t i = 0; r >= 0 && i < items->n_items; i++)
                if (!items->items[i].is_virtual && !items->items[i].left)
                        r = rescue_task_read(&items->items[i].task, fault);
        for (uint32_t page = 2; r >= 0 && leftovers && page <= file->file.n_pages; page++)
                if (!file->taken[page])
                        r = adopt_leaf(file, items, page, fault);
        for (size_t i = 0; r >= 0 && i < items->n_items; i++)
                if (!items->items[i].is_virtual && !items->items[i].left)
                        r = complete(items->items + i, fault);
        return r < 0 ? r : rebuild(target, items, fault);
}
