/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/catalogue/collection.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "base/journal.h"
#include "daemon/catalogue/backup-signal.h"
#include "daemon/catalogue/backup-watch.h"
#include "daemon/state/condition.h"
#include "daemon/state/encryption.h"
#include "daemon/state/event.h"
#include "daemon/state/property-changes.h"

static bool is_proved(const Manifest *manifest)
{
        return manifest->verified_usec > 0 && !manifest->verification_fault && !manifest->problem;
}

/* Counts again. Ten thousand entries take microseconds, next to the file that just changed. */
static void summarize(Manager *manager)
{
        CatalogueSummary *summary = &manager->summary;
        const Catalogue *catalogue = manager->catalogue;

        free(summary->newest);
        *summary = (CatalogueSummary){.n_backups = (uint32_t) catalogue->n_entries};
        for (size_t i = 0; i < catalogue->n_entries; i++) {
                summary->n_verified += is_proved(catalogue->entries[i].manifest);
                summary->stored_bytes += catalogue_own_bytes(catalogue, i);
        }
        for (size_t i = 0; i < catalogue->n_entries && !summary->newest; i++)
                if (!catalogue->entries[i].other) {
                        summary->newest = strdup(catalogue->entries[i].manifest->name);
                        summary->newest_usec = catalogue->entries[i].manifest->created_usec;
                }
        manager->newest_label_usec =
                        MAX_OF(manager->newest_label_usec, catalogue_newest_label_usec(catalogue));

        manager_changed(manager, CHANGE_BACKUPS);
        manager_update_health(manager);
        manager_update_status(manager);
}

void collection_adopt(Manager *manager, Catalogue *catalogue)
{
        (void) catalogue_free(manager->catalogue);
        manager->catalogue = catalogue;
        manager->catalogue_loaded = true;
        summarize(manager);

        /* Nobody has seen that there were none, mostly: then nobody needs to hear of each. */
        if (manager->catalogue_shown)
                for (size_t i = 0; i < catalogue->n_entries; i++)
                        backup_emit_added(manager, catalogue->entries[i].manifest->name);
        manager_flush_changes(manager);
        if (manager->catalogue_changed)
                collection_refresh_all(manager);
        manager->catalogue_changed = false;
}

void collection_identity_changed(Manager *manager)
{
        catalogue_set_identity(manager->catalogue, &manager->identity);
        summarize(manager);
}

int collection_make_name(const Manager *manager,
                uint64_t now_usec,
                uint64_t newest_label_usec,
                char ret_name[static BACKUP_NAME_MAX])
{
        int r;

        do {
                r = backup_name_make(now_usec, newest_label_usec, ret_name);
                if (r >= 0)
                        r = backup_name_usec(ret_name, &newest_label_usec);
        } while (r >= 0 && catalogue_find(manager->catalogue, ret_name));
        return r;
}

int collection_name_backup(const Manager *manager,
                uint64_t now_usec,
                AgeRecipients *ret_recipients,
                char ret_name[static BACKUP_NAME_MAX],
                char **ret_file,
                Fault *fault)
{
        char *file;
        int r = encryption_recipients(manager, ret_recipients, fault);

        if (r < 0)
                return r;
        r = collection_make_name(manager, now_usec, manager->newest_label_usec, ret_name);
        if (r < 0)
                return fault_set_errno(fault, r, "Making a name for the backup");
        file = backup_name_to_file(
                        ret_name, manager->configuration.compression, age_recipients_any(ret_recipients));
        if (!file)
                return -ENOMEM;
        *ret_file = file;
        return 0;
}

int collection_put(Manager *manager, Manifest *manifest, uint32_t job_id, bool created)
{
        int r;

        r = catalogue_put(manager->catalogue, manifest);
        if (r < 0) {
                (void) manifest_free(manifest);
                return r;
        }
        summarize(manager);
        if (!created) {
                backup_emit_changed(manager, manifest->name);
                return 0;
        }
        backup_emit_added(manager, manifest->name);
        manager_flush_changes(manager);
        backup_emit_created(manager, job_id, manifest->name);
        return 0;
}

static void tell_removed(Manager *manager, char *const *names, size_t n_names)
{
        summarize(manager);
        for (size_t i = 0; i < n_names; i++)
                backup_emit_interfaces_removed(manager, names[i]);
        manager_flush_changes(manager);
        for (size_t i = 0; i < n_names; i++)
                backup_emit_removed(manager, names[i]);
}

void collection_drop(Manager *manager, const char *const *files, size_t n_files)
{
        _cleanup_free_ char **names = calloc(n_files + 1, sizeof(char *));
        size_t n_names = 0;

        for (size_t i = 0; names && i < n_files; i++) {
                const CatalogueEntry *entry = catalogue_find(manager->catalogue, files[i]);

                if (!entry || !(names[n_names] = strdup(entry->manifest->name)))
                        continue;
                n_names++;
                catalogue_drop(manager->catalogue, files[i]);
        }
        if (n_names == 0)
                return;
        tell_removed(manager, names, n_names);
        while (n_names > 0)
                free(names[--n_names]);
}

