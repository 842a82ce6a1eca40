/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/operation/database-watch.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/clock.h"
#include "base/journal.h"
#include "daemon/loop/one-shot.h"
#include "daemon/operation/automatic-restore.h"
#include "daemon/operation/file-events.h"
#include "daemon/state/condition.h"
#include "daemon/state/event.h"
#include "database/connection/placement.h"

/* People and programs delete a file and write it anew, or copy over it: looked at when that is over. */
#define SETTLE_USEC USEC_PER_SEC
/* A directory that is away is looked for this often. */
#define AWAY_USEC USEC_PER_SEC
/* A database with auto_vacuum shrinks with every row that is deleted: it is not read whole for each. */
#define SHRUNK_INTERVAL_USEC USEC_PER_MINUTE

static int on_settled(sd_event_source *source, uint64_t usec, void *userdata);

static void arm(Manager *manager, uint64_t delay_usec)
{
        one_shot_arm(manager->event, &manager->settle_event_source, delay_usec, on_settled, manager);
}

/* The number of a deleted file is soon that of a new one; when it was made tells them apart. */
static bool is_same_file(const FileIdentity *a, const FileIdentity *b)
{
        return a->exists == b->exists && a->device == b->device && a->inode == b->inode &&
               a->born_nsec == b->born_nsec;
}

/* Growing is what databases do. Shrinking is what VACUUM does, and a truncation: a check tells them apart.
 * What is there although it counts as missing has come back. */
static bool differs(const Manager *manager, const FileIdentity *now)
{
        const FileIdentity *accepted = &manager->database_identity;

        return !is_same_file(accepted, now) || now->size_bytes < accepted->size_bytes ||
               (manager->database_missing && now->size_bytes > PLACEMENT_NOTHING_BYTES) ||
               manager->appearance.begun;
}

void database_watch_settle(Manager *manager)
{
        arm(manager, SETTLE_USEC);
}

bool database_watch_is_attentive(const Manager *manager)
{
        return manager->database_missing || manager->appearance.begun || !manager->database_identity.exists;
}

bool database_watch_notice(Manager *manager)
{
        FileIdentity now = {0};

        if (file_identity_look(manager->database_path, &now) >= 0 && !differs(manager, &now)) {
                manager->database_identity = now;
                return false;
        }
        manager->unsettled_bytes = now.size_bytes;
        arm(manager, SETTLE_USEC);
        return true;
}

void database_watch_accept(Manager *manager)
{
        FileIdentity now;

        manager->database_moved = (FileIdentity){0};
        manager->appearance = (Appearance){0};
        (void) file_events_resume(manager);
        if (file_identity_look(manager->database_path, &now) < 0)
                return;
        if (now.exists || manager->database_missing) {
                manager->database_identity = now;
                return;
        }
        /* Taken away just after it was put there: that is no state to accept. */
        manager->database_identity = (FileIdentity){.exists = true};
        arm(manager, SETTLE_USEC);
}

static void on_gone(Manager *manager, const char *how)
{
        event_database_replaced(manager->database_path, how);
        /* Who has the old file open keeps it: another one must not be restored into in place. */
        manager->database_replaced = true;
        if (catalogue_n_owned(manager->catalogue) == 0)
                return;
        manager_set_database_missing(manager);
        (void) automatic_restore_consider(manager);
}

/* Away and back again, as `mv` does it: nobody was left writing into another file. */
static bool is_back(const Manager *manager, const FileIdentity *now)
{
        return now->born_nsec > 0 && is_same_file(&manager->database_moved, now);
}

/* What nobody may judge yet is not missing, either: nothing is restored over it. */
static void wait_for_writer(Manager *manager)
{
        _cleanup_free_ char *text = NULL;

        arm(manager, SETTLE_USEC);
        if (!manager->database_missing && manager->integrity == INTEGRITY_UNKNOWN)
                return;
        manager->database_missing = false;
        if (asprintf(&text,
                            "%s is being written anew; it is looked at when nobody writes to it any more",
                            manager->database_path) < 0)
                text = NULL;
        manager_set_integrity(manager, INTEGRITY_UNKNOWN, text);
}

