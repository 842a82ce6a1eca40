/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* All backups that are on disk, newest first. Built from the directory by a worker or the loop, then owned
 * by the loop thread alone, which keeps it true as files come and go. Entries are Manifests; a plain
 * `backup_*.db` without a manifest that we understand is adopted, and a stored file that its manifest does
 * not fit is listed with its `problem`. Leases say who reads a backup right now, so that retention and
 * deletion keep off. */

#include "backup/manifest.h"

typedef struct CatalogueEntry {
        Manifest *manifest;
        unsigned leases;
} CatalogueEntry;

typedef struct Catalogue {
        CatalogueEntry *entries; /* newest first: by the label's moment, else created_usec */
        size_t n_entries;
} Catalogue;

int catalogue_new(Catalogue **ret);
Catalogue *catalogue_free(Catalogue *catalogue);
DEFINE_CLEANUP(Catalogue *, catalogue_free);

/* Scans the directory. 10,000 manifests in well under a second. One bad entry never fails the scan. */
int catalogue_load(int directory_fd, Catalogue **ret, Fault *fault);

/* Reads one stored file's entry again after something happened to it or to its manifest, and adds, replaces
 * or drops it. The leases of a replaced entry stay. */
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

/* Adds or replaces an entry; takes the manifest over on success. */
int catalogue_put(Catalogue *catalogue, Manifest *manifest);
void catalogue_drop(Catalogue *catalogue, const char *file);

/* By name or by file. NULL when there is none. Valid until the next change. */
CatalogueEntry *catalogue_find(const Catalogue *catalogue, const char *name_or_file);

/* The newest entry that was verified and has no problem; NULL when there is none. */
CatalogueEntry *catalogue_newest_verified(const Catalogue *catalogue);

/* The latest moment that any name carries, for backup_name_make(); 0 when there is none. */
uint64_t catalogue_newest_label_usec(const Catalogue *catalogue);
