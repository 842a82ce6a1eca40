/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The rows of Diagnose as they are appended to its reply. The first error is remembered, and the rest left
 * out. */

#include <systemd/sd-bus.h>

#include "base/macro.h"

typedef struct DiagnoseReport {
        sd_bus_message *reply; /* inside of its a(ssss) */
        int error;
} DiagnoseReport;

/* One check: "ok", "warning" or "fault", the way out ("" when ok), and the finding. */
void diagnose_row(DiagnoseReport *report,
                const char *check,
                const char *level,
                const char *way_out,
                const char *format,
                ...) _printf_(5, 6);
