/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Takes a database file that comes from elsewhere into the backups: any SQLite file, plain or gzip, either
 * also encrypted with age (binary or in its ASCII armor), or the one in a .zip, over a descriptor. It is
 * copied, proved and stored like every backup, of kind `imported`; restoring from a file is this, and then a
 * restore of it.
 *
 * A plain file that is in WAL mode is taken as it is: a descriptor alone can't tell whether a -wal with
 * later commits lies beside it. Who has the path checks for that (and -journal) before. */

#include "age/header.h"
#include "backup/catalogue/manifest.h"
#include "base/effort.h"
#include "base/progress.h"

typedef struct BringInRequest {
        int source_fd;              /* a regular file, readable; read from its start, not closed */
        const char *source_name;    /* for messages and for the manifest's `source`: the caller's path */
        int directory_fd;           /* of the backups */
        const char *directory_path; /* the same, for messages and for SQLite */
        const char *name;           /* from backup_name_make() */
        const char *label;          /* may be NULL */
        const char *database_id;    /* of the database that it is for; may be NULL */
        const AgeIdentities *identities; /* for an encrypted source; may be NULL */
        Compression compression;         /* of the backup that it becomes, and: */
        const AgeRecipients *recipients; /* NULL or without any: it is stored in clear */
        Effort effort;
        AgeFileKey *ret_file_key; /* that opens it, when it is encrypted; may be NULL. Wiped by the caller */
        uint64_t now_usec;
} BringInRequest;

/* INVALID_ARGUMENT for what is no regular file; NOT_A_DATABASE for neither SQLite nor gzip of it; CORRUPT
 * for one that fails its check; KEY_UNAVAILABLE for an encrypted one that no identity opens; NO_SPACE before
 * anything is written. */
int bring_in(const BringInRequest *request, Progress *progress, Manifest **ret, Fault *fault);

/* What would be brought in, without keeping anything: proved in the same way, and with the same faults. The
 * manifest has the source's name as its own, its size and its rows. */
int bring_in_look(const BringInRequest *request, Progress *progress, Manifest **ret, Fault *fault);
