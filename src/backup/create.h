/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One backup, start to finish: pin a snapshot, copy it, check the copy, compress it, read it back from the
 * disk, publish it, its manifest last. Runs in a worker thread; touches nothing that is shared. A fault or a
 * cancellation at any step leaves no trace but the earlier backups. */

#include "backup/manifest.h"
#include "base/progress.h"

typedef struct CreateRequest {
        const char *database_path;
        int directory_fd;           /* of the backups */
        const char *directory_path; /* the same, for messages and for SQLite */
        const char *name;           /* from backup_name_make(), or INITIAL_BACKUP_NAME */
        BackupKind kind;
        const char *label; /* may be NULL */
        Compression compression;
        uint64_t now_usec;
} CreateRequest;

/* CORRUPT when the snapshot itself fails its check: nothing is published then. NO_SPACE is told before the
 * copy where it can be foreseen. */
int create_backup(const CreateRequest *request, Progress *progress, Manifest **ret, Fault *fault);

/* Removes what killed runs left: temporary files, and backups whose publication or removal was cut off
 * (marked by `.FILE.meta.unfinished`). Nothing else. Returns the number of files removed. */
int create_clean_up_leftovers(int directory_fd, unsigned *ret_removed, Fault *fault);
