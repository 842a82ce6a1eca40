/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* STATE/last-restore.json: what the last restore did, so that it can be shown and undone. Published before
 * the new database comes into force and again when all is done: whatever is killed in between, an undo finds
 * what there was. An undo is a restore like any other and writes its own record, so it can be undone. */

#include "backup/catalogue/identity.h"
#include "backup/restore/restore.h"

typedef struct RestoreRecord {
        char *source;      /* the backup's name, or the quarantine folder, that was restored */
        char *database;    /* absolute path */
        char *pre_restore; /* what it replaced: a backup's name; NULL when it isn't one */
        char *quarantine;  /* folder with the files it replaced; NULL when there is none */
        RestoreMethod method;
        bool automatic;
        bool damaged;  /* what lies in the quarantine is not sound, as far as is known: an undo has to be
                        * forced to bring it back */
        bool untold;   /* automatic, and not in the list of remedies yet (restore-loss.h) */
        bool finished; /* false: it was cut off; the database is the old one or the new one */
        uint64_t restored_usec;
} RestoreRecord;

void restore_record_done(RestoreRecord *record);

/* NOT_FOUND when nothing was ever restored; CORRUPT when the file can't be understood. */
int restore_record_load(const char *state_directory_path, RestoreRecord *ret, Fault *fault);
int restore_record_store(const char *state_directory_path, const RestoreRecord *record, Fault *fault);
int restore_record_remove(const char *state_directory_path, Fault *fault);

/* What UndoRestore has to restore, owned by the caller: exactly one of the two is set. A backup that is no
 * longer on disk falls back to the quarantine folder. NOT_FOUND when there is no last restore, when it
 * replaced nothing (the file was missing), when it was of another database, or when what it replaced is
 * gone. */
int restore_undo_source(const char *state_directory_path,
                const DatabaseIdentity *identity, /* NULL: of whichever database */
                int directory_fd,                 /* of the backups */
                char **ret_backup_name,
                char **ret_quarantine,
                Fault *fault);
