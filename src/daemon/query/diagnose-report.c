/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/query/diagnose-report.h"

#include <stdarg.h>

#include "base/utf8.h"

void diagnose_row(DiagnoseReport *report,
                const char *check,
                const char *level,
                const char *way_out,
                const char *format,
                ...)
{
        _cleanup_free_ char *finding = NULL;
        va_list arguments;

        if (report->error < 0)
                return;
        va_start(arguments, format);
        if (vasprintf(&finding, format, arguments) < 0)
                finding = NULL;
        va_end(arguments);
        if (finding)
                utf8_make_valid(finding);
        report->error = finding ? sd_bus_message_append(
                                                  report->reply, "(ssss)", check, level, finding, way_out)
                                : -ENOMEM;
}
