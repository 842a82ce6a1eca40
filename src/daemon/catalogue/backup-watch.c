/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/catalogue/backup-watch.h"

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/catalogue/backup-name.h"
#include "base/journal.h"
#include "base/names.h"
#include "daemon/catalogue/backup-place.h"
#include "daemon/catalogue/collection.h"
#include "daemon/loop/one-shot.h"

/* A directory is looked at when who puts it there is done. */
#define SETTLE_USEC USEC_PER_SEC

/* The stored file that an event is about: itself, or the one that its manifest belongs to. False for
 * temporary files and for what is not ours. */
static bool stored_file(const char *name, char file[static NAME_MAX + 1])
{
        char parsed[BACKUP_NAME_MAX];
        size_t length = strlen(name), suffix = strlen(MANIFEST_SUFFIX);
        Compression compression;
        bool encrypted;

        if (length > NAME_MAX || name[0] == '.')
                return false;
        if (length > suffix && strcmp(name + length - suffix, MANIFEST_SUFFIX) == 0)
                length -= suffix;
        (void) snprintf(file, NAME_MAX + 1, "%.*s", (int) length, name);
        return backup_name_from_file(file, parsed, &compression, &encrypted) >= 0;
}

void watch_handle_file(Manager *manager, const char *name)
{
        char file[NAME_MAX + 1];

        /* What a running job does to its own files is taken over when it ends. */
        if (stored_file(name, file) && !collection_is_claimed(manager, file))
                collection_refresh(manager, file);
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata)
{
        backup_place_look(userdata);
        return 0;
}

/* The directory's own watch does not hear of its removal, as long as this service has it open. */
static int on_parent(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
        Manager *manager = userdata;

        if (event->len == 0 || strcmp(event->name, strrchr(manager->backup_directory, '/') + 1) != 0)
                return 0;
        if (event->mask & (IN_MOVED_FROM | IN_DELETE))
                journal_line(LOG_ERR,
                                "The backup directory %s was moved or removed while the service runs; "
                                "put it back, or make another",
                                manager->backup_directory);
        one_shot_arm(manager->event, &manager->away_event_source, SETTLE_USEC, on_look, manager);
        return 0;
}

/* A file that is being made tells once more when it is whole. One that was whole before, and got another
 * name by link(2), does not. */
static bool is_link(const Manager *manager, const char *name)
{
        struct stat status;

        return fstatat(manager->backups_fd, name, &status, AT_SYMLINK_NOFOLLOW) >= 0 &&
               S_ISREG(status.st_mode) && status.st_nlink > 1;
}

static int on_inotify(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
        Manager *manager = userdata;

        if (!manager->catalogue_loaded) {
                manager->catalogue_changed = true;
                return 0;
        }
        if (event->mask & IN_Q_OVERFLOW)
                collection_refresh_all(manager);
        else if (event->len > 0 && (!(event->mask & IN_CREATE) || is_link(manager, event->name)))
                watch_handle_file(manager, event->name);
        return 0;
}

static int watch_files(Manager *manager, Fault *fault)
{
        int r;

        /* Files count when they are whole: closed after writing, renamed into place, or linked there. */
        r = sd_event_add_inotify(manager->event,
                        &manager->watch_event_source,
                        manager->backup_directory,
                        IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR,
                        on_inotify,
                        manager);
        return r < 0 ? fault_set_errno(fault, r, "Watching %s", manager->backup_directory) : 0;
}

void watch_stop_files(Manager *manager)
{
        manager->watch_event_source = sd_event_source_disable_unref(manager->watch_event_source);
}

void watch_files_again(Manager *manager)
{
        _cleanup_fault_ Fault fault = {0};

        watch_stop_files(manager);
        if (watch_files(manager, &fault) < 0)
                journal_line(LOG_WARNING, "%s", fault.message);
}

int watch_start(Manager *manager, Fault *fault)
{
        _cleanup_free_ char *path = strdup(manager->backup_directory);
        int r;

        if (!path)
                return fault_set_errno(fault, ENOMEM, "Watching %s", manager->backup_directory);
        r = sd_event_add_inotify(manager->event,
                        &manager->parent_event_source,
                        dirname(path),
                        IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR,
                        on_parent,
                        manager);
        /* What its disk is to be mounted on may be missing, too. */
        if (r < 0 && !manager->backups_away)
                return fault_set_errno(fault, r, "Watching the directory of %s", manager->backup_directory);
        return manager->backups_away ? 0 : watch_files(manager, fault);
}
