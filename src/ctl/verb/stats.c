/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* stats: the numbers behind status, for who plans ahead or looks for what is slow. */

#include <string.h>

#include "base/clock.h"
#include "base/names.h"
#include "base/quantity.h"
#include "ctl/show/moment.h"
#include "ctl/show/terminal.h"
#include "ctl/verb/verbs.h"
#include "ctl/view/statistics.h"

/* What is printed row by row has to be there; of an earlier version of the service it isn't. */
static bool has_rows(json_object *document)
{
        return json_object_is_type(document_member(document, "BackupsByKind"), json_type_array) &&
               json_object_is_type(document_member(document, "ResponseTimes"), json_type_array) &&
               json_object_is_type(document_member(document, "JobsEnded"), json_type_array) &&
               json_object_is_type(document_member(document, "Tables"), json_type_object) &&
               json_object_is_type(document_member(document, "TableChanges"), json_type_object);
}

static int read_statistics(Session *session, json_object **ret, Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_json_ json_object *document = NULL;
        int r = session_new_call(session, BUS_PATH, BUS_INTERFACE_MANAGER, "GetStatistics", &call, fault);

        if (r < 0)
                return r;
        /* Counting a big database takes its time. */
        r = session_call(session, call, UINT64_MAX, "a{sv}", &reply, fault);
        if (r < 0)
                return r;
        r = document_read(reply, &document);
        if (r >= 0)
                r = document_shape_properties(document);
        if (r >= 0 && !has_rows(document))
                r = -EBADMSG;
        if (r < 0)
                return session_set_errno(r, fault);
        *ret = TAKE_PTR(document);
        return 0;
}

static void add_database(Table *fields, json_object *document)
{
        char size[QUANTITY_MAX], unused[QUANTITY_MAX], wal[QUANTITY_MAX], growth[STATISTICS_GROWTH_MAX];

        quantity_format_size(document_number(document, "DatabaseBytes"), size);
        quantity_format_size(document_number(document, "FreePages") * document_number(document, "PageSize"),
                        unused);
        quantity_format_size(document_number(document, "WALBytes"), wal);
        statistics_growth(document, growth);
        fields_addf(fields,
                        "Database",
                        STYLE_PLAIN,
                        "%s, %s of it free; write-ahead log %s%s%s",
                        size,
                        unused,
                        wal,
                        growth[0] != '\0' ? "; " : "",
                        growth);
}

static void add_backup(
                Table *fields, json_object *document, const char *name, const char *key, uint64_t now_usec)
{
        char moment_key[32], moment[MOMENT_MAX];

        (void) snprintf(moment_key, sizeof moment_key, "%sUSec", key);
        moment_format(document_number(document, moment_key), now_usec, moment);
        if (document_text(document, key)[0] != '\0')
                fields_addf(fields, name, STYLE_PLAIN, "%s (%s)", document_text(document, key), moment);
}

static void add_backups(Table *fields, json_object *document, uint64_t now_usec)
{
        json_object *kinds = document_member(document, "BackupsByKind");
        char size[QUANTITY_MAX];

        quantity_format_size(document_number(document, "BackupBytes"), size);
        fields_addf(fields,
                        "Backups",
                        STYLE_PLAIN,
                        "%" PRIu64 " (%" PRIu64 " verified, %.0f%%), %s",
                        document_number(document, "Backups"),
                        document_number(document, "VerifiedBackups"),
                        document_real(document, "VerifiedShare") * 100,
                        size);
        for (size_t i = 0; i < json_object_array_length(kinds); i++) {
                json_object *kind = json_object_array_get_idx(kinds, i);

                if (document_number(kind, "Backups") == 0)
                        continue;
                quantity_format_size(document_number(kind, "StoredBytes"), size);
                fields_addf(fields,
                                "",
                                STYLE_PLAIN,
                                "%-11s %5" PRIu64 "  %s",
                                document_text(kind, "Kind"),
                                document_number(kind, "Backups"),
                                size);
        }
        add_backup(fields, document, "Oldest", "OldestBackup", now_usec);
        add_backup(fields, document, "Newest", "LastBackup", now_usec);
}

static void add_cache(Table *fields, json_object *document)
{
        uint64_t hits = document_number(document, "CacheHits"),
                 misses = document_number(document, "CacheMisses");
        char size[QUANTITY_MAX];

        quantity_format_size(document_number(document, "CacheBytes"), size);
        fields_addf(fields,
                        "Cache",
                        STYLE_PLAIN,
                        "%" PRIu64 " predictions in %s; %" PRIu64 " hits, %" PRIu64
                        " misses (%.0f%% hit), %" PRIu64 " evicted",
                        document_number(document, "CacheEntries"),
                        size,
                        hits,
                        misses,
                        hits + misses > 0 ? (double) hits / (double) (hits + misses) * 100 : 0.0,
                        document_number(document, "CacheEvictions"));
}

static void add_service(Table *fields, json_object *document, uint64_t now_usec)
{
        char moment[MOMENT_MAX];

        fields_addf(fields,
                        "Jobs",
                        STYLE_PLAIN,
                        "%" PRIu64 " running, %" PRIu64 " waiting",
                        document_number(document, "JobsRunning"),
                        document_number(document, "JobsQueued"));
        moment_format(document_number(document, "LastErrorUSec"), now_usec, moment);
        if (document_text(document, "LastError")[0] != '\0') {
                fields_addf(fields,
                                "Last error",
                                STYLE_WARNING,
                                "%s (%s)",
                                document_text(document, "LastError"),
                                moment);
                fields_add(fields, "", STYLE_PLAIN, document_text(document, "LastErrorMessage"));
        }
        fields_add_moment(fields, "Started", document_number(document, "StartedUSec"), now_usec);
}

