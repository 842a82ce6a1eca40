/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/connection/connection.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "database/connection/access.h"
#include "database/connection/file-guard.h"
#include "database/connection/newer-format.h"
#include "database/connection/side-files.h"
#include "database/connection/table-columns.h"
#include "database/connection/wal-gather.h"

/* How often, in virtual machine steps, SQLite asks whether to go on: well under a millisecond. */
#define PROGRESS_HANDLER_STEPS 10000

static bool is_cancelled(const Connection *connection)
{
        return connection->progress && atomic_load(&connection->progress->cancelled);
}

static int on_progress(void *userdata)
{
        Connection *connection = userdata;

        return is_cancelled(connection) || statement_bound_is_over(&connection->bound);
}

static void on_cancel(void *handle)
{
        sqlite3_interrupt(handle);
}

/* SQLite's own busy_timeout can't be interrupted, so a cancelled job would still wait its seconds out. */
static int on_busy(void *userdata, int n_before)
{
        static const unsigned delays_msec[] = {1, 2, 5, 10, 20, 25, 50};
        Connection *connection = userdata;
        unsigned delay_msec = delays_msec[MIN_OF((size_t) n_before, ELEMENTSOF(delays_msec) - 1)];
        struct timespec delay = {.tv_nsec = (long) delay_msec * 1000 * 1000};
        uint64_t now_usec = clock_monotonic_usec();

        if (n_before == 0)
                connection->busy_since_usec = now_usec;
        if (is_cancelled(connection) ||
                        now_usec - connection->busy_since_usec >= connection->busy_bound_usec)
                return 0;
        (void) nanosleep(&delay, NULL);
        return 1;
}

/* SQLite folds many causes into CANTOPEN and IOERR; the errno behind them tells a full disk or a wrong mode
 * from a broken device. Codes that are a statement about content carry no errno worth reading. */
static FaultCode fault_code_from_system(sqlite3 *handle, FaultCode otherwise)
{
        FaultCode code = handle ? fault_code_from_errno(sqlite3_system_errno(handle)) : FAULT_NONE;

        if (code == FAULT_NO_SPACE || code == FAULT_PERMISSION || code == FAULT_READ_ONLY)
                return code;
        return otherwise;
}

static FaultCode fault_code_from_input_output(sqlite3 *handle, int sqlite_code)
{
        switch (sqlite_code) {
        /* No error from the kernel: the bytes that the file's own header or WAL index promises are not
         * there, and asking again won't bring them. SQLite swallows this code where it is harmless (pages
         * past the end of the main file), so what arrives here is a file cut short. */
        case SQLITE_IOERR_SHORT_READ:
        /* Only the checksum VFS says this: the page was read, and its checksum is wrong. */
        case SQLITE_IOERR_DATA:
                return FAULT_CORRUPT;
        case SQLITE_IOERR_NOMEM:
                return FAULT_FAILED;
        default:
                /* CORRUPTFS among them: the file system is damaged, so what the file holds is unknown. */
                return fault_code_from_system(handle, FAULT_IO);
        }
}

/* A schema format that this SQLite does not know. It gives an unknown version of the file format as NOTADB,
 * and this one as a plain error. */
static bool is_unknown_format(sqlite3 *handle)
{
        return handle && strcmp(sqlite3_errmsg(handle), "unsupported file format") == 0;
}

/* SQLite gives a schema that it does not parse as CORRUPT, whoever wrote it. */
static bool is_about_the_schema(sqlite3 *handle)
{
        static const char words[] = "malformed database schema";

        return handle && strncmp(sqlite3_errmsg(handle), words, strlen(words)) == 0;
}

static FaultCode fault_code_from_sqlite(const Connection *connection, int sqlite_code)
{
        switch (sqlite_code & 0xff) {
        case SQLITE_INTERRUPT:
                return is_cancelled(connection)    ? FAULT_CANCELLED
                       : connection->bound.overdue ? FAULT_FAILED
                       : connection->bound.yielded ? FAULT_BUSY
                                                   : FAULT_CANCELLED;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_PROTOCOL: /* the same as BUSY, for the short locks of the WAL index */
                return is_cancelled(connection) ? FAULT_CANCELLED : FAULT_BUSY;
        case SQLITE_CORRUPT: /* with CORRUPT_VTAB, _SEQUENCE and _INDEX, which are content as well */
                return is_about_the_schema(connection->handle) ? FAULT_NOT_SUPPORTED : FAULT_CORRUPT;
        case SQLITE_NOTADB:
                return newer_format_has(connection->handle) ? FAULT_NOT_SUPPORTED : FAULT_NOT_A_DATABASE;
        case SQLITE_CANTOPEN:
                return fault_code_from_system(connection->handle, FAULT_CANNOT_OPEN);
        case SQLITE_IOERR:
                return fault_code_from_input_output(connection->handle, sqlite_code);
        case SQLITE_FULL:
                return FAULT_NO_SPACE;
        case SQLITE_ERROR:
                if (!is_unknown_format(connection->handle))
                        return FAULT_FAILED;
                return newer_format_has(connection->handle) ? FAULT_NOT_SUPPORTED : FAULT_NOT_A_DATABASE;
        case SQLITE_READONLY:
                return FAULT_READ_ONLY;
        case SQLITE_PERM:
        case SQLITE_AUTH:
                return FAULT_PERMISSION;
        default:
                return FAULT_FAILED;
        }
}

