/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The names in a directory, read in one go, so that whoever acts on them may change the directory meanwhile.
 */

#include "base/macro.h"

typedef struct DirectoryList {
        char **names; /* owned; in no order */
        size_t n_names;
} DirectoryList;

/* Frees the names and resets the list to empty. */
void directory_list_done(DirectoryList *list);

/* Reads all names but "." and "..", through a descriptor of its own. Negative errno; *ret is then untouched.
 */
int directory_list(int directory_fd, DirectoryList *ret);
