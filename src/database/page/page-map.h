/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Does every page of a database file belong to exactly one thing: a b-tree, an overflow chain, the list of
 * free pages? `PRAGMA integrity_check(TABLE)` sees each table by itself and can't tell. SQLite's own check
 * of the whole file can, but decodes every row a second time on the way; this only follows page numbers.
 * Belongs to the connection's thread. */

#include "database/connection/connection.h"

/* For what page-file.h reads, without auto_vacuum (whose pointer maps are not known here); the snapshot has
 * to be pinned. True when all adds up. False means only that it does not, or could not be read
 * or made sense of: SQLite's own check has to say what is wrong. Also false once progress_cancel() was
 * called. Format: https://www.sqlite.org/fileformat2.html, sections 1.5 and 1.6. */
bool page_map_adds_up(Connection *connection);
