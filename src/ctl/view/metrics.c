/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/view/metrics.h"

#include <string.h>

#include "ctl/show/document.h"

typedef struct Writer {
        FILE *stream;
        MetricsFormat format;
        json_object *properties;
} Writer;

MetricsFormat metrics_format_from_string(const char *text)
{
        if (strcmp(text, "openmetrics") == 0)
                return METRICS_OPENMETRICS;
        return strcmp(text, "prometheus") == 0 ? METRICS_PROMETHEUS : _METRICS_FORMAT_INVALID;
}

/* `suffix` is what the samples of that type have behind the family's name. */
static void begin(Writer *writer, const char *name, const char *type, const char *suffix, const char *help)
{
        bool open = writer->format == METRICS_OPENMETRICS;

        /* The older format knows no families: a name there is a sample's, and there is no such type. */
        if (open)
                suffix = "";
        else if (strcmp(type, "info") == 0)
                type = "gauge";
        (void) fprintf(writer->stream, "# HELP %s%s %s.\n", name, suffix, help);
        (void) fprintf(writer->stream, "# TYPE %s%s %s\n", name, suffix, type);
        if (open && strlen(name) > strlen("_seconds") &&
                        strcmp(name + strlen(name) - strlen("_seconds"), "_seconds") == 0)
                (void) fprintf(writer->stream, "# UNIT %s seconds\n", name);
        else if (open && strlen(name) > strlen("_bytes") &&
                        strcmp(name + strlen(name) - strlen("_bytes"), "_bytes") == 0)
                (void) fprintf(writer->stream, "# UNIT %s bytes\n", name);
}

static void gauge(Writer *writer, const char *name, const char *help)
{
        begin(writer, name, "gauge", "", help);
}

static void write_label(Writer *writer, const char *separator, const char *label, const char *value)
{
        (void) fprintf(writer->stream, "%s%s=\"", separator, label);
        for (; *value; value++)
                if (*value == '\n')
                        (void) fputs("\\n", writer->stream);
                else {
                        if (*value == '"' || *value == '\\')
                                (void) fputc('\\', writer->stream);
                        (void) fputc(*value, writer->stream);
                }
        (void) fputc('"', writer->stream);
}

/* The start of a sample: its name and up to two labels. */
static void sample(Writer *writer,
                const char *name,
                const char *suffix,
                const char *label,
                const char *value,
                const char *second_label,
                const char *second_value)
{
        (void) fprintf(writer->stream, "%s%s", name, suffix);
        if (label)
                write_label(writer, "{", label, value);
        if (second_label)
                write_label(writer, ",", second_label, second_value);
        if (label)
                (void) fputc('}', writer->stream);
        (void) fputc(' ', writer->stream);
}

static void number(Writer *writer, uint64_t value)
{
        (void) fprintf(writer->stream, "%" PRIu64 "\n", value);
}

/* Exact, as a double would not be. */
static void seconds(Writer *writer, uint64_t usec)
{
        (void) fprintf(writer->stream,
                        "%" PRIu64 ".%06" PRIu64 "\n",
                        usec / USEC_PER_SEC,
                        usec % USEC_PER_SEC);
}

static void property(Writer *writer, const char *name, const char *key, const char *help)
{
        if (!document_member(writer->properties, key))
                return;
        gauge(writer, name, help);
        sample(writer, name, "", NULL, NULL, NULL, NULL);
        number(writer, document_number(writer->properties, key));
}

/* A moment, or a span. A moment that never was has no sample. */
static void time_property(Writer *writer, const char *name, const char *key, const char *help)
{
        uint64_t usec = document_number(writer->properties, key);

        if (usec == 0)
                return;
        gauge(writer, name, help);
        sample(writer, name, "", NULL, NULL, NULL, NULL);
        seconds(writer, usec);
}

/* One sample for each state, 1 for the one that holds. */
static void states(Writer *writer,
                const char *name,
                const char *key,
                const char *const *known,
                size_t n_known,
                const char *help)
{
        const char *state = document_text(writer->properties, key);

        gauge(writer, name, help);
        for (size_t i = 0; i < n_known; i++) {
                sample(writer, name, "", "state", known[i], NULL, NULL);
                number(writer, strcmp(state, known[i]) == 0);
        }
}

