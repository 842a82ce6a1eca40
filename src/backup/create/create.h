/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One backup, start to finish: pin a snapshot, copy it, check the copy, compress it, read it back from the
 * disk, publish it, its manifest last. Runs in a worker thread; touches nothing that is shared. A fault or a
 * cancellation at any step leaves no trace but the earlier backups. */

#include "age/stream.h"
#include "backup/catalogue/unfinished.h" /* and with it create_clean_up_leftovers() */
#include "base/effort.h"
#include "base/progress.h"
#include "database/copy/raw-copy.h"

typedef struct CreateRequest {
        const char *database_path;
        int directory_fd;           /* of the backups */
        const char *directory_path; /* the same, for messages and for SQLite */
        const char *name;           /* from backup_name_make(), or INITIAL_BACKUP_NAME */
        BackupKind kind;
        const char *label;       /* may be NULL */
        const char *database_id; /* for the manifest (identity.h); NULL for none */
        bool kept;               /* pinned from the start */
        Compression compression;
        Effort effort;
        bool quick_check;   /* instead of the full one: compares no indexes with their tables */
        bool from_disk;     /* the copy is one of what the disk holds (raw-copy.h), unless that is not sound:
                             * then     it is one of what the kernel has in memory, as any */
        DiskRead *ret_disk; /* how that went; `failed` when it was not sound. May be NULL */
        bool background; /* nobody waits for it: once the copy is made and the database let go, it gets out
                          * of everybody's way (background.h) */
        const AgeRecipients *recipients; /* to encrypt to; NULL or without any: stored in clear */
        const AgeIdentities *identities; /* that ought to open it, or NULL: the read-back then goes through
                                            them */
        AgeFileKey *ret_file_key;        /* of the new backup; may be NULL. Wiped by the caller */
        const Manifest *older; /* a backup from which what has not changed may be taken; or NULL. Nobody may
                                * remove it meanwhile */
        bool apart; /* it is to have no block in common with that one, as far as there is room: sharing.h */
        bool *ret_older_damaged; /* set when it turned out not to hold what it says; may be NULL */
        Fault *ret_key_fault;    /* KEY_UNAVAILABLE when they don't; the backup is made all the same */
        uint64_t now_usec;
} CreateRequest;

/* *ret is the manifest as it was stored. CORRUPT (or NOT_A_DATABASE) when the snapshot itself fails its
 * check, and only then: nothing is published, and the database wants attention. A stored file that does not
 * read back as it was written is IO: the disk below the backups does. NO_SPACE is told before the copy where
 * it can be foreseen. INVALID_ARGUMENT for a bad label or name, or where a file of that name is. Violated
 * foreign keys are counted, not refused. An encrypted one is read back in full, too, with its own key where
 * no identity is at hand. A cancellation that comes after the last step of publishing began is too late. */
int create_backup(const CreateRequest *request, Progress *progress, Manifest **ret, Fault *fault);
