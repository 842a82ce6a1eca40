/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The first start of a service backs up an empty database. That backup is worth nothing once the application
 * has written its first rows, and the timer may be hours away: the service makes one by itself, once. While
 * no backup of this database holds any records, it counts them some seconds after the files have changed. */

#include "base/fault.h"

typedef struct FirstRows FirstRows;
typedef struct Manager Manager;

typedef struct FirstRowsFacts {
        bool able;          /* a backup can be made now, and none is under way */
        bool backed_up;     /* some backup of this database holds records */
        bool last_failed;   /* the last backup: the timer tries again */
        bool counted;       /* just now, some seconds after a change */
        uint64_t n_records; /* in tables that the service does not fill itself, at the last count */
} FirstRowsFacts;

typedef enum FirstRowsStep {
        FIRST_ROWS_REST,
        FIRST_ROWS_AWAIT,
        FIRST_ROWS_BACK_UP,
        _FIRST_ROWS_STEP_MAX,
        _FIRST_ROWS_STEP_INVALID = -EINVAL,
} FirstRowsStep;

int first_rows_new(FirstRows **ret, Fault *fault);
FirstRows *first_rows_free(FirstRows *rows);

FirstRowsStep first_rows_decide(const FirstRowsFacts *facts);

/* Whether each commit may be the first one that counts. */
bool first_rows_are_awaited(const Manager *manager);

/* Has the records counted soon when they may be there and the files have changed. */
void first_rows_consider(Manager *manager);

/* The records were counted, or could not be: then they are counted again later. Queues the backup. */
void first_rows_counted(Manager *manager, bool counted);
