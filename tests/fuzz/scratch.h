/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A folder in memory for one input that SQLite has to find as a database, or beside one. */

#include "base/macro.h"

typedef struct Scratch {
        char folder[64];
        char path[96]; /* of the database */
} Scratch;

void scratch_begin(Scratch *scratch);

/* Writes the database, or with "-wal" what belongs to it. */
void scratch_write(const Scratch *scratch, const char *suffix, const void *data, size_t size);

/* Removes what SQLite may have left there, too; fails when there is anything else. */
void scratch_end(const Scratch *scratch);
