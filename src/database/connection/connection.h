/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Opening the live database the only way this service may: no checkpoint behind the application's back
 * (the WAL-reset defect of SQLite before 3.51.3 needs two connections that checkpoint at once), a bounded
 * wait for locks, and every SQLite result turned into a fault that tells corruption from busy, missing and
 * input/output errors. A connection belongs to the thread that opened it. */

#include <sqlite3.h>

#include "base/progress.h"
#include "database/connection/statement-bound.h"

typedef enum ConnectionMode {
        CONNECTION_READ,    /* SQLITE_OPEN_READWRITE, since a WAL reader needs the -shm, but query_only */
        CONNECTION_WRITE,   /* synchronous=FULL, foreign keys on */
        CONNECTION_REPLACE, /* the same, for one large transaction (wal-gather.h) */
        CONNECTION_PRIVATE  /* a copy that nobody else knows: exclusive locking, no sync, may checkpoint, and
                               whatever of its schema this SQLite understands */
} ConnectionMode;

/* How long a statement waits for another process's lock before it ends with FAULT_BUSY. */
#define CONNECTION_BUSY_BOUND_USEC (5 * USEC_PER_SEC)

/* How long one statement of CONNECTION_WRITE runs before it ends with FAILED, unless the owner sets another
 * bound. It is looked at every few thousand steps: waiting for a lock or the disk is none. */
#define CONNECTION_STATEMENT_BOUND_USEC (30 * USEC_PER_SEC)

typedef struct Connection {
        sqlite3 *handle;
        Progress *progress; /* borrowed */
        ProgressInterrupt interrupt;
        char *path;
        char *unread;             /* owned; which object of the schema this SQLite does not understand; see
                                     connection_read_schema() */
        uint64_t busy_bound_usec; /* CONNECTION_BUSY_BOUND_USEC, unless the owner sets it */
        StatementBound bound;     /* the owner may set its first part */
        uint64_t busy_since_usec; /* monotonic; when the wait for a lock that is going on began */
        struct TableColumns *columns; /* see table-columns.h; NULL until somebody asks */
} Connection;

/* Opens an existing file (never creates one) and reads its first page, so that a file that is missing or is
 * no database is told here. `path` is a plain file name, whatever characters it has: never a URI.
 * `progress` may be NULL; else progress_cancel() interrupts whatever statement runs on this connection, and
 * ends a wait for a lock, until connection_close(). Faults: CANNOT_OPEN, NOT_A_DATABASE, CORRUPT, BUSY, IO,
 * PERMISSION, READ_ONLY, NO_SPACE, CANCELLED. */
int connection_open(
                const char *path, ConnectionMode mode, Progress *progress, Connection **ret, Fault *fault);

/* Closes without a checkpoint (but for CONNECTION_PRIVATE). Finalize every statement before. */
Connection *connection_close(Connection *connection);
DEFINE_CLEANUP(Connection *, connection_close);

/* Fills the fault for an SQLite result code (extended or not) as met while `doing` ("Counting rows"). The
 * message names the file, SQLite's own words and the way out. A schema that this SQLite does not understand
 * is NOT_SUPPORTED: its words may be a newer one's, and whether the pages that hold it are damaged only a
 * check can tell (check.h). SQLITE_INTERRUPT, and SQLITE_BUSY
 * after progress_cancel(), are CANCELLED. */
int connection_fault(const Connection *connection, int sqlite_code, Fault *fault, const char *doing);

/* Reads the schema. Where this SQLite does not understand all of it, statements see what it does understand
 * from then on, and SQLite's words about the rest are in connection->unread: for what copies, checks and
 * counts, and says what it left out. Nothing that writes or exports may go on without the rest. */
int connection_read_schema(Connection *connection, Fault *fault);

/* Runs statements that return nothing of interest. */
int connection_execute(Connection *connection, const char *sql, Fault *fault);

/* Prepares one statement; the caller finalizes it (statement_finalizep). */
int connection_prepare(Connection *connection, const char *sql, sqlite3_stmt **ret, Fault *fault);

static inline void statement_finalizep(sqlite3_stmt **statement)
{
        (void) sqlite3_finalize(*statement);
}

/* Prepares a statement and stands on its first row; 0 rows is FAILED. The caller finalizes it. */
int connection_query_row(Connection *connection, const char *sql, sqlite3_stmt **ret, Fault *fault);

/* The first column of that row as an integer. */
int connection_query_integer(Connection *connection, const char *sql, int64_t *ret, Fault *fault);

/* Whether the answer to a pragma is this word. */
int connection_pragma_is(Connection *connection, const char *sql, const char *word, bool *ret, Fault *fault);

/* Whether something in the file may answer in the place of a pragma that is asked as a table: a virtual
 * table of such a name would, and any other table ends the statement. True as well where that can't be read.
 * A statement that asks for temp.pragma_NAME doesn't meet them: nothing has that name in the schema temp. */
bool connection_shadows_pragmas(Connection *connection);

/* Begins a read transaction that lasts until *ret_pin is finalized: all statements in between see one state
 * of the database. In WAL it blocks no writer, but holds back the checkpoint; in a rollback mode writers
 * wait. While it lasts, an interrupt is not forgotten between two statements, as SQLite does otherwise. */
int connection_pin(Connection *connection, sqlite3_stmt **ret_pin, Fault *fault);

/* The same without reading the schema, for the pages of a database whose schema can't be read. */
int connection_pin_pages(Connection *connection, sqlite3_stmt **ret_pin, Fault *fault);

/* Whether the database is in journal_mode=WAL. */
int connection_is_wal(Connection *connection, bool *ret, Fault *fault);

/* Switches the database to journal_mode=WAL where it isn't yet (start-up only; needs CONNECTION_WRITE). The
 * switch needs the file for itself: BUSY when the application holds it, which harms nothing but
 * concurrency: report it and go on. NOT_SUPPORTED where SQLite keeps the old mode. */
int connection_ensure_wal(Connection *connection, bool *ret_changed, Fault *fault);
