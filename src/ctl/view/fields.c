/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/view/fields.h"

#include <stdarg.h>
#include <string.h>

#include "ctl/show/moment.h"
#include "ctl/show/terminal.h"
#include "ctl/show/text.h"

Table *fields_new(void)
{
        static const char *const names[] = {"", "", NULL};
        Table *fields = table_new(names);

        if (fields)
                table_align_right(fields, 0);
        return fields;
}

void fields_add(Table *fields, const char *name, Style style, const char *value)
{
        if (value[0] == '\0')
                return;
        table_addf(fields, STYLE_PLAIN, "%s%s", name, name[0] != '\0' ? ":" : "");
        table_add(fields, style, value);
}

void fields_addf(Table *fields, const char *name, Style style, const char *format, ...)
{
        _cleanup_free_ char *value = NULL;
        va_list arguments;

        va_start(arguments, format);
        if (vasprintf(&value, format, arguments) < 0)
                value = NULL;
        va_end(arguments);
        fields_add(fields, name, style, value ? value : "(out of memory)");
}

void fields_add_moment(Table *fields, const char *name, uint64_t usec, uint64_t now_usec)
{
        char text[MOMENT_MAX];

        moment_format(usec, now_usec, text);
        fields_add(fields, name, STYLE_PLAIN, text);
}

static size_t widest_name(json_object *tables)
{
        size_t widest = 0;

        json_object_object_foreach (tables, name, rows) {
                _cleanup_free_ char *sanitized = text_sanitize(name);

                (void) rows;
                if (sanitized)
                        widest = MAX_OF(widest, text_width(sanitized));
        }
        return widest;
}

void fields_add_tables(Table *fields, json_object *tables, const char *remark)
{
        uint64_t sum = 0;
        size_t widest;

        if (!json_object_is_type(tables, json_type_object) || json_object_object_length(tables) == 0)
                return;
        widest = widest_name(tables);
        json_object_object_foreach (tables, counted_name, counted_rows) {
                (void) counted_name;
                sum += json_object_get_uint64(counted_rows);
        }
        fields_addf(fields,
                        "Tables",
                        STYLE_PLAIN,
                        "%d, %" PRIu64 " record%s in all%s",
                        json_object_object_length(tables),
                        sum,
                        sum == 1 ? "" : "s",
                        remark);
        json_object_object_foreach (tables, name, rows) {
                _cleanup_free_ char *sanitized = text_sanitize(name);

                if (sanitized)
                        fields_addf(fields,
                                        "",
                                        STYLE_PLAIN,
                                        "%s%*s %10" PRIu64,
                                        sanitized,
                                        (int) (widest - text_width(sanitized)),
                                        "",
                                        json_object_get_uint64(rows));
        }
}

int fields_print(const Session *session, const Table *fields, Fault *fault)
{
        int r = table_print(fields, stdout, false, terminal_colour());

        return r < 0 ? session_set_errno(r, fault) : 0;
}
