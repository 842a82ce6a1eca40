/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Aligned columns on a terminal. Cells are sanitized when they are put in, so that no caller can forget, and
 * padded by the columns they fill, not by their bytes. Running out of memory is remembered and told once, by
 * table_print(). */

#include "base/macro.h"

typedef enum Style {
        STYLE_PLAIN,
        STYLE_GOOD,
        STYLE_WARNING,
        STYLE_BAD,
        STYLE_FAINT,
        STYLE_BOLD,
        _STYLE_MAX,
} Style;

/* The escape sequences that begin and end a style; empty without colour. */
const char *style_begin(Style style, bool colour);
const char *style_end(Style style, bool colour);

typedef struct Table Table;

/* `names` are the header, upper case, NULL-terminated; they must outlive the table. NULL when out of memory.
 */
Table *table_new(const char *const *names);
Table *table_free(Table *table);
DEFINE_CLEANUP(Table *, table_free);

/* Puts a column's cells to its right side, as numbers stand. */
void table_align_right(Table *table, size_t column);

/* Leaves the column out when no row has anything in it. */
void table_hide_when_empty(Table *table, size_t column);

/* Puts a text into the next cell, row by row. */
void table_add(Table *table, Style style, const char *text);
void table_addf(Table *table, Style style, const char *format, ...) _printf_(3, 4);

/* Prints all complete rows, with the header if asked for. -ENOMEM when a cell got lost. */
int table_print(const Table *table, FILE *stream, bool header, bool colour);
