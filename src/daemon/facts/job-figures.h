/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What became of the jobs since the service started, per operation, and the last error. Belongs to the
 * loop; bounded by the number of operations that there are. */

#include "base/fault.h"

#define JOB_FIGURES_MAX 16

typedef struct OperationFigures {
        const char *operation; /* static */
        uint32_t n_done;
        uint32_t n_failed;
        uint32_t n_cancelled;
} OperationFigures;

typedef struct JobFigures {
        OperationFigures operations[JOB_FIGURES_MAX];
        size_t n_operations;
        FaultCode last_error;     /* FAULT_NONE: nothing has failed */
        char *last_error_message; /* owned; may be NULL */
        uint64_t last_error_usec;
} JobFigures;

void job_figures_done(JobFigures *figures);

/* Counts the end of a job; `operation` is a static string. A cancellation is no error. */
void job_figures_count(JobFigures *figures, const char *operation, const Fault *fault, uint64_t now_usec);
