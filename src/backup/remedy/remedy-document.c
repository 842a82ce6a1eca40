/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/remedy/remedy-document.h"

#include <string.h>

#include "backup/state/restore-state.h"

#define DOCUMENT_VERSION 1

/* The rows of a list; 0 for one that is missing. */
static int find_list(json_object *document, const char *key, json_object **ret, size_t *ret_n)
{
        json_object *list;

        *ret_n = 0;
        if (!json_object_object_get_ex(document, key, &list))
                return 0;
        if (!json_object_is_type(list, json_type_array))
                return -EUCLEAN;
        *ret = list;
        *ret_n = json_object_array_length(list);
        return 0;
}

static int parse_loss(json_object *row, TableLosses *losses)
{
        _cleanup_free_ char *table = NULL, *certainty = NULL;
        TableLoss loss = {0};
        int r;

        if (!json_object_is_type(row, json_type_object))
                return -EUCLEAN;
        r = restore_state_get_text(row, "table", &table);
        if (r >= 0)
                r = restore_state_get_number(row, "lost", &loss.lost);
        if (r >= 0)
                r = restore_state_get_number(row, "rescued", &loss.rescued);
        if (r >= 0)
                r = restore_state_get_text(row, "certainty", &certainty);
        if (r < 0)
                return r;
        loss.table = table;
        loss.certainty = certainty ? loss_certainty_from_string(certainty) : _LOSS_CERTAINTY_INVALID;
        if (!table || loss.certainty < 0)
                return -EUCLEAN;
        return table_losses_add(losses, &loss);
}

static int parse_objects(json_object *row, char ***ret)
{
        _cleanup_(string_list_freep) char **objects = NULL;
        json_object *list = NULL;
        size_t n;
        int r = find_list(row, "objects", &list, &n);

        if (r < 0 || n == 0)
                return r;
        objects = calloc(n + 1, sizeof *objects);
        if (!objects)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                json_object *text = json_object_array_get_idx(list, i);

                if (!json_object_is_type(text, json_type_string))
                        return -EUCLEAN;
                objects[i] = strdup(json_object_get_string(text));
                if (!objects[i])
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(objects);
        return 0;
}

static int parse_remedy(json_object *row, Remedy *remedy)
{
        _cleanup_free_ char *kind = NULL;
        json_object *tables = NULL;
        size_t n_tables = 0;
        int r;

        if (!json_object_is_type(row, json_type_object))
                return -EUCLEAN;
        r = restore_state_get_number(row, "id", &remedy->id);
        if (r >= 0)
                r = restore_state_get_number(row, "usec", &remedy->usec);
        if (r >= 0)
                r = restore_state_get_text(row, "kind", &kind);
        if (r >= 0)
                r = restore_state_get_flag(row, "acknowledged", &remedy->acknowledged);
        if (r >= 0)
                r = restore_state_get_text(row, "source", &remedy->source);
        if (r >= 0)
                r = restore_state_get_text(row, "pre_restore", &remedy->pre_restore);
        if (r >= 0)
                r = restore_state_get_text(row, "quarantine", &remedy->quarantine);
        if (r >= 0)
                r = parse_objects(row, &remedy->objects);
        if (r >= 0)
                r = find_list(row, "tables", &tables, &n_tables);
        for (size_t i = 0; r >= 0 && i < n_tables; i++)
                r = parse_loss(json_object_array_get_idx(tables, i), &remedy->losses);
        if (r < 0)
                return r;
        remedy->kind = kind ? remedy_kind_from_string(kind) : _REMEDY_KIND_INVALID;
        return remedy->kind < 0 || remedy->id == 0 ? -EUCLEAN : 0;
}

