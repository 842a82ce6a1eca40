/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Export and import from a shell, without a service: what the tests in Python run.
 *
 *   export-tool export DATABASE STYLE [--redact] [TABLE...] >DOCUMENT
 *   export-tool import DATABASE <DOCUMENT
 *
 * The exit status is the fault's. */

#include <string.h>

#include "database/export/export.h"
#include "database/import/import.h"

static int do_export(int argc, char **argv, Fault *fault)
{
        bool redact = argc > 4 && strcmp(argv[4], "--redact") == 0;
        char **tables = argv + 4 + redact;
        ExportOptions options = {
                        .style = export_style_from_string(argv[3]),
                        .redact = redact,
                        .tables = *tables ? (const char *const *) tables : NULL,
        };
        ExportResult result;

        if (options.style < 0)
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "No such style");
        return export_run(argv[2], &options, STDOUT_FILENO, NULL, &result, fault);
}

static int do_import(char **argv, Fault *fault)
{
        ImportResult result;
        int r = import_run(STDIN_FILENO, argv[2], 0, NULL, &result, fault);

        if (r >= 0)
                (void) printf("%llu\n", (unsigned long long) result.foreign_key_violations);
        return r;
}

int main(int argc, char **argv)
{
        _cleanup_fault_ Fault fault = {0};
        int r;

        if (argc >= 4 && strcmp(argv[1], "export") == 0)
                r = do_export(argc, argv, &fault);
        else if (argc == 3 && strcmp(argv[1], "import") == 0)
                r = do_import(argv, &fault);
        else
                r = fault_set(&fault, FAULT_INVALID_ARGUMENT, "Wrong usage");
        if (r < 0)
                (void) fprintf(stderr, "%s\n", fault.message);
        return fault_exit_code(fault.code);
}
