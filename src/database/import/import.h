/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A database rebuilt from what export.h wrote, in any of its styles, read once from start to end without a
 * tree in memory. The document is a stranger's: its SQL may create tables, indexes, views and triggers by
 * the names it declares and nothing else, and whatever is not exactly as the format says is refused with
 * line and column. */

#include "base/progress.h"

typedef struct ImportResult {
        uint64_t tables;
        uint64_t rows;
        uint64_t bytes; /* of the document */
        uint64_t foreign_key_violations;
} ImportResult;

/* Reads the document from `input_fd` (borrowed; a file from its position, a pipe or a socket) up to its end
 * and builds the new file `target_path` (created 0600; must not exist: INVALID_ARGUMENT; removed again on
 * failure, and never touched when it was there before). One transaction; then an integrity check, and a
 * count of the rows whose foreign key has no parent, which are kept as they were. The result is in
 * journal_mode=DELETE, with SQLite's default page size, and not synced.
 *
 * Runs in a worker thread. Steps of `progress` (which may be NULL): "importing", counted in bytes of the
 * document (total known for a file), "indexing", "checking". Memory: one row and the schema, each bounded
 * (IMPORT_SCHEMA_MAX_BYTES; a row has SQLite's own bound).
 *
 * Expressions of the document's schema (a default, a generated column) may make rows of any size: a database
 * of more than `max_bytes` (0: no bound) is NO_SPACE before it takes the disk.
 *
 * Faults: INVALID_ARGUMENT for a document that is malformed, cut short or contradicts itself;
 * NOT_SUPPORTED for a redacted one and for a newer version of the format; CORRUPT when the result does not
 * pass its check; NO_SPACE, IO, CANCELLED, … */
#define IMPORT_SCHEMA_MAX_BYTES (16 * MIB)

int import_run(int input_fd,
                const char *target_path,
                uint64_t max_bytes,
                Progress *progress,
                ImportResult *ret,
                Fault *fault);
