/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Opening the live database the only way this service may: no checkpoint behind the application's back
 * (the WAL-reset defect of SQLite before 3.51.3 needs two connections that checkpoint at once), a bounded
 * wait for locks, and every SQLite result turned into a fault that tells corruption from busy, missing and
 * input/output errors. A connection belongs to the thread that opened it. */

#include <sqlite3.h>

#include "base/progress.h"

typedef enum ConnectionMode {
        CONNECTION_READ,   /* SQLITE_OPEN_READWRITE, since a WAL reader needs the -shm, but query_only */
        CONNECTION_WRITE,  /* synchronous=FULL, foreign keys on */
        CONNECTION_PRIVATE /* a copy that nobody else knows: exclusive locking, no sync, may checkpoint */
} ConnectionMode;

/* Opens an existing file (never creates one). `progress` may be NULL; else progress_cancel() interrupts
 * whatever statement runs on this connection, until connection_close(). One connection per Progress at a
 * time. Faults: CANNOT_OPEN, NOT_A_DATABASE, CORRUPT, BUSY, IO, PERMISSION, NO_SPACE. */
typedef struct Connection {
        sqlite3 *handle;
        Progress *progress; /* borrowed */
        char *path;
} Connection;

int connection_open(
                const char *path, ConnectionMode mode, Progress *progress, Connection **ret, Fault *fault);
Connection *connection_close(Connection *connection);
DEFINE_CLEANUP(Connection *, connection_close);

/* Fills the fault for an SQLite result code (extended or not) as met while `doing` ("Counting rows"). The
 * message names the file and SQLite's own words. SQLITE_INTERRUPT after progress_cancel() is CANCELLED. */
int connection_fault(const Connection *connection, int sqlite_code, Fault *fault, const char *doing);

/* Runs statements that return nothing of interest. */
int connection_execute(Connection *connection, const char *sql, Fault *fault);

/* Prepares one statement. */
int connection_prepare(Connection *connection, const char *sql, sqlite3_stmt **ret, Fault *fault);

static inline void statement_finalizep(sqlite3_stmt **statement)
{
        (void) sqlite3_finalize(*statement);
}

/* First column of the first row as an integer; NOT_FOUND-free: 0 rows is FAILED. */
int connection_query_integer(Connection *connection, const char *sql, int64_t *ret, Fault *fault);
