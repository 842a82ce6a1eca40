/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/catalogue/catalogue.h"

#include <string.h>

#include "backup/catalogue/backup-name.h"
#include "backup/catalogue/catalogue-entry.h"
#include "backup/catalogue/unfinished.h"
#include "base/directory.h"

int catalogue_new(Catalogue **ret)
{
        Catalogue *catalogue = calloc(1, sizeof *catalogue);

        if (!catalogue)
                return -ENOMEM;
        *ret = catalogue;
        return 0;
}

Catalogue *catalogue_free(Catalogue *catalogue)
{
        if (!catalogue)
                return NULL;
        for (size_t i = 0; i < catalogue->n_entries; i++)
                (void) manifest_free(catalogue->entries[i].manifest);
        free(catalogue->entries);
        free(catalogue);
        return NULL;
}

/* Of a name without a label the whole second, as of those with one: the initial backup comes before the one
 * that is made in the same second. */
static uint64_t moment_of(const Manifest *manifest)
{
        uint64_t usec;

        return backup_name_usec(manifest->file, &usec) >= 0
                               ? usec
                               : manifest->created_usec / USEC_PER_SEC * USEC_PER_SEC;
}

/* Newest first; of one moment by the file's name, so that the order is the same every time. */
static int compare(uint64_t a_usec, const char *a_file, uint64_t b_usec, const char *b_file)
{
        if (a_usec != b_usec)
                return a_usec > b_usec ? -1 : 1;
        return strcmp(a_file, b_file);
}

static int compare_entries(const void *a, const void *b)
{
        const CatalogueEntry *left = a, *right = b;

        return compare(left->moment_usec, left->manifest->file, right->moment_usec, right->manifest->file);
}

