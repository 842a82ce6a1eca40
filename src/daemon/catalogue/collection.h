/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The catalogue as the rest of the world sees it: every change of it goes through here, and is told on the
 * bus exactly once, whether our own worker made it or somebody with a shell. */

#include "backup/catalogue/backup-name.h"
#include "daemon/manager.h"

/* Takes over what the start-up has read. */
void collection_adopt(Manager *manager, Catalogue *catalogue);

/* What a backup that is made now is to be: encrypted to whom (see encryption_recipients()), under a name
 * that is later than every other, in which file. Ask when the job starts and not earlier: others may have
 * been made while it waited. */
int collection_name_backup(const Manager *manager,
                uint64_t now_usec,
                AgeRecipients *ret_recipients,
                char ret_name[static BACKUP_NAME_MAX],
                char **ret_file,
                Fault *fault);

/* The database has got another identity: tells anew which backups are of it, and counts again. */
void collection_identity_changed(Manager *manager);

/* The same for the name alone, later than `newest_label_usec`: one that no entry has. */
int collection_make_name(const Manager *manager,
                uint64_t now_usec,
                uint64_t newest_label_usec,
                char ret_name[static BACKUP_NAME_MAX]);

/* A job made (`created`) or rewrote a backup. Takes the manifest over. */
int collection_put(Manager *manager, Manifest *manifest, uint32_t job_id, bool created);

/* A job removed backups: counted again once, since there may be ten thousand. */
void collection_drop(Manager *manager, const char *const *files, size_t n_files);

/* The same for all of them: they are not at hand any more. */
void collection_drop_all(Manager *manager);

/* Reads one stored file's entry again. What differs from the catalogue came from outside. */
void collection_refresh(Manager *manager, const char *file);

/* Reads everything again. */
void collection_refresh_all(Manager *manager);

/* Says that a job reads the backup, or that it does not any more. */
void collection_lease(Manager *manager, const char *file);
void collection_release(Manager *manager, const char *file);

/* A worker changes the stored file from now on: what inotify says of it is our own, and it is read when the
 * worker is done. Each claim is let go of once. -ENOMEM. */
int collection_claim(Manager *manager, const char *file);
void collection_unclaim(Manager *manager, const char *file);
bool collection_is_claimed(const Manager *manager, const char *file);
