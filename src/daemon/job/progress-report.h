/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Tells how far the running jobs are: a few times a second, and only while one runs; an idle service has no
 * timer. During the start-up it also asks systemd for patience. */

#include "daemon/manager.h"

#define PROGRESS_REPORT_INTERVAL_USEC (250 * USEC_PER_MSEC)

/* A job begins to run. The timer ends by itself. */
void progress_report_begin(Manager *manager);
