/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The place of a file that a verb is going to write, for base/publish.h: that knows directories and names.
 */

#include "base/fault.h"

/* Opens the directory of `path` and points at the name in it. INVALID_ARGUMENT for a path that is a
 * directory's. */
int output_file_locate(const char *path, int *ret_directory_fd, const char **ret_name, Fault *fault);
