/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/quarantine/rescue-record.h"

#include <string.h>

#include "backup/state/restore-state.h"

static const struct {
        const char *key;
        size_t offset;
} numbers[] = {
                {"rows", offsetof(RescueTable, rows)},
                {"rescued", offsetof(RescueTable, rows_rescued)},
                {"from_backup", offsetof(RescueTable, rows_kept)},
                {"lost", offsetof(RescueTable, rows_lost)},
                {"perhaps_lost", offsetof(RescueTable, rows_unknown)},
};

static uint64_t *number_of(RescueTable *table, size_t i)
{
        return (uint64_t *) (void *) ((char *) table + numbers[i].offset);
}

void rescue_record_done(RescueRecord *record)
{
        free(record->source);
        rescue_report_done(&record->report);
        *record = (RescueRecord){0};
}

static int write_table(json_object *tables, RescueTable *table)
{
        _cleanup_(json_object_putp) json_object *row = json_object_new_object();
        int r = row ? restore_state_set_text(row, "table", table->name) : -ENOMEM;

        if (r >= 0)
                r = restore_state_set_flag(row, "sound", table->sound);
        if (r >= 0)
                r = restore_state_set_flag(row, "unreadable", table->unreadable);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(numbers); i++)
                r = restore_state_set_number(row, numbers[i].key, *number_of(table, i));
        if (r >= 0 && json_object_array_add(tables, row) < 0)
                r = -ENOMEM;
        if (r >= 0)
                row = NULL;
        return r;
}

int rescue_record_store(const char *folder, const RescueRecord *record, Fault *fault)
{
        _cleanup_(json_object_putp) json_object *document = json_object_new_object(),
                                                *tables = json_object_new_array();
        int r = document && tables ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < record->report.n_tables; i++)
                r = write_table(tables, record->report.tables + i);
        if (r >= 0)
                r = restore_state_set_text(document, "source", record->source);
        if (r >= 0)
                r = restore_state_set_number(document, "usec", record->usec);
        if (r >= 0)
                r = restore_state_set_flag(document, "schema_sound", record->report.schema_sound);
        if (r >= 0 && json_object_object_add(document, "tables", tables) < 0)
                r = -ENOMEM;
        if (r < 0)
                return fault_set_errno(fault, r, "Writing %s/%s", folder, RESCUE_RECORD_FILE);
        tables = NULL;
        return restore_state_store(folder, RESCUE_RECORD_FILE, document, fault);
}

static int read_table(json_object *row, RescueTable *ret)
{
        int r = json_object_is_type(row, json_type_object) ? restore_state_get_text(row, "table", &ret->name)
                                                           : -EUCLEAN;

        if (r >= 0 && !ret->name)
                r = -EUCLEAN;
        if (r >= 0)
                r = restore_state_get_flag(row, "sound", &ret->sound);
        if (r >= 0)
                r = restore_state_get_flag(row, "unreadable", &ret->unreadable);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(numbers); i++)
                r = restore_state_get_number(row, numbers[i].key, number_of(ret, i));
        return r;
}

static int read_tables(json_object *document, RescueReport *report)
{
        json_object *tables;
        size_t n;

        if (!json_object_object_get_ex(document, "tables", &tables) ||
                        !json_object_is_type(tables, json_type_array))
                return -EUCLEAN;
        n = json_object_array_length(tables);
        report->tables = calloc(n + 1, sizeof *report->tables);
        if (!report->tables)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                int r;

                report->n_tables++;
                r = read_table(json_object_array_get_idx(tables, i), report->tables + i);
                if (r < 0)
                        return r;
        }
        return 0;
}

int rescue_record_load(const char *folder, RescueRecord *ret, Fault *fault)
{
        _cleanup_(json_object_putp) json_object *document = NULL;
        _cleanup_(rescue_record_done) RescueRecord record = {0};
        int r = restore_state_load(folder, RESCUE_RECORD_FILE, &document, fault);

        if (r < 0)
                return r;
        r = restore_state_get_text(document, "source", &record.source);
        if (r >= 0)
                r = restore_state_get_number(document, "usec", &record.usec);
        if (r >= 0)
                r = restore_state_get_flag(document, "schema_sound", &record.report.schema_sound);
        if (r >= 0)
                r = read_tables(document, &record.report);
        if (r == -EUCLEAN)
                return fault_set(fault,
                                FAULT_CORRUPT,
                                "%s/%s can't be understood",
                                folder,
                                RESCUE_RECORD_FILE);
        if (r < 0)
                return fault_set_errno(fault, r, "Reading %s/%s", folder, RESCUE_RECORD_FILE);
        *ret = record;
        record = (RescueRecord){0};
        return 0;
}
