/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Beyond the job itself: the answer to a dry run, which is no job. */

#include "daemon/manager.h"

int cleanup_reply_plan(Manager *manager, sd_bus_message *message);
