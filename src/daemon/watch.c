/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/watch.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/backup-name.h"
#include "base/journal.h"
#include "base/names.h"
#include "daemon/collection.h"
#include "daemon/one-shot.h"

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
        if (stored_file(name, file) && !manager_file_is_claimed(manager, file))
                collection_refresh(manager, file);
}

static bool is_working(const Manager *manager)
{
        for (const Job *job = manager->jobs; job; job = job->next)
                if (job->state != JOB_QUEUED)
                        return true;
        return manager->plans;
}

/* Another directory in the place of the old one is taken over, but not under a worker that has the old one.
 */
static int open_again(Manager *manager)
{
        _cleanup_close_ int fd = open(manager->backup_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct stat opened, there;

        if (fd < 0 || fstat(fd, &there) < 0)
                return -errno;
        if (fstat(manager->backups_fd, &opened) >= 0 && opened.st_dev == there.st_dev &&
                        opened.st_ino == there.st_ino)
                return 0;
        if (is_working(manager))
                return -EBUSY;
        closep(&manager->backups_fd);
        manager->backups_fd = TAKE_FD(fd);
        return 0;
}

static int watch_files(Manager *manager, Fault *fault);

static void look_for_it(Manager *manager);

static int on_look(sd_event_source *source, uint64_t usec, void *userdata)
{
        Manager *manager = userdata;
        int r = open_again(manager);

        if (r == -ENOENT)
                return 0; /* the watch on its parent tells when it is there */
        manager->watch_event_source = sd_event_source_disable_unref(manager->watch_event_source);
        if (r < 0 || watch_files(manager, NULL) < 0) {
                look_for_it(manager);
                return 0;
        }
        journal_line(LOG_NOTICE, "The backup directory %s is there again", manager->backup_directory);
        collection_refresh_all(manager);
        return 0;
}

static void look_for_it(Manager *manager)
{
        one_shot_arm(manager->event, &manager->away_event_source, SETTLE_USEC, on_look, manager);
}

/* The directory's own watch does not hear of its removal, as long as this service has it open. */
static int on_parent(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
        Manager *manager = userdata;

        if (event->len == 0 || strcmp(event->name, BACKUP_DIRECTORY) != 0)
                return 0;
        if (event->mask & (IN_MOVED_FROM | IN_DELETE))
                journal_line(LOG_ERR,
                                "The backup directory %s was moved or removed while the service runs; "
                                "put it back, or make another",
                                manager->backup_directory);
        look_for_it(manager);
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

int watch_start(Manager *manager, Fault *fault)
{
        int r;

        r = sd_event_add_inotify(manager->event,
                        &manager->parent_event_source,
                        manager->state_directory,
                        IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR,
                        on_parent,
                        manager);
        if (r < 0)
                return fault_set_errno(fault, r, "Watching %s", manager->state_directory);
        return watch_files(manager, fault);
}
