/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Moving one file between two places that may lie on different mounts, so that at every moment one of the
 * two is whole, and so that a call that was killed can be made again. Nothing is ever replaced. */

#include "base/progress.h"

/* Writes the content of `source_fd`, from its start, into the empty file `target_fd`, and syncs it.
 * `progress` may be NULL; `name` is for messages. */
int file_copy_content(int source_fd, int target_fd, Progress *progress, const char *name, Fault *fault);

/* Whether both are regular files of the same bytes; false when one is missing or can't be read. Opens and
 * closes both: this process must have no SQLite connection on either. */
bool file_has_same_content(const char *path, const char *other);

/* Makes a synced copy, with the mode of `from`. A missing `from` is no error, nor is a `to` of the same
 * content. INVALID_ARGUMENT when `to` is another file. Not a hard link: what SQLite opens must have one
 * name. */
int file_copy(const char *from, const char *to, Fault *fault);

/* Renames, or copies and removes where the kernel can't rename (another mount). A missing `from` is no
 * error; a `to` of the same content is the copy of a call that was cut off. INVALID_ARGUMENT when `to` is
 * another file. Syncs no directory but that of a copy. */
int file_move(const char *from, const char *to, Fault *fault);

/* Removes what a killed call left of a copy to `to`. */
void file_forget_copy(const char *to);

/* Syncs the directory that `path` is in. Negative errno. */
int file_sync_directory_of(const char *path);