/* Where an entry of that moment and file is, or would have to be. */
static size_t position_of(const Catalogue *catalogue, uint64_t moment_usec, const char *file)
{
        size_t low = 0, high = catalogue->n_entries;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                const CatalogueEntry *entry = catalogue->entries + middle;

                if (compare(entry->moment_usec, entry->manifest->file, moment_usec, file) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static bool is_called(const CatalogueEntry *entry, const char *name_or_file)
{
        return strcmp(entry->manifest->file, name_or_file) == 0 ||
               strcmp(entry->manifest->name, name_or_file) == 0;
}

/* Nearly every name carries the moment by which the entries are sorted; the rest are looked for one by one.
 */
CatalogueEntry *catalogue_find(const Catalogue *catalogue, const char *name_or_file)
{
        uint64_t usec;
        size_t i = 0;
        bool dated = backup_name_usec(name_or_file, &usec) >= 0;

        if (dated)
                i = position_of(catalogue, usec, "");
        for (; i < catalogue->n_entries; i++) {
                CatalogueEntry *entry = catalogue->entries + i;

                if (dated && entry->moment_usec != usec)
                        break;
                if (is_called(entry, name_or_file))
                        return entry;
        }
        return NULL;
}

static int reserve_one(Catalogue *catalogue)
{
        CatalogueEntry *entries;
        size_t wanted;

        if (catalogue->n_entries < catalogue->n_allocated)
                return 0;
        wanted = MAX_OF(catalogue->n_allocated * 2, (size_t) 16);
        entries = reallocarray(catalogue->entries, wanted, sizeof *entries);
        if (!entries)
                return -ENOMEM;
        catalogue->entries = entries;
        catalogue->n_allocated = wanted;
        return 0;
}

/* Names follow those of our own backups, finished or not. What others left may carry any moment. */
static void remember_label(Catalogue *catalogue, const char *file, const Manifest *manifest)
{
        uint64_t usec;

        if ((!manifest || !manifest->adopted) && backup_name_usec(file, &usec) >= 0)
                catalogue->newest_label_usec = MAX_OF(catalogue->newest_label_usec, usec);
}

static int set_name(Manifest *manifest, const char *name)
{
        char *copy;

        if (manifest->name && strcmp(manifest->name, name) == 0)
                return 0;
        copy = strdup(name);
        if (!copy)
                return -ENOMEM;
        free(manifest->name);
        manifest->name = copy;
        return 0;
}

/* The stem is the name, unless another file has it already: then the file's whole name is. */
static int name_entry(const Catalogue *catalogue, Manifest *manifest)
{
        char stem[BACKUP_NAME_MAX];
        const CatalogueEntry *holder;
        Compression compression;
        bool encrypted;
        int r;

        r = backup_name_from_file(manifest->file, stem, &compression, &encrypted);
        if (r < 0)
                return r;
        holder = catalogue_find(catalogue, stem);
        return set_name(manifest,
                        holder && strcmp(holder->manifest->file, manifest->file) != 0 ? manifest->file
                                                                                      : stem);
}

static CatalogueEntry make_entry(const Catalogue *catalogue, Manifest *manifest)
{
        return (CatalogueEntry){
                        .manifest = manifest,
                        .moment_usec = moment_of(manifest),
                        .other = !database_identity_owns(catalogue->identity, manifest),
        };
}

static void remove_at(Catalogue *catalogue, size_t i)
{
        (void) manifest_free(catalogue->entries[i].manifest);
        catalogue->n_entries--;
        memmove(catalogue->entries + i,
                        catalogue->entries + i + 1,
                        (catalogue->n_entries - i) * sizeof *catalogue->entries);
}

int catalogue_put(Catalogue *catalogue, Manifest *manifest)
{
        CatalogueEntry entry = make_entry(catalogue, manifest), *old;
        size_t i;
        int r;

        r = name_entry(catalogue, manifest);
        if (r >= 0)
                r = reserve_one(catalogue);
        if (r < 0)
                return r;
        old = catalogue_find(catalogue, manifest->file);
        if (old) {
                entry.leases = old->leases;
                remove_at(catalogue, (size_t) (old - catalogue->entries));
        }
        i = position_of(catalogue, entry.moment_usec, manifest->file);
        memmove(catalogue->entries + i + 1,
                        catalogue->entries + i,
                        (catalogue->n_entries - i) * sizeof *catalogue->entries);
        catalogue->entries[i] = entry;
        catalogue->n_entries++;
        remember_label(catalogue, manifest->file, manifest);
        return 0;
}

void catalogue_drop(Catalogue *catalogue, const char *file)
{
        const CatalogueEntry *entry = catalogue_find(catalogue, file);

        if (entry && strcmp(entry->manifest->file, file) == 0)
                remove_at(catalogue, (size_t) (entry - catalogue->entries));
}

/* What one stored file is called, before anybody has looked at it. */
typedef struct Candidate {
        char stem[BACKUP_NAME_MAX];
        char file[BACKUP_NAME_MAX];
} Candidate;

static int compare_candidates(const void *a, const void *b)
{
        const Candidate *left = a, *right = b;
        int order = strcmp(left->stem, right->stem);

        return order != 0 ? order : strcmp(left->file, right->file);
}

/* The stored files that there are, or that a manifest says there are, sorted; some twice. */
static int list_candidates(const DirectoryList *list, Candidate **ret, size_t *ret_n)
{
        Candidate *candidates = calloc(MAX_OF(list->n_names, (size_t) 1), sizeof *candidates);
        size_t n = 0;

        if (!candidates)
                return -ENOMEM;
        for (size_t i = 0; i < list->n_names; i++) {
                Compression compression;
                bool encrypted;

                if (catalogue_entry_file(list->names[i], candidates[n].file) >= 0 &&
                                backup_name_from_file(candidates[n].file,
                                                candidates[n].stem,
                                                &compression,
                                                &encrypted) >= 0)
                        n++;
        }
        qsort(candidates, n, sizeof *candidates, compare_candidates);
        *ret = candidates;
        *ret_n = n;
        return 0;
}

/* Puts the entry at the end, called by its whole file name when the one before has its stem already. */
static int append(Catalogue *catalogue, Manifest *manifest, bool stem_is_taken)
{
        int r = reserve_one(catalogue);

        if (r >= 0 && stem_is_taken)
                r = set_name(manifest, manifest->file);
        if (r < 0)
                return r;
        catalogue->entries[catalogue->n_entries++] = make_entry(catalogue, manifest);
        return 0;
}

/* As catalogue_put() for each, but with one sort instead of a search for each. */
static int read_candidates(Catalogue *catalogue, int directory_fd, const Candidate *candidates, size_t n)
{
        const char *taken_stem = "";

        for (size_t i = 0; i < n; i++) {
                _cleanup_(manifest_freep) Manifest *manifest = NULL;
                const Candidate *candidate = candidates + i;
                int r;

                if (i > 0 && strcmp(candidate->file, candidates[i - 1].file) == 0)
                        continue;
                r = catalogue_entry_read(directory_fd, candidate->file, &manifest);
                if (manifest || unfinished_is_marked(directory_fd, candidate->file))
                        remember_label(catalogue, candidate->file, manifest);
                if (r > 0)
                        r = append(catalogue, manifest, strcmp(candidate->stem, taken_stem) == 0);
                if (r < 0)
                        return r;
                if (!manifest)
                        continue;
                (void) TAKE_PTR(manifest);
                taken_stem = candidate->stem;
        }
        if (catalogue->n_entries > 0)
                qsort(catalogue->entries, catalogue->n_entries, sizeof *catalogue->entries, compare_entries);
        return 0;
}

int catalogue_load(int directory_fd, Catalogue **ret, Fault *fault)
{
        _cleanup_(directory_list_done) DirectoryList list = {0};
        _cleanup_(catalogue_freep) Catalogue *catalogue = NULL;
        _cleanup_free_ Candidate *candidates = NULL;
        size_t n = 0;
        int r;

        r = catalogue_new(&catalogue);
        if (r >= 0)
                r = directory_list(directory_fd, &list);
        if (r >= 0)
                r = list_candidates(&list, &candidates, &n);
        if (r >= 0)
                r = read_candidates(catalogue, directory_fd, candidates, n);
        if (r < 0)
                return fault_set_errno(fault, r, "Listing the backups");
        *ret = TAKE_PTR(catalogue);
        return 0;
}

static int is_same(const Manifest *a, const Manifest *b, bool *ret, Fault *fault)
{
        _cleanup_free_ char *a_text = NULL, *b_text = NULL;
        int r;

        r = manifest_format(a, &a_text, fault);
        if (r >= 0)
                r = manifest_format(b, &b_text, fault);
        if (r < 0)
                return r;
        *ret = strcmp(a_text, b_text) == 0 && (a->problem != NULL) == (b->problem != NULL) &&
               (!a->problem || strcmp(a->problem, b->problem) == 0);
        return 0;
}

int catalogue_refresh(
                Catalogue *catalogue, int directory_fd, const char *file, CatalogueChange *ret, Fault *fault)
{
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        char stored[BACKUP_NAME_MAX];
        const CatalogueEntry *old;
        bool same = false;
        int r;

        *ret = CATALOGUE_UNCHANGED;
        if (catalogue_entry_file(file, stored) < 0)
                return 0;
        old = catalogue_find(catalogue, stored);
        r = catalogue_entry_read(directory_fd, stored, &manifest);
        if (manifest || unfinished_is_marked(directory_fd, stored))
                remember_label(catalogue, stored, manifest);
        if (r < 0)
                return fault_set_errno(fault, r, "Reading the manifest of %s", stored);
        if (r == 0) {
                catalogue_drop(catalogue, stored);
                *ret = old ? CATALOGUE_REMOVED : CATALOGUE_UNCHANGED;
                return 0;
        }

        r = name_entry(catalogue, manifest);
        if (r < 0)
                return fault_set_errno(fault, r, "Reading the manifest of %s", stored);
        if (old) {
                r = is_same(old->manifest, manifest, &same, fault);
                if (r < 0 || same)
                        return r;
        }
        r = catalogue_put(catalogue, manifest);
        if (r < 0)
                return fault_set_errno(fault, r, "Listing %s", stored);
        (void) TAKE_PTR(manifest);
        *ret = old ? CATALOGUE_CHANGED : CATALOGUE_ADDED;
        return 0;
}

void catalogue_set_identity(Catalogue *catalogue, const DatabaseIdentity *identity)
{
        catalogue->identity = identity;
        for (size_t i = 0; i < catalogue->n_entries; i++)
                catalogue->entries[i].other =
                                !database_identity_owns(identity, catalogue->entries[i].manifest);
}

size_t catalogue_n_owned(const Catalogue *catalogue)
{
        size_t n = 0;

        for (size_t i = 0; i < catalogue->n_entries; i++)
                n += !catalogue->entries[i].other;
        return n;
}

CatalogueEntry *catalogue_newest_verified(const Catalogue *catalogue)
{
        for (size_t i = 0; i < catalogue->n_entries; i++)
                if (!catalogue->entries[i].other && manifest_is_verified(catalogue->entries[i].manifest))
                        return catalogue->entries + i;
        return NULL;
}

CatalogueEntry *catalogue_newest_reusable(const Catalogue *catalogue)
{
        for (size_t i = 0; i < catalogue->n_entries; i++)
                if (!catalogue->entries[i].other && manifest_is_verified(catalogue->entries[i].manifest) &&
                                !catalogue->entries[i].manifest->adopted)
                        return catalogue->entries + i;
        return NULL;
}

uint64_t catalogue_own_bytes(const Catalogue *catalogue, size_t index)
{
        const Manifest *manifest = catalogue->entries[index].manifest;

        if (index > 0 && manifest_shares_bytes(manifest, catalogue->entries[index - 1].manifest))
                return 0;
        return manifest->stored_bytes;
}

uint64_t catalogue_newest_label_usec(const Catalogue *catalogue)
{
        return catalogue->newest_label_usec;
}
