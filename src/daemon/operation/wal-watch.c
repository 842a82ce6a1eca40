/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/operation/wal-watch.h"

#include <string.h>

#include "base/journal.h"
#include "daemon/loop/one-shot.h"
#include "daemon/state/condition.h"
#include "daemon/store/record-store.h"
#include "database/copy/deleted-wal.h"

/* The last application that closes removes both files just before it lets go of them. */
#define SETTLE_USEC (USEC_PER_SEC / 5)
/* How soon it is noticed that the last process has let go of a deleted one. */
#define AGAIN_USEC (5 * USEC_PER_SEC)

static int on_due(sd_event_source *source, uint64_t usec, void *userdata);

static void arm(Manager *manager, uint64_t delay_usec)
{
        one_shot_arm(manager->event, &manager->wal_event_source, delay_usec, on_due, manager);
}

static void set_state(Manager *manager, DeletedWal *deleted)
{
        if (!manager->wal_deleted)
                journal_line(LOG_WARNING,
                                "The -wal or -shm of %s was deleted while it was in use",
                                manager->database_path);
        manager->wal_deleted = true;
        free(manager->wal_holders);
        manager->wal_holders = TAKE_PTR(deleted->holders);
}

static int on_due(sd_event_source *source, uint64_t usec, void *userdata)
{
        _cleanup_(deleted_wal_done) DeletedWal deleted = {0};
        Manager *manager = userdata;

        if (manager->stopping || manager->restoring ||
                        deleted_wal_find(manager->database_path, true, &deleted) < 0)
                return 0;
        /* Or it was caught between removing the -shm and closing it, as the last one to close does. */
        if (deleted.holders && !manager->wal_deleted && !manager->wal_suspected) {
                manager->wal_suspected = true;
                arm(manager, SETTLE_USEC);
                return 0;
        }
        manager->wal_suspected = false;
        if (deleted.by_us || deleted.holders) {
                set_state(manager, &deleted);
                arm(manager, AGAIN_USEC);
        } else
                free(TAKE_PTR(manager->wal_holders));
        if (deleted.by_us)
                record_store_let_go_of_deleted(manager->record_store);
        manager_update_health(manager);
        return 0;
}

void wal_watch_examine(Manager *manager)
{
        _cleanup_(deleted_wal_done) DeletedWal deleted = {0};

        if (manager->stopping || manager->restoring)
                return;
        /* This process removes none of them, so that its own was removed by somebody: no time is lost. It is
         * told when that is over. */
        if (deleted_wal_find(manager->database_path, false, &deleted) >= 0 && deleted.by_us) {
                record_store_let_go_of_deleted(manager->record_store);
                set_state(manager, &deleted);
        }
        arm(manager, SETTLE_USEC);
}

void wal_watch_accept(Manager *manager)
{
        if (manager->wal_holders || !manager->wal_deleted)
                return;
        manager->wal_deleted = false;
        manager_update_health(manager);
}