/* The rows at `key`; NULL when there are none. */
static json_object *rows_of(const Writer *writer, const char *key, size_t *ret_n)
{
        json_object *rows = document_member(writer->properties, key);

        *ret_n = json_object_is_type(rows, json_type_array) ? json_object_array_length(rows) : 0;
        return *ret_n > 0 ? rows : NULL;
}

/* One sample for each row: the number at `column`, labelled with the text at `key`. */
static void per_row(Writer *writer,
                const char *name,
                const char *rows_key,
                const char *label,
                const char *key,
                const char *column,
                const char *help)
{
        size_t n;
        json_object *rows = rows_of(writer, rows_key, &n);

        if (!rows)
                return;
        gauge(writer, name, help);
        for (size_t i = 0; i < n; i++) {
                json_object *row = json_object_array_get_idx(rows, i);

                sample(writer, name, "", label, document_text(row, key), NULL, NULL);
                number(writer, document_number(row, column));
        }
}

static void write_build(Writer *writer)
{
        begin(writer, "oracxpred_build", "info", "_info", "Versions of the service and of SQLite");
        sample(writer,
                        "oracxpred_build",
                        "_info",
                        "version",
                        document_text(writer->properties, "Version"),
                        "sqlite_version",
                        document_text(writer->properties, "SQLiteVersion"));
        number(writer, 1);
}

static void write_health(Writer *writer)
{
        static const char *const health[] = {"ok", "stale", "degraded", "corrupt", "restoring"};
        static const char *const integrity[] = {"unknown", "ok", "not-checkable", "repairable", "corrupt"};
        size_t n;
        json_object *reasons = rows_of(writer, "HealthReasons", &n);

        states(writer,
                        "oracxpred_health",
                        "Health",
                        health,
                        ELEMENTSOF(health),
                        "How things stand: 1 for the state that holds");
        gauge(writer, "oracxpred_health_reason", "Why the health is not ok, one sample per reason");
        for (size_t i = 0; i < n; i++) {
                sample(writer,
                                "oracxpred_health_reason",
                                "",
                                "code",
                                document_text(json_object_array_get_idx(reasons, i), "Code"),
                                NULL,
                                NULL);
                number(writer, 1);
        }
        states(writer,
                        "oracxpred_integrity",
                        "Integrity",
                        integrity,
                        ELEMENTSOF(integrity),
                        "What the last check of the database found: 1 for the state that holds");
        time_property(writer,
                        "oracxpred_integrity_checked_timestamp_seconds",
                        "IntegrityCheckedUSec",
                        "When the database was checked last");
        time_property(writer,
                        "oracxpred_disk_checked_timestamp_seconds",
                        "DiskCheckedUSec",
                        "When it was last read from its disk and checked in full");
        time_property(writer,
                        "oracxpred_check_interval_seconds",
                        "CheckIntervalUSec",
                        "How far apart such checks should be at the most");
}

static void write_database(Writer *writer)
{
        json_object *tables = document_member(writer->properties, "Tables");

        property(writer, "oracxpred_database_size_bytes", "DatabaseBytes", "Size of the database file");
        property(writer, "oracxpred_wal_size_bytes", "WALBytes", "Size of its write-ahead log");
        gauge(writer, "oracxpred_database_free_bytes", "Pages of the database that hold nothing");
        sample(writer, "oracxpred_database_free_bytes", "", NULL, NULL, NULL, NULL);
        number(writer,
                        document_number(writer->properties, "FreePages") *
                                        document_number(writer->properties, "PageSize"));
        time_property(writer,
                        "oracxpred_database_modified_timestamp_seconds",
                        "DatabaseModifiedUSec",
                        "When the database was written to last");
        time_property(writer,
                        "oracxpred_tables_counted_timestamp_seconds",
                        "TablesCountedUSec",
                        "When the tables were counted, by a backup or for somebody who asked");
        if (!json_object_is_type(tables, json_type_object))
                return;
        gauge(writer, "oracxpred_table_rows", "Rows of each table when they were counted");
        json_object_object_foreach (tables, table, rows) {
                sample(writer, "oracxpred_table_rows", "", "table", table, NULL, NULL);
                number(writer, json_object_get_uint64(rows));
        }
}

