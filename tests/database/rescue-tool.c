/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* rescue-tool DAMAGED BACKUP TARGET: for rescue_case.py. Writes a line for each table, its name last. */

#include "database/rescue/rescue.h"

int main(int argc, char *argv[])
{
        RescueReport report = {0};
        Progress progress;
        Fault fault = {0};
        int r;

        if (argc != 4)
                return 2;
        progress_init(&progress);
        r = rescue_run(argv[1], argv[2], argv[3], NULL, 0, &progress, &report, &fault);
        if (r < 0)
                (void) fprintf(stderr, "%s\n", fault.message);
        for (size_t i = 0; i < report.n_tables; i++) {
                const RescueTable *table = report.tables + i;

                (void) printf("%d %llu %llu %llu %llu %llu %s\n",
                                table->sound,
                                (unsigned long long) table->rows,
                                (unsigned long long) table->rows_rescued,
                                (unsigned long long) table->rows_kept,
                                (unsigned long long) table->rows_lost,
                                (unsigned long long) table->rows_unknown,
                                table->name);
        }
        rescue_report_done(&report);
        fault_done(&fault);
        progress_done(&progress);
        return r < 0;
}
