/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/database-watch.h"

#include <string.h>
#include <sys/stat.h>

#include "base/journal.h"
#include "daemon/automatic-restore.h"
#include "daemon/condition.h"
#include "daemon/event.h"
#include "database/placement.h"

/* People and programs delete a file and write it anew, or copy over it: looked at when that is over. */
#define SETTLE_USEC USEC_PER_SEC

/* 0, or a negative errno when nobody can tell: what can't be looked at is not gone. */
static int look(const Manager *manager, FileIdentity *ret)
{
        struct stat status;

        if (stat(manager->database_path, &status) < 0) {
                if (errno != ENOENT)
                        return -errno;
                *ret = (FileIdentity){0};
                return 0;
        }
        *ret = (FileIdentity){
                        .exists = true,
                        .device = status.st_dev,
                        .inode = status.st_ino,
                        .size_bytes = (uint64_t) status.st_size,
        };
        return 0;
}

static bool is_same_file(const FileIdentity *a, const FileIdentity *b)
{
        return a->exists == b->exists && a->device == b->device && a->inode == b->inode;
}

/* Growing is what databases do. Shrinking is what VACUUM does, and a truncation: a check tells them apart.
 */
static bool differs(const FileIdentity *accepted, const FileIdentity *now)
{
        return !is_same_file(accepted, now) || now->size_bytes < accepted->size_bytes;
}

void database_watch_accept(Manager *manager)
{
        (void) look(manager, &manager->database_identity);
}

static void on_gone(Manager *manager, const char *how)
{
        event_database_replaced(manager->database_path, how);
        /* Who has the old file open keeps it: another one must not be restored into in place. */
        manager->database_replaced = true;
        if (manager->catalogue->n_entries == 0)
                return;
        manager_set_database_missing(manager);
        (void) automatic_restore_consider(manager);
}

void database_watch_examine(Manager *manager)
{
        FileIdentity accepted = manager->database_identity, now;
        int r;

        if (manager->stopping || manager->restoring)
                return;
        r = look(manager, &now);
        if (r < 0) {
                journal_line(LOG_WARNING,
                                "%s can't be looked at: %s; it is left alone",
                                manager->database_path,
                                strerrordesc_np(-r));
                manager_update_placement(manager);
                manager_update_health(manager);
                return;
        }
        if (!differs(&accepted, &now))
                return;
        manager->database_identity = now;
        if (!now.exists)
                on_gone(manager, "is gone");
        else if (now.size_bytes <= PLACEMENT_NOTHING_BYTES)
                on_gone(manager, "was emptied");
        else if (!is_same_file(&accepted, &now)) {
                event_database_replaced(manager->database_path, "is another file now");
                manager->database_missing = false;
                manager->database_replaced = true;
                (void) automatic_restore_suspect(manager, NULL);
        } else {
                journal_line(LOG_NOTICE,
                                "%s became smaller; checking whether it was truncated",
                                manager->database_path);
                (void) automatic_restore_suspect(manager, NULL);
        }
        manager_update_health(manager);
}

static int on_settled(sd_event_source *source, uint64_t usec, void *userdata)
{
        database_watch_examine(userdata);
        return 0;
}

static void arm(Manager *manager)
{
        int enabled, r;

        if (manager->settle_event_source) {
                r = sd_event_source_get_enabled(manager->settle_event_source, &enabled);
                if (r > 0)
                        return;
                r = sd_event_source_set_time_relative(manager->settle_event_source, SETTLE_USEC);
                if (r >= 0)
                        r = sd_event_source_set_enabled(manager->settle_event_source, SD_EVENT_ONESHOT);
        } else
                r = sd_event_add_time_relative(manager->event,
                                &manager->settle_event_source,
                                CLOCK_MONOTONIC,
                                SETTLE_USEC,
                                SETTLE_USEC / 10,
                                on_settled,
                                manager);
        if (r < 0)
                journal_line(LOG_WARNING, "Setting a timer failed: %s", strerrordesc_np(-r));
}

static int on_inotify(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
        Manager *manager = userdata;
        const char *slash = strrchr(manager->database_path, '/');
        FileIdentity now;

        if (!(event->mask & (IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF)) &&
                        (event->len == 0 || strcmp(event->name, slash + 1) != 0))
                return 0;
        if (look(manager, &now) < 0 || differs(&manager->database_identity, &now))
                arm(manager);
        else if (now.size_bytes > manager->database_identity.size_bytes)
                manager->database_identity = now;
        return 0;
}

int database_watch_start(Manager *manager, Fault *fault)
{
        const char *slash = strrchr(manager->database_path, '/');
        _cleanup_free_ char *directory = NULL;
        int r;

        directory = strndup(manager->database_path, (size_t) MAX_OF(slash - manager->database_path, 1));
        if (!directory)
                return fault_set_errno(fault, ENOMEM, "Watching %s", manager->database_path);
        r = sd_event_add_inotify(manager->event,
                        &manager->database_watch_event_source,
                        directory,
                        IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
                                        IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR,
                        on_inotify,
                        manager);
        if (r < 0)
                return fault_set_errno(fault, r, "Watching %s", directory);
        database_watch_accept(manager);
        return 0;
}
