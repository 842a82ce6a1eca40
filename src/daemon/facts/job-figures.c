/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/facts/job-figures.h"

#include <string.h>

void job_figures_done(JobFigures *figures)
{
        free(figures->last_error_message);
        *figures = (JobFigures){0};
}

static OperationFigures *find(JobFigures *figures, const char *operation)
{
        for (size_t i = 0; i < figures->n_operations; i++)
                if (strcmp(figures->operations[i].operation, operation) == 0)
                        return figures->operations + i;
        if (figures->n_operations >= JOB_FIGURES_MAX)
                return NULL;
        figures->operations[figures->n_operations] = (OperationFigures){.operation = operation};
        return figures->operations + figures->n_operations++;
}

void job_figures_count(JobFigures *figures, const char *operation, const Fault *fault, uint64_t now_usec)
{
        OperationFigures *row = find(figures, operation);
        bool cancelled = fault->code == FAULT_CANCELLED, failed = fault->code != FAULT_NONE && !cancelled;

        if (row) {
                row->n_done += fault->code == FAULT_NONE;
                row->n_failed += failed;
                row->n_cancelled += cancelled;
        }
        if (!failed)
                return;
        free(figures->last_error_message);
        figures->last_error = fault->code;
        figures->last_error_message = fault->message ? strdup(fault->message) : NULL;
        figures->last_error_usec = now_usec;
}
