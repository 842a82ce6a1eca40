/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Records of a damaged file: whether they are whole, and their values as parameters of a statement.
 * Format: https://www.sqlite.org/fileformat2.html, section 2.1. */

#include <sqlite3.h>

#include "base/macro.h"

/* How many fields it has; 0 when its header is not what SQLite writes, or the record is not exactly as long
 * as that says. */
unsigned salvage_record_count(const unsigned char *record, uint64_t n_bytes);

/* Binds field number i to the parameter `parameters[i]`, for those that have one; fields beyond
 * `n_parameters` are left out. For a record that has been counted. `encoding` is that of the damaged file's
 * text. Returns SQLite's code. */
int salvage_record_bind(sqlite3_stmt *statement,
                const int *parameters,
                unsigned n_parameters,
                unsigned char encoding,
                const unsigned char *record,
                uint64_t n_bytes);

/* The value of the last field where it is an integer, as the records of an index have the rowid. */
bool salvage_record_last_integer(const unsigned char *record, uint64_t n_bytes, int64_t *ret);
