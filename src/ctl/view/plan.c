/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/view/plan.h"

#include <string.h>

#include "base/clock.h"
#include "base/names.h"
#include "base/quantity.h"
#include "ctl/call/backup-objects.h"
#include "ctl/call/passed-file.h"
#include "ctl/view/fields.h"

/* Leaves a count out of each row where the flag before it says that it isn't known. */
static int shape_tables(json_object *plan)
{
        static const char *const keys[] = {"Table", "NowKnown", "Now", "ThenKnown", "Then", NULL};
        json_object *rows;
        int r = document_name_fields(document_member(plan, "Tables"), keys, &rows);

        if (r < 0)
                return r;
        for (size_t i = 0; i < json_object_array_length(rows); i++) {
                json_object *row = json_object_array_get_idx(rows, i);

                if (!document_flag(row, "NowKnown"))
                        json_object_object_del(row, "Now");
                if (!document_flag(row, "ThenKnown"))
                        json_object_object_del(row, "Then");
                json_object_object_del(row, "NowKnown");
                json_object_object_del(row, "ThenKnown");
        }
        return document_put(plan, "Tables", rows);
}

static int shape_rescue(json_object *plan)
{
        static const char *const keys[] = {"Table", "Rows", "Rescued", "FromBackup", "Lost", NULL};
        json_object *rows, *member = document_member(plan, "Rescue");
        int r;

        /* A service of before there was any does not tell. */
        if (!member)
                return 0;
        r = document_name_fields(member, keys, &rows);
        return r < 0 ? r : document_put(plan, "Rescue", rows);
}

int plan_shape(json_object *plan)
{
        static const char *const keys[] = {"PID", "Name", NULL};
        json_object *processes;
        int r = shape_tables(plan);

        if (r >= 0)
                r = shape_rescue(plan);

        if (r >= 0)
                r = document_name_fields(document_member(plan, "Processes"), keys, &processes);
        return r < 0 ? r : document_put(plan, "Processes", processes);
}

static int ask(Session *session, sd_bus_message *call, json_object **ret, Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_json_ json_object *plan = NULL;
        /* Counting the rows of a large database takes its time; a service that goes away ends the call. */
        int r = session_call(session, call, UINT64_MAX, "a{sv}", &reply, fault);

        if (r < 0)
                return r;
        r = document_read(reply, &plan);
        if (r >= 0)
                r = plan_shape(plan);
        if (r < 0)
                return session_set_errno(r, fault);
        *ret = TAKE_PTR(plan);
        return 0;
}

static int new_call(Session *session, const char *method, sd_bus_message **ret, Fault *fault)
{
        return session_new_call(session, BUS_PATH, BUS_INTERFACE_MANAGER, method, ret, fault);
}

int plan_get(Session *session, const char *name, json_object **ret, Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r = new_call(session, "PlanRestore", &call, fault);

        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "s", name);
        if (r < 0)
                return session_set_errno(r, fault);
        r = ask(session, call, ret, fault);
        return r < 0 && name[0] != '\0' ? backup_objects_explain(name, fault) : r;
}

int plan_get_undo(Session *session, json_object **ret, Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r = new_call(session, "PlanUndo", &call, fault);

        return r < 0 ? r : ask(session, call, ret, fault);
}

int plan_get_file(Session *session, int fd, const char *path, json_object **ret, Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r = new_call(session, "PlanRestoreFile", &call, fault);

        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "h", fd);
        if (r >= 0)
                r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "{sv}");
        if (r >= 0)
                r = passed_file_append_name(call, path);
        if (r < 0)
                return session_set_errno(r, fault);
        r = passed_file_append_keys(session, call, fault);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(call);
        return r < 0 ? session_set_errno(r, fault) : ask(session, call, ret, fault);
}

static void add_method(Table *fields, json_object *plan)
{
        bool in_place = strcmp(document_text(plan, "Method"), "in-place") == 0;

        fields_add(fields,
                        "Method",
                        STYLE_PLAIN,
                        in_place ? "in place; connected processes stay connected"
                                 : "a new file takes the place of the old one");
        if (document_flag(plan, "RefusedInUse"))
                fields_add(fields,
                                "",
                                STYLE_BAD,
                                "refused while others have the file open, unless --force is given");
}

/* The plan itself proves nothing; a restore does, before it changes anything. */
static void add_proof(Table *fields, json_object *plan, uint64_t now_usec)
{
        uint64_t verified_usec = document_number(plan, "VerifiedUSec");
        const char *finding = document_text(plan, "VerificationFault");

        /* A service of before they were told does not tell. */
        if (!document_member(plan, "VerifiedUSec"))
                return;
        if (finding[0] != '\0')
                fields_add(fields, "Verified", STYLE_BAD, finding);
        else if (verified_usec > 0)
                fields_add_moment(fields, "Verified", verified_usec, now_usec);
        else
                fields_add(fields, "Verified", STYLE_WARNING, "never; the restore proves it first");
}

static void add_processes(Table *fields, json_object *processes)
{
        for (size_t i = 0; i < json_object_array_length(processes); i++) {
                json_object *process = json_object_array_get_idx(processes, i);

                fields_addf(fields,
                                i == 0 ? "Open in" : "",
                                STYLE_PLAIN,
                                "%s (process %" PRIu64 ")",
                                document_text(process, "Name"),
                                document_number(process, "PID"));
        }
}