/* Of the remedies that nobody has acknowledged. */
static void write_remedies(Writer *writer)
{
        static const char *const kinds[] = {"repaired", "restored"};
        json_object *remedies = document_member(writer->properties, "Remedies");
        size_t n = json_object_is_type(remedies, json_type_array) ? json_object_array_length(remedies) : 0;
        uint64_t lost = 0;

        if (!remedies)
                return;
        gauge(writer,
                        "oracxpred_remedies",
                        "Repairs and restores that nobody asked for and nobody has acknowledged");
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                uint64_t n_kind = 0;

                for (size_t j = 0; j < n; j++)
                        n_kind += strcmp(document_text(json_object_array_get_idx(remedies, j), "Kind"),
                                                  kinds[i]) == 0;
                sample(writer, "oracxpred_remedies", "", "kind", kinds[i], NULL, NULL);
                number(writer, n_kind);
        }
        for (size_t i = 0; i < n; i++) {
                json_object *tables = document_member(json_object_array_get_idx(remedies, i), "Tables");

                for (size_t j = 0; tables && j < json_object_array_length(tables); j++)
                        lost += document_number(json_object_array_get_idx(tables, j), "Lost");
        }
        gauge(writer, "oracxpred_rows_lost", "Rows that they have cost, as far as is known");
        sample(writer, "oracxpred_rows_lost", "", NULL, NULL, NULL, NULL);
        number(writer, lost);
}

static void write_backups(Writer *writer)
{
        per_row(writer,
                        "oracxpred_backups",
                        "BackupsByKind",
                        "kind",
                        "Kind",
                        "Backups",
                        "Backups that are kept");
        per_row(writer,
                        "oracxpred_backup_stored_bytes",
                        "BackupsByKind",
                        "kind",
                        "Kind",
                        "StoredBytes",
                        "What they take on the disk");
        property(writer,
                        "oracxpred_backups_verified",
                        "VerifiedBackups",
                        "Backups that were proved restorable");
        property(writer,
                        "oracxpred_backups_failed_verification",
                        "FailedVerifications",
                        "Backups that failed their last verification");
        time_property(writer,
                        "oracxpred_last_backup_timestamp_seconds",
                        "LastBackupUSec",
                        "When the newest backup was made");
        time_property(writer,
                        "oracxpred_oldest_backup_timestamp_seconds",
                        "OldestBackupUSec",
                        "When the oldest backup was made");
        time_property(writer,
                        "oracxpred_backup_cadence_seconds",
                        "CadenceUSec",
                        "How far apart backups should be at the most");
        gauge(writer, "oracxpred_last_backup_failed", "1 when the last attempt at a backup failed");
        sample(writer, "oracxpred_last_backup_failed", "", NULL, NULL, NULL, NULL);
        number(writer, document_text(writer->properties, "LastBackupFault")[0] != '\0');
        gauge(writer,
                        "oracxpred_retention_held",
                        "1 when no backup is removed until somebody has looked at the database");
        sample(writer, "oracxpred_retention_held", "", NULL, NULL, NULL, NULL);
        number(writer, document_text(writer->properties, "RetentionHeld")[0] != '\0');
        write_remedies(writer);
        time_property(writer,
                        "oracxpred_last_restore_timestamp_seconds",
                        "LastRestoreUSec",
                        "When the database was restored last");
        property(writer,
                        "oracxpred_quarantine_bytes",
                        "QuarantineBytes",
                        "What the quarantine takes on the disk");
        property(writer,
                        "oracxpred_disk_size_bytes",
                        "DiskTotalBytes",
                        "Size of the file system that holds the backups");
        property(writer, "oracxpred_disk_free_bytes", "DiskFreeBytes", "Room left on it");
}