void collection_drop_all(Manager *manager)
{
        size_t n = manager->catalogue->n_entries;
        _cleanup_free_ const char **files = calloc(n + 1, sizeof(char *));

        for (size_t i = 0; files && i < n; i++)
                files[i] = strdup(manager->catalogue->entries[i].manifest->file);
        if (files)
                collection_drop(manager, files, n);
        for (size_t i = 0; files && i < n; i++)
                free((char *) (uintptr_t) files[i]);
}

static void tell_refreshed(Manager *manager, const char *file, CatalogueChange change, char *old_name)
{
        const CatalogueEntry *entry = catalogue_find(manager->catalogue, file);

        switch (change) {
        case CATALOGUE_UNCHANGED:
                break;
        case CATALOGUE_ADDED:
                if (!entry)
                        break;
                summarize(manager);
                event_backup_appeared(entry->manifest);
                backup_emit_added(manager, entry->manifest->name);
                manager_flush_changes(manager);
                backup_emit_created(manager, 0, entry->manifest->name);
                break;
        case CATALOGUE_CHANGED:
                summarize(manager);
                if (entry)
                        backup_emit_changed(manager, entry->manifest->name);
                break;
        case CATALOGUE_REMOVED:
                if (!old_name)
                        break;
                event_backup_vanished(old_name, file);
                tell_removed(manager, &old_name, 1);
                break;
        }
}

void collection_refresh(Manager *manager, const char *file)
{
        const CatalogueEntry *entry = catalogue_find(manager->catalogue, file);
        _cleanup_free_ char *old_name = entry ? strdup(entry->manifest->name) : NULL;
        _cleanup_fault_ Fault fault = {0};
        CatalogueChange change;

        if (manager->backups_fd < 0)
                return;
        if (catalogue_refresh(manager->catalogue, manager->backups_fd, file, &change, &fault) < 0) {
                journal_line(LOG_WARNING, "Reading the backup %s again failed: %s", file, fault.message);
                return;
        }
        tell_refreshed(manager, file, change, old_name);
}

/* First those that we know and that may be gone, then those that are there. */
void collection_refresh_all(Manager *manager)
{
        _cleanup_free_ char **files = NULL;
        size_t n = manager->catalogue->n_entries, n_files = 0;
        struct dirent *entry;
        DIR *directory;
        int fd;

        files = calloc(n + 1, sizeof(char *));
        if (!files)
                return;
        for (size_t i = 0; i < n; i++)
                if ((files[n_files] = strdup(manager->catalogue->entries[i].manifest->file)))
                        n_files++;
        for (size_t i = 0; i < n_files; i++) {
                if (!collection_is_claimed(manager, files[i]))
                        collection_refresh(manager, files[i]);
                free(files[i]);
        }

        fd = openat(manager->backups_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        directory = fd >= 0 ? fdopendir(fd) : NULL;
        if (!directory) {
                journal_line(LOG_WARNING,
                                "Reading %s failed: %s",
                                manager->backup_directory,
                                strerrordesc_np(errno));
                closep(&fd);
                return;
        }
        while ((entry = readdir(directory)))
                watch_handle_file(manager, entry->d_name);
        (void) closedir(directory);
}

void collection_lease(Manager *manager, const char *file)
{
        CatalogueEntry *entry = catalogue_find(manager->catalogue, file);

        if (entry && entry->leases++ == 0)
                backup_emit_in_use(manager, entry->manifest->name);
}

void collection_release(Manager *manager, const char *file)
{
        CatalogueEntry *entry = catalogue_find(manager->catalogue, file);

        if (entry && entry->leases > 0 && --entry->leases == 0)
                backup_emit_in_use(manager, entry->manifest->name);
}

int collection_claim(Manager *manager, const char *file)
{
        char **claims = reallocarray(manager->claims, manager->n_claims + 1, sizeof(char *));

        if (!claims)
                return -ENOMEM;
        manager->claims = claims;
        claims[manager->n_claims] = strdup(file);
        if (!claims[manager->n_claims])
                return -ENOMEM;
        manager->n_claims++;
        return 0;
}

void collection_unclaim(Manager *manager, const char *file)
{
        for (size_t i = 0; i < manager->n_claims; i++)
                if (strcmp(manager->claims[i], file) == 0) {
                        free(manager->claims[i]);
                        manager->claims[i] = manager->claims[--manager->n_claims];
                        return;
                }
}

bool collection_is_claimed(const Manager *manager, const char *file)
{
        for (size_t i = 0; i < manager->n_claims; i++)
                if (strcmp(manager->claims[i], file) == 0)
                        return true;
        return false;
}
