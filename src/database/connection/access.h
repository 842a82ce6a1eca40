/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Why this process can't use a file or a directory, named as what it is and with the way out. Looks at names
 * and inodes only, and never opens a file. Any thread. */

#include "base/fault.h"

/* PERMISSION (owner and mode, or chattr +i or +a), READ_ONLY (mounted so, or turned so after an error) or IO
 * (a file system that was shut down), when `path` can't be used with the `wanted` bits of access(). */
int access_require(const char *path, int wanted, Fault *fault);
