/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Standard input as a regular file, which is what the service takes: it is copied into one that has no name
 * and goes with its descriptor. */

#include "base/fault.h"

/* What a file is called on the command line when it comes on standard input. */
#define INPUT_FILE_NAME "-"

/* The file lies in $TMPDIR, or in /var/tmp: it may be as large as a database. Opened for reading; the
 * descriptor and the text for messages are the caller's. */
int input_file_collect(int *ret_fd, char **ret_name, Fault *fault);
