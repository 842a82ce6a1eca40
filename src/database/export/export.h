/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The database as one JSON document, for people and programs that don't read SQLite: every row of one
 * snapshot, streamed to a descriptor in constant memory. The format is described, for readers, in
 * export.schema.json; import.h reads it back, and export -> import -> export gives the same bytes, since
 * nothing in the document tells when, where or from which file it was made.
 *
 * Left out on purpose: rowids that no INTEGER PRIMARY KEY names (VACUUM renumbers them, so nobody may rely
 * on them), generated columns (computed again), the planner's statistics (ANALYZE makes them again), page
 * size, journal mode and auto_vacuum (properties of the file, not of the data). */

#include "database/connection/connection.h"

typedef enum ExportStyle {
        EXPORT_PRETTY,  /* indented, a row on each line */
        EXPORT_COMPACT, /* one line */
        EXPORT_LINES,   /* an object on each line: header, then table, row…, and at last the counts */
        _EXPORT_STYLE_MAX,
        _EXPORT_STYLE_INVALID = -EINVAL,
} ExportStyle;

/* "pretty", "compact", "lines". */
const char *export_style_to_string(ExportStyle style);
ExportStyle export_style_from_string(const char *text);

/* How long the reader of the document may take nothing at all. The snapshot that is held meanwhile keeps
 * the WAL from being emptied, and in a rollback mode makes writers wait. */
#define EXPORT_STALL_USEC (30 * USEC_PER_SEC)

typedef struct ExportOptions {
        const char *const *tables; /* NULL-terminated; NULL means the whole database */
        ExportStyle style;
        bool redact;         /* null in place of password hashes and session secrets */
        uint64_t stall_usec; /* 0 means EXPORT_STALL_USEC */
} ExportOptions;

typedef struct ExportResult {
        uint64_t tables;
        uint64_t rows;
        uint64_t bytes;     /* of the document */
        uint64_t held_usec; /* how long the snapshot was held */
} ExportResult;

/* A value up to this many bytes is held in memory. */
#define EXPORT_LARGE_BYTES MIB

/* Writes the document to `output_fd` (borrowed, not closed, its flags left alone): a file, a pipe, a socket
 * or /dev/null, blocking or not. A terminal is refused (INVALID_ARGUMENT), since a write to a stopped one
 * can't be cancelled: put a pipe between. Runs in a worker thread; SIGPIPE must be blocked or ignored there.
 * Begins the step "exporting" of `progress` (which may be NULL), counted in bytes written; progress_cancel()
 * takes effect within a fraction of a second, also while the reader stalls.
 *
 * With `tables`, the schema has these tables and their indexes only; triggers and views, which may name
 * others, come with the whole database. A virtual table, or a table that belongs to one, has its content
 * defined by a module and is NOT_SUPPORTED: export the others by name, a backup keeps all.
 *
 * Memory: values up to EXPORT_LARGE_BYTES, one row at a time; larger ones are streamed in pieces. Where
 * SQLite can't stream (WITHOUT ROWID, tables with generated columns, UTF-16), the bound is one row.
 *
 * Faults: as connection_open(), NOT_FOUND for an unknown table, FAILED when the reader went away, BUSY when
 * it stalled, NO_SPACE, IO, CANCELLED. A document that was cut short never parses as a whole one. */
int export_run(const char *database_path,
                const ExportOptions *options,
                int output_fd,
                Progress *progress,
                ExportResult *ret,
                Fault *fault);
