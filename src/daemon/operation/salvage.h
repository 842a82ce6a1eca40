/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Rows of a database in the quarantine that the live one lacks: told, or merged, when the job ends. */

#include "daemon/job/job.h"

/* `name` is "" for the newest one. NOT_FOUND at once when there is none. */
int operation_salvage_queue(Manager *manager,
                const char *name,
                bool merge,
                const Caller *caller,
                Job **ret,
                Fault *fault);