static const char *way_out(FaultCode code)
{
        switch (code) {
        case FAULT_BUSY:
                return "; another process holds its lock, try again when that is done";
        case FAULT_CORRUPT:
                return "; leave the file as it is and restore a backup";
        case FAULT_NOT_SUPPORTED:
                return "; if a newer SQLite wrote this, update libsqlite3 here, else restore a backup";
        case FAULT_NOT_A_DATABASE:
                return "; check that this is the right file, or restore a backup";
        case FAULT_CANNOT_OPEN:
                return "; check that the file exists and that its directory can be entered and written";
        case FAULT_PERMISSION:
                return "; check owner and mode of the file, of its -wal and -shm, and of their directory";
        case FAULT_READ_ONLY:
                return "; check how the file system is mounted and the mode of the file";
        case FAULT_NO_SPACE:
                return "; make room on its file system";
        case FAULT_IO:
                return "; the disk or its driver reported this, see the kernel's log";
        default:
                return "";
        }
}

int connection_fault(const Connection *connection, int sqlite_code, Fault *fault, const char *doing)
{
        FaultCode code = fault_code_from_sqlite(connection, sqlite_code);
        sqlite3 *handle = connection->handle;
        const char *words = sqlite3_errstr(sqlite_code), *refusal = file_guard_refusal();

        if (code == FAULT_CANCELLED)
                return fault_set(fault, code, "%s: %s: cancelled", connection->path, doing);
        if (code == FAULT_CANNOT_OPEN && refusal)
                return fault_set(fault,
                                code,
                                "%s: %s: %s, which SQLite must not open here; remove it or move it away",
                                connection->path,
                                doing,
                                refusal);
        /* The handle's text is about its latest call, which need not be the one that gave this code. */
        if ((sqlite_code & 0xff) == SQLITE_INTERRUPT)
                words = connection->bound.overdue
                                        ? "it took too long and was ended; look for a trigger, a view or an "
                                          "index of the database that never ends"
                                        : "it was ended, since a restore waits for it";
        else if (handle && (sqlite3_extended_errcode(handle) & 0xff) == (sqlite_code & 0xff))
                words = sqlite3_errmsg(handle);
        return fault_set(fault, code, "%s: %s: %s%s", connection->path, doing, words, way_out(code));
}

int connection_read_schema(Connection *connection, Fault *fault)
{
        static const char sql[] = "SELECT 1 FROM main.sqlite_schema";
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int code = sqlite3_prepare_v2(connection->handle, sql, -1, &statement, NULL);

        if (code == SQLITE_OK)
                return 0;
        if ((code & 0xff) != SQLITE_CORRUPT || !is_about_the_schema(connection->handle))
                return connection_fault(connection, code, fault, "Reading the schema");
        if (!connection->unread) {
                connection->unread = strdup(sqlite3_errmsg(connection->handle));
                if (!connection->unread)
                        return fault_set_errno(fault, ENOMEM, "Reading the schema");
        }
        /* Makes SQLite go on with the part that it has read, after one more fault. */
        code = sqlite3_db_config(connection->handle, SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1, NULL);
        if (code != SQLITE_OK)
                return connection_fault(connection, code, fault, "Reading the schema");
        return 0;
}

/* Only with an unread part of the schema: the fault comes each time that the schema was read. */
static bool is_worth_another_try(const Connection *connection, int code)
{
        return (code & 0xff) == SQLITE_CORRUPT && connection->unread;
}

int connection_execute(Connection *connection, const char *sql, Fault *fault)
{
        int code = sqlite3_exec(connection->handle, sql, NULL, NULL, NULL);

        if (is_worth_another_try(connection, code))
                code = sqlite3_exec(connection->handle, sql, NULL, NULL, NULL);
        if (code != SQLITE_OK)
                return connection_fault(connection, code, fault, sql);
        return 0;
}

int connection_prepare(Connection *connection, const char *sql, sqlite3_stmt **ret, Fault *fault)
{
        sqlite3_stmt *statement = NULL;
        int code = sqlite3_prepare_v2(connection->handle, sql, -1, &statement, NULL);

        if (is_worth_another_try(connection, code))
                code = sqlite3_prepare_v2(connection->handle, sql, -1, &statement, NULL);
        if (code != SQLITE_OK)
                return connection_fault(connection, code, fault, sql);
        *ret = statement;
        return 0;
}

