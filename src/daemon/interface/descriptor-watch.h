/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Any message on the bus may carry descriptors, also one that no handler sees. sd-bus closes them with the
 * message, and with one of the live database all POSIX locks that this process has on it go. So a message
 * that comes while such a descriptor is open here is kept until the database is closed. */

#include "daemon/manager.h"

/* Looks at every message on both connections. Negative errno. */
int descriptor_watch_start(Manager *manager);
