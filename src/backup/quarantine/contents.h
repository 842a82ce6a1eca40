/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Replacing what is in a database file where the file itself can't be: one that is mounted by itself, as
 * containers do it, can be neither renamed nor removed. Its users are stopped. The old content is saved
 * whole before the first byte is written, and restore.json tells a start that was cut off which of the two
 * to write again. Every call can be made again. */

#include "base/fault.h"

/* Whether something is mounted at this very path. */
bool contents_are_fixed(const char *database_path);

/* Copies the database, its -wal and its -journal into the folder. */
int contents_save(const char *database_path, const char *folder, Fault *fault);

/* Removes the -wal, -journal and -shm, and writes the content of `source` over the database, synced. */
int contents_replace(const char *source, const char *database_path, Fault *fault);

/* Writes back what was saved, and removes the folder. */
int contents_take_back(const char *folder, const char *database_path, Fault *fault);