static int print_summary(const Session *session, json_object *document, Fault *fault)
{
        _cleanup_(table_freep) Table *fields = fields_new();
        uint64_t now_usec = clock_now_usec();

        if (!fields)
                return session_set_errno(-ENOMEM, fault);
        add_database(fields, document);
        statistics_add_history(fields, document);
        add_backups(fields, document, now_usec);
        statistics_add_disk(fields, document);
        add_cache(fields, document);
        add_service(fields, document, now_usec);
        return fields_print(session, fields, fault);
}

static int print_tables(const Session *session, json_object *document, Fault *fault)
{
        static const char *const names[] = {"TABLE", "RECORDS", "CHANGE", NULL};
        _cleanup_(table_freep) Table *table = table_new(names);
        json_object *tables = document_member(document, "Tables"),
                    *changes = document_member(document, "TableChanges");
        const char *then = document_text(document, "TablesComparedWith");
        int r;

        if (!table)
                return session_set_errno(-ENOMEM, fault);
        table_align_right(table, 1);
        table_align_right(table, 2);
        table_hide_when_empty(table, 2);
        json_object_object_foreach (tables, name, rows) {
                int64_t change = document_signed(changes, name);

                table_add(table, STYLE_PLAIN, name);
                table_addf(table, STYLE_PLAIN, "%" PRIu64, json_object_get_uint64(rows));
                if (!document_member(changes, name))
                        table_add(table, STYLE_PLAIN, then[0] != '\0' ? "new" : "");
                else if (change == 0)
                        table_add(table, STYLE_FAINT, "=");
                else
                        table_addf(table, STYLE_PLAIN, "%+" PRId64, change);
        }
        (void) fputc('\n', stdout);
        r = session_print_table(session, table, fault);
        if (r >= 0 && then[0] != '\0')
                session_print_legend(session, "CHANGE is since %s.", then);
        return r;
}

static void add_span(Table *table, json_object *row, const char *key)
{
        char text[QUANTITY_MAX];

        quantity_format_span(document_number(row, key), text);
        table_add(table, STYLE_PLAIN, text);
}

static int print_response_times(const Session *session, json_object *rows, Fault *fault)
{
        static const char *const names[] = {"METHOD", "CALLS", "MEAN", "P50", "P95", "P99", "MAXIMUM", NULL};
        static const char *const keys[] = {"MeanUSec", "P50USec", "P95USec", "P99USec", "MaximumUSec"};
        _cleanup_(table_freep) Table *table = table_new(names);

        if (!table)
                return session_set_errno(-ENOMEM, fault);
        if (json_object_array_length(rows) == 0)
                return 0;
        for (size_t i = 1; names[i]; i++)
                table_align_right(table, i);
        for (size_t i = 0; i < json_object_array_length(rows); i++) {
                json_object *row = json_object_array_get_idx(rows, i);

                table_add(table, STYLE_PLAIN, document_text(row, "Method"));
                table_addf(table, STYLE_PLAIN, "%" PRIu64, document_number(row, "Calls"));
                for (size_t j = 0; j < ELEMENTSOF(keys); j++)
                        add_span(table, row, keys[j]);
        }
        (void) fputc('\n', stdout);
        return session_print_table(session, table, fault);
}

static int print_jobs(const Session *session, json_object *rows, Fault *fault)
{
        static const char *const names[] = {"OPERATION", "DONE", "FAILED", "CANCELLED", NULL};
        static const char *const keys[] = {"Done", "Failed", "Cancelled"};
        _cleanup_(table_freep) Table *table = table_new(names);

        if (!table)
                return session_set_errno(-ENOMEM, fault);
        if (json_object_array_length(rows) == 0)
                return 0;
        for (size_t i = 0; i < json_object_array_length(rows); i++) {
                json_object *row = json_object_array_get_idx(rows, i);

                table_add(table, STYLE_PLAIN, document_text(row, "Operation"));
                for (size_t j = 0; j < ELEMENTSOF(keys); j++) {
                        table_align_right(table, j + 1);
                        table_addf(table, STYLE_PLAIN, "%" PRIu64, document_number(row, keys[j]));
                }
        }
        (void) fputc('\n', stdout);
        return session_print_table(session, table, fault);
}

int verb_stats(Session *session, Fault *fault)
{
        _cleanup_json_ json_object *document = NULL;
        int r = read_statistics(session, &document, fault);

        if (r < 0)
                return r;
        if (session_json(session))
                return session_print_document(session, document, fault);
        (void) terminal_graphs();
        terminal_open_pager(session->arguments->no_pager);
        r = print_summary(session, document, fault);
        if (r >= 0)
                r = print_tables(session, document, fault);
        if (r >= 0)
                r = print_response_times(session, document_member(document, "ResponseTimes"), fault);
        if (r >= 0)
                r = print_jobs(session, document_member(document, "JobsEnded"), fault);
        return r;
}
