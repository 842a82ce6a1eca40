/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/import/import-target.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "database/export/export-document.h"

#define PAGE_BYTES 4096               /* SQLite's default */
#define MAX_PAGES INT64_C(4294967294) /* SQLite's own limit */

static int create_file(ImportTarget *target, Fault *fault)
{
        _cleanup_close_ int fd =
                        open(target->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0 && errno == EEXIST)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "%s exists already and is left as it is; move it away first",
                                target->path);
        if (fd < 0)
                return fault_set_errno(fault, errno, "Creating %s", target->path);
        target->created = true;
        return 0;
}

static int begin(ImportTarget *target, JsonEncoding encoding, Fault *fault)
{
        int64_t max_pages = target->max_bytes > 0
                                            ? (int64_t) MAX_OF(target->max_bytes / PAGE_BYTES, UINT64_C(1))
                                            : MAX_PAGES;
        _cleanup_free_ char *sql = NULL;

        /* The encoding can be chosen only before the first page is written. Nobody reads the file before it
         * is whole, so its journal needs no file; and rows come in the order of creation, so that a child
         * may come before its parent. */
        if (asprintf(&sql,
                            "PRAGMA encoding = '%s'; PRAGMA page_size = %d; PRAGMA max_page_count = %" PRId64
                            "; PRAGMA journal_mode = MEMORY; PRAGMA foreign_keys = "
                            "OFF; PRAGMA ignore_check_constraints = ON; "
                            "BEGIN IMMEDIATE",
                            export_encoding_to_string(encoding),
                            PAGE_BYTES,
                            max_pages) < 0) {
                sql = NULL;
                return fault_set_errno(fault, ENOMEM, "Creating %s", target->path);
        }
        return connection_execute(target->connection, sql, fault);
}

int import_target_create(ImportTarget *target,
                const char *path,
                JsonEncoding encoding,
                Progress *progress,
                Fault *fault)
{
        int r;

        target->path = strdup(path);
        if (!target->path)
                return fault_set_errno(fault, ENOMEM, "Creating %s", path);
        r = create_file(target, fault);
        if (r >= 0)
                r = connection_open(path, CONNECTION_PRIVATE, progress, &target->connection, fault);
        if (r >= 0)
                r = begin(target, encoding, fault);
        return r;
}

static void end_table(ImportTarget *target)
{
        (void) sqlite3_finalize(TAKE_PTR(target->insert));
        target->table = export_table_free(target->table);
}

void import_target_done(ImportTarget *target)
{
        end_table(target);
        import_relaxation_done(&target->relaxation);
        target->connection = connection_close(target->connection);
        if (target->created)
                (void) unlink(target->path);
        free(target->path);
        *target = (ImportTarget){0};
}

static int prepare_insert(ImportTarget *target, Fault *fault)
{
        _cleanup_(sqlite_freep) char *columns = export_table_column_list(target->table, false);
        _cleanup_(sqlite_freep) char *sql = NULL;
        sqlite3_str *text = sqlite3_str_new(NULL);

        /* ABORT, whatever ON CONFLICT the table itself has: no row may be lost without a word. */
        sqlite3_str_appendf(text,
                        "INSERT OR ABORT INTO main.\"%w\"(%s) VALUES(?1",
                        target->table->name,
                        columns);
        for (size_t i = 1; i < target->table->n_columns; i++)
                sqlite3_str_appendf(text, ",?%d", (int) i + 1);
        sqlite3_str_appendall(text, ")");
        sql = sqlite3_str_finish(text);
        if (!sql || !columns)
                return fault_set_errno(fault, ENOMEM, "Filling table %s", target->table->name);
        return connection_prepare(target->connection, sql, &target->insert, fault);
}

int import_target_begin_table(ImportTarget *target, const char *name, Fault *fault)
{
        int r = 0;

        end_table(target);
        /* The rows of the other tables have counted it up. */
        if (strcmp(name, "sqlite_sequence") == 0)
                r = connection_execute(target->connection, "DELETE FROM main.sqlite_sequence", fault);
        if (r >= 0)
                r = export_table_load(target->connection, name, &target->table, fault);
        if (r >= 0)
                r = prepare_insert(target, fault);
        if (r < 0)
                return r;
        target->n_tables++;
        return 0;
}

static int insert(ImportTarget *target, const ImportRow *row)
{
        int code = import_row_bind(row, target->insert);

        if (code == SQLITE_OK)
                code = sqlite3_step(target->insert);
        (void) sqlite3_reset(target->insert);
        return code;
}

static int relax(ImportTarget *target, Fault *fault)
{
        int r;

        (void) sqlite3_finalize(TAKE_PTR(target->insert));
        r = import_relax(&target->relaxation, target->connection, target->table->name, fault);
        if (r >= 0) {
                int q = prepare_insert(target, fault);

                r = q < 0 ? q : r;
        }
        return r;
}

static bool is_relaxable(int code)
{
        return code == SQLITE_CONSTRAINT_NOTNULL || code == SQLITE_CONSTRAINT_DATATYPE;
}

int import_target_insert(ImportTarget *target, const ImportRow *row, const JsonReader *reader, Fault *fault)
{
        int code = insert(target, row);

        if (is_relaxable(sqlite3_extended_errcode(target->connection->handle)) &&
                        (code & 0xff) == SQLITE_CONSTRAINT) {
                int r = relax(target, fault);

                if (r < 0)
                        return r;
                code = insert(target, row);
        }
        target->n_rows++;
        switch (code & 0xff) {
        case SQLITE_DONE:
                return 0;
        case SQLITE_ERROR:
        case SQLITE_CONSTRAINT:
        case SQLITE_MISMATCH:
        case SQLITE_TOOBIG:
                return json_reader_complain(reader,
                                fault,
                                "the row does not fit into table %s: %s",
                                target->table->name,
                                sqlite3_errmsg(target->connection->handle));
        default:
                return connection_fault(target->connection, code, fault, "Filling the tables");
        }
}

int import_target_commit(ImportTarget *target, int64_t user_version, int64_t application_id, Fault *fault)
{
        _cleanup_free_ char *sql = NULL;
        int r;

        end_table(target);
        r = import_relaxation_end(&target->relaxation, target->connection, fault);
        if (r < 0)
                return r;
        if (asprintf(&sql,
                            "PRAGMA main.user_version = %" PRId64 "; PRAGMA main.application_id = %" PRId64
                            "; COMMIT",
                            user_version,
                            application_id) < 0) {
                sql = NULL;
                return fault_set_errno(fault, ENOMEM, "Finishing %s", target->path);
        }
        r = connection_execute(target->connection, sql, fault);
        if (r < 0)
                return r;
        target->connection = connection_close(target->connection);
        return 0;
}

void import_target_keep(ImportTarget *target)
{
        target->created = false;
}
