/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/show/table.h"

#include <stdarg.h>
#include <string.h>

#include "ctl/show/text.h"

typedef struct Cell {
        char *text;
        size_t width;
        Style style;
} Cell;

typedef struct Column {
        const char *name;
        bool right;
        bool optional;
        bool used;
        size_t width; /* of the widest cell */
} Column;

struct Table {
        Column *columns;
        size_t n_columns;
        Cell *cells;
        size_t n_cells;
        size_t n_allocated;
        bool out_of_memory;
};

static const char *const style_codes[_STYLE_MAX] = {
                [STYLE_PLAIN] = "",
                [STYLE_GOOD] = "\x1b[0;1;32m",
                [STYLE_WARNING] = "\x1b[0;1;33m",
                [STYLE_BAD] = "\x1b[0;1;31m",
                [STYLE_FAINT] = "\x1b[0;2m",
                [STYLE_BOLD] = "\x1b[0;1m",
};

const char *style_begin(Style style, bool colour)
{
        return colour ? style_codes[style] : "";
}

const char *style_end(Style style, bool colour)
{
        return colour && style != STYLE_PLAIN ? "\x1b[0m" : "";
}

Table *table_new(const char *const *names)
{
        _cleanup_(table_freep) Table *table = calloc(1, sizeof *table);

        if (!table)
                return NULL;
        while (names[table->n_columns])
                table->n_columns++;
        table->columns = calloc(table->n_columns, sizeof *table->columns);
        if (!table->columns)
                return NULL;
        for (size_t i = 0; i < table->n_columns; i++)
                table->columns[i] = (Column){.name = names[i]};
        return TAKE_PTR(table);
}

Table *table_free(Table *table)
{
        if (!table)
                return NULL;
        for (size_t i = 0; i < table->n_cells; i++)
                free(table->cells[i].text);
        free(table->cells);
        free(table->columns);
        free(table);
        return NULL;
}

void table_align_right(Table *table, size_t column)
{
        table->columns[column].right = true;
}

void table_hide_when_empty(Table *table, size_t column)
{
        table->columns[column].optional = true;
}

void table_add(Table *table, Style style, const char *text)
{
        _cleanup_free_ char *sanitized = text_sanitize(text);
        Column *column = table->columns + table->n_cells % table->n_columns;
        size_t width;

        if (table->n_cells == table->n_allocated) {
                size_t n = MAX_OF(64U, 2 * table->n_allocated);
                Cell *grown = reallocarray(table->cells, n, sizeof *grown);

                if (grown) {
                        table->cells = grown;
                        table->n_allocated = n;
                }
        }
        if (!sanitized || table->n_cells == table->n_allocated) {
                table->out_of_memory = true;
                return;
        }
        width = text_width(sanitized);
        column->width = MAX_OF(column->width, width);
        column->used = column->used || width > 0;
        table->cells[table->n_cells++] = (Cell){TAKE_PTR(sanitized), width, style};
}

void table_addf(Table *table, Style style, const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list arguments;
        int r;

        va_start(arguments, format);
        r = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (r < 0) {
                text = NULL;
                table->out_of_memory = true;
                return;
        }
        table_add(table, style, text);
}

static void print_cell(FILE *stream,
                const Column *column,
                const Cell *cell,
                size_t column_width,
                bool last,
                bool colour)
{
        int padding = (int) (column_width - MIN_OF(cell->width, column_width));

        (void) fprintf(stream,
                        "%*s%s%s%s",
                        column->right ? padding : 0,
                        "",
                        style_begin(cell->style, colour),
                        cell->text,
                        style_end(cell->style, colour));
        /* No blanks at the end of a line: they wrap on narrow terminals and clutter what is pasted. */
        if (!last)
                (void) fprintf(stream, "%*s ", column->right ? 0 : padding, "");
}

int table_print(const Table *table, FILE *stream, bool header, bool colour)
{
        size_t n_rows = table->n_cells / table->n_columns;

        if (table->out_of_memory)
                return -ENOMEM;
        for (size_t row = header ? 0 : 1; row <= n_rows; row++) {
                size_t last = 0;

                /* The last cell of this row that shows anything. */
                for (size_t i = 0; i < table->n_columns; i++)
                        if (row == 0 ? !table->columns[i].optional || table->columns[i].used
                                     : table->cells[(row - 1) * table->n_columns + i].width > 0)
                                last = i;
                for (size_t i = 0; i <= last; i++) {
                        const Column *column = table->columns + i;
                        Cell title = {(char *) column->name, strlen(column->name), STYLE_BOLD};
                        size_t width = header ? MAX_OF(column->width, title.width) : column->width;

                        if (column->optional && !column->used)
                                continue;
                        print_cell(stream,
                                        column,
                                        row == 0 ? &title : table->cells + (row - 1) * table->n_columns + i,
                                        width,
                                        i == last,
                                        colour);
                }
                (void) fputc('\n', stream);
        }
        return 0;
}
