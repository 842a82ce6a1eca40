/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* All backups that are on disk, newest first. Built from the directory by a worker or the loop, then owned
 * by the loop thread alone, which keeps it true as files come and go. Entries are Manifests; a stored file
 * without a manifest that we understand is adopted, and a stored file that its manifest does
 * not fit is listed with its `problem`. Leases say who reads a backup right now, so that retention and
 * deletion keep off. */

#include "backup/catalogue/identity.h"

typedef struct CatalogueEntry {
        Manifest *manifest;
        unsigned leases;
        bool other;           /* it is of another database */
        uint64_t moment_usec; /* that it is sorted by: the label's, else created_usec */
} CatalogueEntry;

typedef struct Catalogue {
        CatalogueEntry *entries; /* newest first; of one moment by the file's name */
        size_t n_entries;
        size_t n_allocated;
        uint64_t newest_label_usec;       /* see catalogue_newest_label_usec() */
        const DatabaseIdentity *identity; /* by which `other` is told; borrowed. NULL: none is another's */
} Catalogue;

int catalogue_new(Catalogue **ret);
Catalogue *catalogue_free(Catalogue *catalogue);
DEFINE_CLEANUP(Catalogue *, catalogue_free);

/* Scans the directory. 10,000 manifests in well under a second. One bad entry never fails the scan.
 *
 * Listed are: every stored file with a manifest; a manifest without its file, with a `problem`; and a stored
 * file without a manifest, adopted: a verification tells a whole one from half a copy. Not listed: what a
 * marker says is unfinished. Entries whose manifest is foreign, unreadable or not there are `adopted`, and
 * so are safe from retention.
 *
 * A backup's name is the stem of its file; when two files have the same stem, the one that comes second is
 * called by its whole file name. It keeps that name while this catalogue lives, even when the other goes. */
int catalogue_load(int directory_fd, Catalogue **ret, Fault *fault);

/* Reads one stored file's entry again after something happened to it or to its manifest, and adds, replaces
 * or drops it. `file` may be any name in the directory, as inotify tells it: one that concerns no backup is
 * CATALOGUE_UNCHANGED. The leases of a replaced entry stay. On a fault the catalogue is as it was. */
typedef enum CatalogueChange {
        CATALOGUE_UNCHANGED,
        CATALOGUE_ADDED,
        CATALOGUE_CHANGED,
        CATALOGUE_REMOVED,
} CatalogueChange;
int catalogue_refresh(Catalogue *catalogue,
                int directory_fd,
                const char *file,
                CatalogueChange *ret,
                Fault *fault);

/* Adds or replaces the entry of that file; takes the manifest over on success, and gives it its name.
 * -EINVAL when its file is not named as a backup's is, -ENOMEM. */
int catalogue_put(Catalogue *catalogue, Manifest *manifest);
void catalogue_drop(Catalogue *catalogue, const char *file);

/* Tells anew which entries are of another database; the identity has to outlive the catalogue. */
void catalogue_set_identity(Catalogue *catalogue, const DatabaseIdentity *identity);

/* How many entries are of the database. */
size_t catalogue_n_owned(const Catalogue *catalogue);

/* By name or by file. NULL when there is none. Valid until the next change. */
CatalogueEntry *catalogue_find(const Catalogue *catalogue, const char *name_or_file);

/* The newest entry of the database that was verified and has no problem; NULL when there is none. */
CatalogueEntry *catalogue_newest_verified(const Catalogue *catalogue);

/* The newest on which a new backup may build: made here, of the database, and verified. NULL when there is
 * none. */
CatalogueEntry *catalogue_newest_reusable(const Catalogue *catalogue);

/* What an entry takes on the disk beyond the newer ones: nothing where it shares its bytes with the next
 * newer one. */
uint64_t catalogue_own_bytes(const Catalogue *catalogue, size_t index);

/* The latest moment that the name of a backup of ours carries, or carried while this catalogue lives, for
 * backup_name_make(); 0 when there is none. Unfinished ones count, too; what others left does not: names
 * must not run ahead of the clock for a stray file of next year. */
uint64_t catalogue_newest_label_usec(const Catalogue *catalogue);
