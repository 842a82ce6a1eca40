/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The first half of a restore: a private copy of what is to be restored, proved in full before the target is
 * so much as opened. The copy lies in the directory of the backups under a name that the next start's
 * clean-up knows. */

#include "backup/restore/restore.h"

typedef struct RestoreSource {
        int directory_fd; /* borrowed */
        char *file_name;  /* below it */
        char *path;
        uint64_t database_bytes;
        uint64_t page_size_bytes;
        uint64_t foreign_key_violations;
        const struct RestoreRescue *rescue; /* what was rescued into it; NULL for nothing */
        bool healthy; /* false only for a quarantined database that is restored by force */
} RestoreSource;

/* Removes the copy. */
void restore_source_done(RestoreSource *source);

/* Without -wal and -journal, in journal_mode=DELETE. Faults as restore_backup() has them. */
int restore_source_prove(
                const RestoreRequest *request, Progress *progress, RestoreSource *ret, Fault *fault);

/* Flags the copy as a WAL database, for becoming the live one. */
int restore_source_set_wal(RestoreSource *source, Fault *fault);
