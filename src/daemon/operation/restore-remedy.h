/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An automatic restore becomes a remedy (remedy.h) that tells how many rows it has cost. */

#include "daemon/operation/restore-result.h"

/* Loop, before the run: what the database had when it was counted last, by this run of the service or by the
 * newest backup of it. -ENOMEM. */
int restore_remedy_prepare(const Manager *manager, RestoreTask *task);

/* Worker, when the new database is in force and settled. */
void restore_remedy_tell(RestoreTask *task, Progress *progress);

/* Loop, after the run: logs what was lost, and health follows. */
void restore_remedy_take_over(Job *job, RestoreTask *task);
