/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/watch.h"

#include <limits.h>
#include <string.h>

#include "backup/backup-name.h"
#include "base/journal.h"
#include "daemon/collection.h"

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

static int on_inotify(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
        Manager *manager = userdata;

        if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF)) {
                journal_line(LOG_ERR,
                                "The backup directory %s was moved or removed while the service runs; "
                                "put it back and restart oracxpredd",
                                manager->backup_directory);
                return 0;
        }
        if (!manager->catalogue_loaded) {
                manager->catalogue_changed = true;
                return 0;
        }
        if (event->mask & IN_Q_OVERFLOW)
                collection_refresh_all(manager);
        else if (event->len > 0)
                watch_handle_file(manager, event->name);
        return 0;
}

int watch_start(Manager *manager, Fault *fault)
{
        int r;

        /* Files count when they are whole: closed after writing, or renamed into place. */
        r = sd_event_add_inotify(manager->event,
                        &manager->watch_event_source,
                        manager->backup_directory,
                        IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF |
                                        IN_MOVE_SELF | IN_ONLYDIR,
                        on_inotify,
                        manager);
        if (r < 0)
                return fault_set_errno(fault, r, "Watching %s", manager->backup_directory);
        return 0;
}