/* Moved there it is whole at once; a copy grows. */
static bool is_settled(Manager *manager, const FileIdentity *now)
{
        AppearanceLook look = {
                        .size_bytes = now->size_bytes,
                        .modified_nsec = now->modified_nsec,
                        .open_by_maker = manager->database_open_by_maker,
                        .now_usec = clock_monotonic_usec(),
        };

        return is_back(manager, now) || appearance_is_settled(&manager->appearance, &look);
}

static void on_appeared(Manager *manager, const FileIdentity *now)
{
        if (!is_settled(manager, now)) {
                wait_for_writer(manager);
                return;
        }
        manager->appearance = (Appearance){0};
        manager->database_identity = *now;
        if (is_back(manager, now)) {
                journal_line(LOG_NOTICE, "%s is in its place again; checking it", manager->database_path);
                manager->database_replaced = manager->replaced_before_moved;
        } else {
                event_database_replaced(manager->database_path, "is another file now");
                manager->database_replaced = true;
        }
        manager->database_missing = false;
        (void) automatic_restore_suspect(manager, NULL);
}

/* Accepted only when it is looked into, and that once nobody writes it anew, as a copy over it does. */
static void on_shrunk(Manager *manager, const FileIdentity *now)
{
        uint64_t now_usec = clock_monotonic_usec();

        if (now->size_bytes != manager->unsettled_bytes) {
                manager->unsettled_bytes = now->size_bytes;
                arm(manager, SETTLE_USEC);
                return;
        }
        if (now_usec < manager->shrunk_due_usec) {
                arm(manager, manager->shrunk_due_usec - now_usec);
                return;
        }
        manager->shrunk_due_usec = now_usec + SHRUNK_INTERVAL_USEC;
        manager->database_identity = *now;
        journal_line(LOG_NOTICE,
                        "%s became smaller; checking whether it was truncated",
                        manager->database_path);
        (void) automatic_restore_suspect(manager, NULL);
}

static void on_differs(Manager *manager, const FileIdentity *now)
{
        FileIdentity accepted = manager->database_identity;

        if (now->size_bytes > PLACEMENT_NOTHING_BYTES && !manager->database_missing &&
                        !manager->appearance.begun && is_same_file(&accepted, now)) {
                on_shrunk(manager, now);
                return;
        }
        if (now->size_bytes > PLACEMENT_NOTHING_BYTES) {
                on_appeared(manager, now);
                return;
        }
        manager->appearance = (Appearance){0};
        manager->database_identity = *now;
        if (!now->exists) {
                manager->database_moved = accepted;
                manager->replaced_before_moved = manager->database_replaced;
                on_gone(manager, "is gone");
        } else
                on_gone(manager, "was emptied");
}

void database_watch_examine(Manager *manager)
{
        FileIdentity now;
        int r;

        if (manager->stopping || manager->restoring)
                return;
        r = file_identity_look(manager->database_path, &now);
        if (r < 0) {
                journal_line(LOG_WARNING,
                                "%s can't be looked at: %s; it is left alone",
                                manager->database_path,
                                strerrordesc_np(-r));
                manager_update_health(manager);
                return;
        }
        if (!differs(manager, &now)) {
                manager->database_identity = now;
                return;
        }
        on_differs(manager, &now);
        manager_update_health(manager);
}

static int on_settled(sd_event_source *source, uint64_t usec, void *userdata)
{
        Manager *manager = userdata;

        /* Before the look: nothing falls between. */
        if (file_events_resume(manager) < 0)
                arm(manager, AWAY_USEC);
        database_watch_examine(manager);
        return 0;
}

int database_watch_start(Manager *manager, Fault *fault)
{
        int r;

        if (file_events_have_begun(manager->file_events))
                return 0;
        r = file_events_begin(manager, fault);
        (void) file_identity_look(manager->database_path, &manager->database_identity);
        if (r < 0)
                arm(manager, AWAY_USEC);
        return r;
}