int remedies_parse(json_object *document, Remedies *ret)
{
        _cleanup_(remedies_done) Remedies remedies = {0};
        json_object *list = NULL;
        size_t n;
        int r;

        r = restore_state_get_number(document, "revision", &remedies.revision);
        if (r >= 0)
                r = find_list(document, "remedies", &list, &n);
        if (r < 0)
                return r;
        remedies.items = n > 0 ? calloc(n, sizeof *remedies.items) : NULL;
        if (n > 0 && !remedies.items)
                return -ENOMEM;
        for (; remedies.n_items < n; remedies.n_items++) {
                r = parse_remedy(json_object_array_get_idx(list, remedies.n_items),
                                remedies.items + remedies.n_items);
                if (r < 0) {
                        remedies.n_items++;
                        return r;
                }
        }
        *ret = remedies;
        remedies = (Remedies){0};
        return 0;
}

/* Takes `row` over in every case. */
static int add_row(json_object *list, json_object *row)
{
        if (!row)
                return -ENOMEM;
        if (json_object_array_add(list, row) == 0)
                return 0;
        (void) json_object_put(row);
        return -ENOMEM;
}

/* An empty list at `key`, which belongs to the document. */
static int new_list(json_object *document, const char *key, json_object **ret)
{
        json_object *list = json_object_new_array();

        if (!list)
                return -ENOMEM;
        if (json_object_object_add(document, key, list) < 0) {
                (void) json_object_put(list);
                return -ENOMEM;
        }
        *ret = list;
        return 0;
}

static int format_loss(const TableLoss *loss, json_object *list)
{
        json_object *row = json_object_new_object();
        int r = add_row(list, row);

        if (r >= 0)
                r = restore_state_set_text(row, "table", loss->table);
        if (r >= 0)
                r = restore_state_set_number(row, "lost", loss->lost);
        if (r >= 0)
                r = restore_state_set_number(row, "rescued", loss->rescued);
        if (r >= 0)
                r = restore_state_set_text(row, "certainty", loss_certainty_to_string(loss->certainty));
        return r;
}

static int format_lists(const Remedy *remedy, json_object *row)
{
        json_object *objects, *tables;
        int r = new_list(row, "objects", &objects);

        if (r >= 0)
                r = new_list(row, "tables", &tables);
        for (char **object = remedy->objects; r >= 0 && object && *object; object++)
                r = add_row(objects, json_object_new_string(*object));
        for (size_t i = 0; r >= 0 && i < remedy->losses.n_items; i++)
                r = format_loss(remedy->losses.items + i, tables);
        return r;
}

static int format_remedy(const Remedy *remedy, json_object *list)
{
        json_object *row = json_object_new_object();
        int r = add_row(list, row);

        if (r >= 0)
                r = restore_state_set_number(row, "id", remedy->id);
        if (r >= 0)
                r = restore_state_set_number(row, "usec", remedy->usec);
        if (r >= 0)
                r = restore_state_set_text(row, "kind", remedy_kind_to_string(remedy->kind));
        if (r >= 0)
                r = restore_state_set_flag(row, "acknowledged", remedy->acknowledged);
        if (r >= 0)
                r = restore_state_set_text(row, "source", remedy->source);
        if (r >= 0)
                r = restore_state_set_text(row, "pre_restore", remedy->pre_restore);
        if (r >= 0)
                r = restore_state_set_text(row, "quarantine", remedy->quarantine);
        return r < 0 ? r : format_lists(remedy, row);
}

int remedies_format(const Remedies *remedies, json_object **ret)
{
        _cleanup_(json_object_putp) json_object *document = json_object_new_object();
        json_object *list;
        int r = document ? 0 : -ENOMEM;

        if (r >= 0)
                r = restore_state_set_number(document, "version", DOCUMENT_VERSION);
        if (r >= 0)
                r = restore_state_set_number(document, "revision", remedies->revision);
        if (r >= 0)
                r = new_list(document, "remedies", &list);
        for (size_t i = 0; r >= 0 && i < remedies->n_items; i++)
                r = format_remedy(remedies->items + i, list);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(document);
        return 0;
}