static void add_units(Table *fields, json_object *plan)
{
        json_object *units = document_member(plan, "Units");

        if (!document_flag(plan, "StopsUnits") || !json_object_is_type(units, json_type_array))
                return;
        for (size_t i = 0; i < json_object_array_length(units); i++)
                fields_addf(fields,
                                i == 0 ? "Units" : "",
                                STYLE_PLAIN,
                                "%s is stopped meanwhile",
                                json_object_get_string(json_object_array_get_idx(units, i)));
}

static void add_space(Table *fields, json_object *plan)
{
        uint64_t needed = document_number(plan, "NeededBytes"), left = document_number(plan, "FreeBytes");
        char needed_text[QUANTITY_MAX], left_text[QUANTITY_MAX];

        quantity_format_size(needed, needed_text);
        quantity_format_size(left, left_text);
        fields_addf(fields,
                        "Space",
                        needed > left ? STYLE_BAD : STYLE_PLAIN,
                        "%s needed, %s free",
                        needed_text,
                        left_text);
}

static void add_saving(Table *fields, json_object *plan)
{
        const char *saves_as = document_text(plan, "SavesAs"),
                   *quarantine = document_text(plan, "Quarantine");

        if (saves_as[0] != '\0')
                fields_addf(fields,
                                "Saved first",
                                STYLE_PLAIN,
                                "what is there now, as the backup %s",
                                saves_as);
        if (quarantine[0] != '\0')
                fields_addf(fields,
                                saves_as[0] != '\0' ? "" : "Saved first",
                                STYLE_PLAIN,
                                "the files that are there now, whole, in %s",
                                quarantine);
}

static void add_rows(Table *table, json_object *row, const char *key)
{
        if (document_member(row, key))
                table_addf(table, STYLE_PLAIN, "%" PRIu64, document_number(row, key));
        else
                table_add(table, STYLE_FAINT, "-");
}

static void add_difference(Table *table, json_object *row)
{
        uint64_t now = document_number(row, "Now"), then = document_number(row, "Then");

        if (!document_member(row, "Now") || !document_member(row, "Then"))
                table_add(table, STYLE_FAINT, "");
        else if (then == now)
                table_add(table, STYLE_FAINT, "=");
        else
                table_addf(table,
                                then < now ? STYLE_WARNING : STYLE_PLAIN,
                                "%c%" PRIu64,
                                then < now ? '-' : '+',
                                then < now ? now - then : then - now);
}

static int print_tables(const Session *session, json_object *rows, Fault *fault)
{
        static const char *const names[] = {"TABLE", "RECORDS NOW", "THEN", "CHANGE", NULL};
        _cleanup_(table_freep) Table *table = table_new(names);

        if (!table)
                return session_set_errno(-ENOMEM, fault);
        for (size_t column = 1; column < 4; column++)
                table_align_right(table, column);
        for (size_t i = 0; i < json_object_array_length(rows); i++) {
                json_object *row = json_object_array_get_idx(rows, i);

                table_add(table, STYLE_PLAIN, document_text(row, "Table"));
                add_rows(table, row, "Now");
                add_rows(table, row, "Then");
                add_difference(table, row);
        }
        (void) fputc('\n', stdout);
        return session_print_table(session, table, fault);
}

/* Tables of which something is to be told. */
static int print_rescue(const Session *session, json_object *rows, Fault *fault)
{
        static const char *const names[] = {
                        "WITH --rescue", "RECORDS", "RESCUED", "FROM BACKUP", "LOST", NULL};
        _cleanup_(table_freep) Table *table = table_new(names);

        if (!table)
                return session_set_errno(-ENOMEM, fault);
        for (size_t column = 1; column < 5; column++)
                table_align_right(table, column);
        for (size_t i = 0; i < json_object_array_length(rows); i++) {
                json_object *row = json_object_array_get_idx(rows, i);

                if (document_number(row, "Rescued") + document_number(row, "FromBackup") +
                                                document_number(row, "Lost") ==
                                0)
                        continue;
                table_add(table, STYLE_PLAIN, document_text(row, "Table"));
                add_rows(table, row, "Rows");
                add_rows(table, row, "Rescued");
                add_rows(table, row, "FromBackup");
                add_rows(table, row, "Lost");
        }
        (void) fputc('\n', stdout);
        return session_print_table(session, table, fault);
}

int plan_print(const Session *session, json_object *plan, Fault *fault)
{
        json_object *rows = document_member(plan, "Tables"), *rescue = document_member(plan, "Rescue");
        _cleanup_(table_freep) Table *fields = fields_new();
        const char *problem = document_text(plan, "CurrentProblem");
        uint64_t now_usec = clock_now_usec();
        int r;

        if (!fields)
                return session_set_errno(-ENOMEM, fault);
        fields_add(fields, "Restore", STYLE_BOLD, document_text(plan, "Name"));
        fields_add_moment(fields, "Taken", document_number(plan, "CreatedUSec"), now_usec);
        add_proof(fields, plan, now_usec);
        fields_add(fields, "Database now", STYLE_BAD, problem);
        fields_add(fields, "Held", STYLE_WARNING, document_text(plan, "NeedsDecision"));
        fields_add(fields, "Refused", STYLE_BAD, document_text(plan, "Refused"));
        add_method(fields, plan);
        add_processes(fields, document_member(plan, "Processes"));
        add_units(fields, plan);
        add_space(fields, plan);
        add_saving(fields, plan);
        r = fields_print(session, fields, fault);
        if (r >= 0 && json_object_array_length(rows) > 0)
                r = print_tables(session, rows, fault);
        if (r >= 0 && rescue && json_object_array_length(rescue) > 0)
                r = print_rescue(session, rescue, fault);
        return r;
}