int connection_query_row(Connection *connection, const char *sql, sqlite3_stmt **ret, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int code, r = connection_prepare(connection, sql, &statement, fault);

        if (r < 0)
                return r;
        code = sqlite3_step(statement);
        if (code == SQLITE_DONE)
                return fault_set(fault, FAULT_FAILED, "%s: %s: no answer", connection->path, sql);
        if (code != SQLITE_ROW)
                return connection_fault(connection, code, fault, sql);
        *ret = TAKE_PTR(statement);
        return 0;
}

int connection_query_integer(Connection *connection, const char *sql, int64_t *ret, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int r = connection_query_row(connection, sql, &statement, fault);

        if (r < 0)
                return r;
        *ret = sqlite3_column_int64(statement, 0);
        return 0;
}

int connection_pragma_is(Connection *connection, const char *sql, const char *word, bool *ret, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int r = connection_query_row(connection, sql, &statement, fault);

        if (r < 0)
                return r;
        *ret = sqlite3_stricmp((const char *) sqlite3_column_text(statement, 0), word) == 0;
        return 0;
}

bool connection_shadows_pragmas(Connection *connection)
{
        int64_t n;

        return connection_query_integer(connection,
                               "SELECT count(*) FROM main.sqlite_schema"
                               " WHERE name LIKE 'pragma!_%' ESCAPE '!'",
                               &n,
                               NULL) < 0 ||
               n > 0;
}

/* A statement that has given its row and not yet ended keeps its read transaction, which every other
 * statement of this connection then shares. */
static int pin_with(Connection *connection, const char *sql, sqlite3_stmt **ret_pin, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *pin = NULL;
        int r = connection_query_row(connection, sql, &pin, fault);

        /* An interrupt is kept from here on, since a statement is active; one that came before is not. */
        if (r >= 0 && connection->progress)
                r = progress_check(connection->progress, fault);
        if (r < 0)
                return r;
        *ret_pin = TAKE_PTR(pin);
        return 0;
}

int connection_pin(Connection *connection, sqlite3_stmt **ret_pin, Fault *fault)
{
        /* Counting makes it give a row on an empty database too. */
        return pin_with(connection, "SELECT count(*) FROM main.sqlite_schema", ret_pin, fault);
}

int connection_pin_pages(Connection *connection, sqlite3_stmt **ret_pin, Fault *fault)
{
        return pin_with(connection, "PRAGMA main.schema_version", ret_pin, fault);
}

int connection_is_wal(Connection *connection, bool *ret, Fault *fault)
{
        return connection_pragma_is(connection, "PRAGMA main.journal_mode", "wal", ret, fault);
}

int connection_ensure_wal(Connection *connection, bool *ret_changed, Fault *fault)
{
        bool was = false, is = false;
        int r = connection_is_wal(connection, &was, fault);

        if (r >= 0 && !was)
                r = connection_pragma_is(connection, "PRAGMA main.journal_mode=WAL", "wal", &is, fault);
        if (r < 0)
                return r;
        if (was || is) {
                *ret_changed = !was;
                return 0;
        }
        return fault_set(fault,
                        FAULT_NOT_SUPPORTED,
                        "%s stays without a WAL: this file system has no shared memory for SQLite; readers "
                        "and "
                        "writers will wait for each other until the database is moved to a local one",
                        connection->path);
}

static int configure_handle(Connection *connection, ConnectionMode mode, Fault *fault)
{
        sqlite3 *handle = connection->handle;
        int code = SQLITE_OK;

        statement_bound_watch(&connection->bound, handle);
        if (mode == CONNECTION_WRITE) {
                connection->bound.bound_usec = CONNECTION_STATEMENT_BOUND_USEC;
                statement_bound_values(handle);
        }
        sqlite3_progress_handler(handle, PROGRESS_HANDLER_STEPS, on_progress, connection);
        (void) sqlite3_busy_handler(handle, on_busy, connection);
        if (connection->progress) {
                /* Some long operations (integrity_check in SQLite 3.40) never call that handler. */
                connection->interrupt = (ProgressInterrupt){.function = on_cancel, .target = handle};
                progress_add_interrupt(connection->progress, &connection->interrupt);
        }

        code = sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        /* A schema that is not trusted may only call functions that SQLite marks as innocuous. In 3.40 those
         * of JSON are not, and each statement on a sound table with CHECK(json_valid(x)) ends with
         * SQLITE_CORRUPT. This process registers no function that a schema could abuse. */
        if (code == SQLITE_OK)
                code = sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 1, NULL);
        if (code == SQLITE_OK && mode != CONNECTION_PRIVATE) {
                code = sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
                if (code == SQLITE_OK)
                        code = sqlite3_wal_autocheckpoint(handle, 0);
        }
        if (code != SQLITE_OK)
                return connection_fault(connection, code, fault, "Setting the connection up");
        return 0;
}

