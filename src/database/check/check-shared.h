/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A check of the whole database by several threads, which can say one thing only: that it is sound. Whatever
 * else comes of it (damage, a lock, a page that can't be read, a kind of database that it does not take on)
 * SQLite's own check of the whole file has to be run for the verdict, so that findings and faults are the
 * same, and in the same order, whatever the number of threads.
 *
 * Why nothing is missed. `PRAGMA integrity_check` of the whole file does two things. First it walks all
 * b-trees, their overflow chains and the list of free pages, looking into each page, and marks the pages
 * that it met: none twice, none left. Then it reads each table and looks its rows up in its indexes.
 * `integrity_check(TABLE)` is the same code for the trees and rows of one table, and is run here for every
 * table of the schema (sqlite_schema, and virtual tables with what belongs to them, included). Where all of
 * a table's indexes are plain, in a full check of a private copy, `quick_check(TABLE)` does all of that but
 * the looking up, and index-proof.h proves of the indexes what the looking up would have: the walk and the
 * rows, the table's scan and that of each index are pieces of their own then, so that one large table keeps
 * more than one thread busy. Where the proof leaves a doubt, that table has its `integrity_check` after all.
 * What either leaves out is what no single table can tell: the list of free pages, pages that two tables
 * have or none, and, with auto_vacuum, the largest root page and the types of the roots. For that, one more
 * piece of the work is the page map (page-map.h) on a private copy, and on any other database `quick_check`
 * of the whole file, which makes the same walk. The bound of 100 rows of an answer, which can't be lifted
 * for a single table, counts as something found. A table whose name SQLite would read as that bound can't be
 * named: such a database is not taken on, nor one whose schema this SQLite does not understand.
 *
 * On a live database each thread has a snapshot of its own, which need not be the others'. A table and its
 * indexes, a child and its parents, and the walk over all pages are each looked at in one of them; no
 * statement is made that needs two. So each part was sound at a moment between start and end of the check,
 * as damage that came in between could also have come right after it. In a rollback mode a second reader
 * might wait for a writer who waits for the first: such a live database is not taken on. */

#include "database/check/check.h"

/* True when the database was looked at in full and is sound; constraint and foreign key violations are added
 * to *result then, which is otherwise left alone. `connection` (of that mode) has its snapshot pinned; the
 * threads open their own. Never longer than CONNECTION_BUSY_BOUND_USEC in waiting for locks. After
 * progress_cancel() of the connection's Progress it returns false at once. */
bool check_shared(Connection *connection,
                ConnectionMode mode,
                CheckDepth depth,
                unsigned n_threads,
                CheckResult *result);
