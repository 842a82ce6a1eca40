/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Is the content of a database file sound? Runs in a worker thread on connections of its own, can be
 * cancelled, and keeps "the content is wrong" apart from "I could not look": only the first is corruption,
 * the second is a fault of another code. */

#include "database/check/finding.h"
#include "database/connection/connection.h"

typedef enum CheckDepth {
        CHECK_QUICK, /* PRAGMA quick_check: structure, not index content */
        CHECK_FULL,  /* PRAGMA integrity_check, or what proves the same, then foreign_key_check */
} CheckDepth;

/* Bits of what is damaged. Only the last one can mean that rows are lost. */
typedef enum Damage {
        DAMAGE_INDEXES = 1 << 0,    /* indexes alone, FTS inverted indexes and expression indexes included:
                                       REINDEX makes them again */
        DAMAGE_FREE_PAGES = 1 << 1, /* freelist, pointer map, pages that nobody uses: no row is touched */
        DAMAGE_CONTENT = 1 << 2,    /* table b-trees, sqlite_schema, header */
} Damage;

/* One finding. */
typedef struct CheckLine {
        FindingKind kind;
        uint32_t page; /* that it names; 0 for none */
        char *text;    /* owned */
} CheckLine;

typedef struct CheckResult {
        bool healthy;        /* there is no damage */
        unsigned damage;     /* bits of Damage */
        char *unchecked;     /* owned; what could not be checked and why, for people; NULL for nothing */
        unsigned n_findings; /* not counted much beyond 100 */
        char *first_finding; /* owned; of the worst damage; NULL when healthy */
        CheckLine *lines;    /* owned; what was found, for who judges it (check-judge.h) */
        size_t n_lines;
        uint64_t foreign_key_violations; /* counted by a full check; not corruption */
        uint64_t constraint_violations;  /* NULL in a NOT NULL column and the like; not corruption either */
} CheckResult;

void check_result_done(CheckResult *result);

/* 0 with *ret filled when the check ran to its end, whatever it found (SQLITE_CORRUPT and SQLITE_NOTADB met
 * on the way are findings, too). Negative when it could not: BUSY, CANNOT_OPEN, IO, CANCELLED, …
 * A finding of SQLite's is damage only as far as the pages of the file bear it out (check-judge.h). What
 * this SQLite does not understand (a schema in a newer one's words, a collation, function or module that
 * only the application has) is left out and said in `unchecked`; the pages of all b-trees are proved all the
 * same.
 * `mode` is CONNECTION_READ for the live database and CONNECTION_PRIVATE for a copy. A sound database
 * is proved by as many connections at once as there are `threads`, each in a thread of its own, where that
 * is the faster way (check-shared.h); whatever is found is found by SQLite's own check, alone. An empty file
 * (0 bytes) is a sound database without tables. A row that breaks a constraint of its table is intact as
 * stored, and no reason to go back to an older state: such rows are counted apart. The progress counters are
 * not touched: SQLite can't say how far it is. A table with a foreign key whose parent columns are not
 * unique can't be checked and counts as one violation. */
int check_run(const char *path,
                ConnectionMode mode,
                CheckDepth depth,
                unsigned threads,
                Progress *progress,
                CheckResult *ret,
                Fault *fault);

/* The same; damage to content is only a verdict when a second look finds it, too, through a connection of
 * its own, which reads a snapshot anew. What the second look says counts. */
int check_run_twice(const char *path,
                ConnectionMode mode,
                CheckDepth depth,
                unsigned threads,
                Progress *progress,
                CheckResult *ret,
                Fault *fault);
