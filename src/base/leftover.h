/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Removing what a killed run of this service has left under a temporary name. Others may write some of these
 * directories, and whatever has such a name there need not be this service's. */

#include "base/fault.h"

/* Removes a regular file of this process's user, and nothing else. Returns 1 when it was removed and 0 when
 * there is nothing of that name; -EEXIST, with a fault that names it, when it is left since it is a
 * directory, a device or somebody else's, or since removing it is refused. Any other error is the disk's. */
int leftover_remove(int directory_fd, const char *name, Fault *fault);