/* No mmap, also where nobody could truncate the file: a bad sector would be SIGBUS instead of IOERR. */
static const char *pragmas_of(ConnectionMode mode)
{
        switch (mode) {
        case CONNECTION_READ:
                return "PRAGMA cell_size_check=ON; PRAGMA query_only=ON";
        case CONNECTION_WRITE:
        case CONNECTION_REPLACE:
                return "PRAGMA cell_size_check=ON; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON";
        default:
                return "PRAGMA cell_size_check=ON; PRAGMA synchronous=OFF";
        }
}

static int require_writable(const Connection *connection, Fault *fault)
{
        int r;

        /* SQLite falls back to a read-only descriptor without a word. */
        if (sqlite3_db_readonly(connection->handle, "main") == 0)
                return 0;
        r = access_require(connection->path, R_OK | W_OK, fault);
        if (r >= 0)
                return fault_set(fault,
                                FAULT_NOT_SUPPORTED,
                                "%s can be read but not written, since its header has a write version that "
                                "this SQLite doesn't know%s",
                                connection->path,
                                way_out(FAULT_NOT_SUPPORTED));
        return r;
}

static int open_handle(Connection *connection, ConnectionMode mode, Fault *fault)
{
        _cleanup_free_ char *name = NULL;
        const char *vfs = NULL;
        int64_t version;
        int code, r;

        /* SQLite may be built to read "file:…" as a URI, and reads ":memory:" and the empty name as no file
         * at all. With a slash in front of it a name is only a name. */
        if (asprintf(&name, "%s%s", connection->path[0] == '/' ? "" : "./", connection->path) < 0) {
                name = NULL;
                return fault_set_errno(fault, ENOMEM, "Opening %s", connection->path);
        }
        r = mode == CONNECTION_REPLACE ? wal_gather_vfs(&vfs, fault) : 0;
        if (r < 0)
                return r;
        code = file_guard_install();
        if (code != SQLITE_OK)
                return connection_fault(connection, code, fault, "Guarding the files");
        file_guard_forget();
        code = sqlite3_open_v2(name,
                        &connection->handle,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                        vfs);
        if (code != SQLITE_OK)
                return connection_fault(connection, code, fault, "Opening the database");

        r = file_guard_require_meant(connection->handle,
                        connection->path,
                        mode == CONNECTION_WRITE || mode == CONNECTION_REPLACE,
                        fault);
        if (r >= 0)
                r = configure_handle(connection, mode, fault);
        /* Before the first look, else a copy that is flagged WAL gets a -shm. */
        if (r >= 0 && mode == CONNECTION_PRIVATE)
                r = connection_execute(connection, "PRAGMA main.locking_mode=EXCLUSIVE", fault);
        /* Reads page 1, and nothing else: sqlite3_open_v2() has not touched the content yet. */
        if (r >= 0)
                r = connection_query_integer(connection, "PRAGMA main.schema_version", &version, fault);
        if (r >= 0 && mode == CONNECTION_PRIVATE)
                r = connection_read_schema(connection, fault);
        if (r >= 0)
                r = connection_execute(connection, pragmas_of(mode), fault);
        if (r >= 0 && mode != CONNECTION_READ)
                r = require_writable(connection, fault);
        return r;
}

int connection_open(
                const char *path, ConnectionMode mode, Progress *progress, Connection **ret, Fault *fault)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        int r;

        if (progress) {
                r = progress_check(progress, fault);
                if (r < 0)
                        return r;
        }
        connection = calloc(1, sizeof *connection);
        if (!connection)
                return fault_set_errno(fault, ENOMEM, "Opening %s", path);
        connection->progress = progress;
        connection->busy_bound_usec = CONNECTION_BUSY_BOUND_USEC;
        connection->path = strdup(path);
        if (!connection->path)
                return fault_set_errno(fault, ENOMEM, "Opening %s", path);

        r = open_handle(connection, mode, fault);
        if (r < 0)
                return r;
        if (mode != CONNECTION_PRIVATE)
                side_files_follow(path);
        *ret = TAKE_PTR(connection);
        return 0;
}

Connection *connection_close(Connection *connection)
{
        if (!connection)
                return NULL;
        /* First, so that nobody interrupts a handle that is gone. */
        if (connection->progress)
                progress_remove_interrupt(connection->progress, &connection->interrupt);
        (void) sqlite3_close_v2(connection->handle);
        (void) table_columns_free(connection->columns);
        free(connection->path);
        free(connection->unread);
        free(connection);
        return NULL;
}
