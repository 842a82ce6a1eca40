/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The names, in the directory of the backups, of what is in the making or in removal. They all begin with a
 * dot, and hold the stored file's whole name, so that a killed run's leavings are told from everything else
 * by name alone:
 *
 *   .FILE.copy.tmp         the raw copy of the snapshot, while it is checked and stored
 *   .FILE.verify.tmp       the unpacked image, while it is verified
 *   .FILE.tmp              the stored file, .FILE.meta.tmp its manifest, before they are published
 * (publish.h) .FILE.meta.unfinished  the manifest, while FILE is not yet, or no more, a backup
 *
 * SQLite may put -journal, -wal or -shm behind the first two. */

#include "backup/catalogue/backup-name.h"

/* Owned by the caller; NULL when out of memory. */
char *unfinished_copy_name(const char *file);
char *unfinished_marker_name(const char *file);

/* Given to publish_begin() this makes .FILE.verify.tmp. Owned by the caller. */
char *unfinished_verify_name(const char *file);

/* True for the temporary names above, of a file that can be a backup. */
bool unfinished_is_temporary(const char *name);

/* The file that a marker is about; -EINVAL when `name` is no marker. */
int unfinished_file_of_marker(const char *name, char ret_file[static BACKUP_NAME_MAX]);

/* True while a marker says that `file` is nobody's backup. */
bool unfinished_is_marked(int directory_fd, const char *file);

/* Removes what SQLite may have put beside a raw image of that name: it would be replayed into the next one.
 */
void unfinished_remove_beside(int directory_fd, const char *name);

/* Removes the image, too. Not synced. */
void unfinished_remove_image(int directory_fd, const char *name);

/* Removes what killed runs left: temporary files, and backups whose publication or removal was cut off
 * (marked by `.FILE.meta.unfinished`). Nothing else. *ret_removed is the number of files removed. Returns 1
 * when something with such a name was left, since it need not be ours (leftover.h); *fault then names the
 * last one. Only while no backup is being created, verified or removed. */
int create_clean_up_leftovers(int directory_fd, unsigned *ret_removed, Fault *fault);