static void write_jobs(Writer *writer)
{
        static const char *const results[][2] = {
                        {"done", "Done"}, {"failed", "Failed"}, {"cancelled", "Cancelled"}};
        size_t n;
        json_object *rows = rows_of(writer, "JobsEnded", &n);

        gauge(writer, "oracxpred_jobs", "Jobs that run, and that wait");
        sample(writer, "oracxpred_jobs", "", "state", "running", NULL, NULL);
        number(writer, document_number(writer->properties, "JobsRunning"));
        sample(writer, "oracxpred_jobs", "", "state", "queued", NULL, NULL);
        number(writer, document_number(writer->properties, "JobsQueued"));
        begin(writer,
                        "oracxpred_jobs_ended",
                        "counter",
                        "_total",
                        "Jobs that have ended since the service started");
        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < ELEMENTSOF(results); j++) {
                        json_object *row = json_object_array_get_idx(rows, i);

                        sample(writer,
                                        "oracxpred_jobs_ended",
                                        "_total",
                                        "operation",
                                        document_text(row, "Operation"),
                                        "result",
                                        results[j][0]);
                        number(writer, document_number(row, results[j][1]));
                }
        time_property(writer,
                        "oracxpred_last_error_timestamp_seconds",
                        "LastErrorUSec",
                        "When a job failed last");
        time_property(writer,
                        "oracxpred_start_timestamp_seconds",
                        "StartedUSec",
                        "When the service started");
}

static void counter(Writer *writer, const char *name, const char *key, const char *help)
{
        begin(writer, name, "counter", "_total", help);
        sample(writer, name, "_total", NULL, NULL, NULL, NULL);
        number(writer, document_number(writer->properties, key));
}

static void write_cache(Writer *writer)
{
        if (!document_member(writer->properties, "CacheHits"))
                return;
        counter(writer,
                        "oracxpred_cache_hits",
                        "CacheHits",
                        "Look-ups of predictions that the cache answered");
        counter(writer,
                        "oracxpred_cache_misses",
                        "CacheMisses",
                        "Look-ups of predictions that the database answered");
        counter(writer,
                        "oracxpred_cache_evictions",
                        "CacheEvictions",
                        "Predictions that made room for others");
        property(writer, "oracxpred_cache_entries", "CacheEntries", "Predictions in the cache");
        property(writer, "oracxpred_cache_size_bytes", "CacheBytes", "Memory that they take");
}

static void write_response_times(Writer *writer)
{
        static const char *const quantiles[][2] = {
                        {"0.5", "P50USec"}, {"0.95", "P95USec"}, {"0.99", "P99USec"}};
        size_t n;
        json_object *rows = rows_of(writer, "ResponseTimes", &n);

        if (!rows)
                return;
        begin(writer, "oracxpred_response_seconds", "summary", "", "How long callers on the bus waited");
        for (size_t i = 0; i < n; i++) {
                json_object *row = json_object_array_get_idx(rows, i);
                const char *method = document_text(row, "Method");

                for (size_t j = 0; j < ELEMENTSOF(quantiles); j++) {
                        sample(writer,
                                        "oracxpred_response_seconds",
                                        "",
                                        "method",
                                        method,
                                        "quantile",
                                        quantiles[j][0]);
                        seconds(writer, document_number(row, quantiles[j][1]));
                }
                sample(writer, "oracxpred_response_seconds", "_sum", "method", method, NULL, NULL);
                seconds(writer, document_number(row, "TotalUSec"));
                sample(writer, "oracxpred_response_seconds", "_count", "method", method, NULL, NULL);
                number(writer, document_number(row, "Calls"));
        }
        gauge(writer, "oracxpred_response_maximum_seconds", "The longest that one waited");
        for (size_t i = 0; i < n; i++) {
                json_object *row = json_object_array_get_idx(rows, i);

                sample(writer,
                                "oracxpred_response_maximum_seconds",
                                "",
                                "method",
                                document_text(row, "Method"),
                                NULL,
                                NULL);
                seconds(writer, document_number(row, "MaximumUSec"));
        }
}

void metrics_write(json_object *properties, MetricsFormat format, FILE *stream)
{
        Writer writer = {.stream = stream, .format = format, .properties = properties};

        gauge(&writer, "oracxpred_up", "1 when the service answers on the bus");
        sample(&writer, "oracxpred_up", "", NULL, NULL, NULL, NULL);
        number(&writer, properties != NULL);
        if (properties) {
                write_build(&writer);
                write_health(&writer);
                write_database(&writer);
                write_backups(&writer);
                write_jobs(&writer);
                write_cache(&writer);
                write_response_times(&writer);
        }
        if (format == METRICS_OPENMETRICS)
                (void) fputs("# EOF\n", stream);
}
