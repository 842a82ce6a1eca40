/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Removing one backup, its manifest first: a removal that is cut off leaves an invalid backup, never a
 * manifest without its file; create_clean_up_leftovers() finishes it. */

#include "backup/catalogue/manifest.h"

/* Removes the stored file and, where there is one, its manifest, each synced. Of `manifest` only the file's
 * name matters. A file that is already gone is no error. On a fault (PERMISSION, READ_ONLY, IO) the backup
 * is either whole or marked as unfinished. Whether it may go at all is the caller's business. */
int remove_backup(int directory_fd, const Manifest *manifest, Fault *fault);
