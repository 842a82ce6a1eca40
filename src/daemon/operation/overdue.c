/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/operation/overdue.h"

#include "base/clock.h"
#include "base/journal.h"
#include "daemon/bus/caller.h"
#include "daemon/job/job.h"
#include "daemon/job/operation.h"
#include "daemon/state/condition.h"
#include "daemon/state/timer-watch.h"

uint64_t overdue_due_usec(
                UnitState timer, uint64_t newest_usec, uint64_t started_usec, uint64_t cadence_usec)
{
        if (timer == UNIT_ELAPSED && newest_usec > 0)
                return health_stale_usec(newest_usec, cadence_usec);
        if (timer == UNIT_ACTIVE || timer == UNIT_ELAPSED)
                return health_stale_usec(MAX_OF(newest_usec, started_usec), cadence_usec);
        return 0;
}

static bool is_backing_up(const Manager *manager)
{
        for (const Job *job = manager->jobs; job; job = job->next)
                if (job->operation == &operation_backup)
                        return true;
        return false;
}

static int on_due(sd_event_source *source, uint64_t usec, void *userdata)
{
        Manager *manager = userdata;

        manager->overdue_armed_usec = 0;
        manager_update_health(manager);
        return 0;
}

static void arm(Manager *manager, uint64_t due_usec)
{
        int r;

        if (due_usec == manager->overdue_armed_usec)
                return;
        manager->overdue_armed_usec = due_usec;
        if (manager->overdue_event_source) {
                (void) sd_event_source_set_time(manager->overdue_event_source, due_usec);
                r = sd_event_source_set_enabled(manager->overdue_event_source, SD_EVENT_ONESHOT);
        } else
                r = sd_event_add_time(manager->event,
                                &manager->overdue_event_source,
                                CLOCK_REALTIME,
                                due_usec,
                                USEC_PER_MINUTE,
                                on_due,
                                manager);
        if (r < 0)
                journal_line(LOG_WARNING, "Setting a timer failed: %s", strerrordesc_np(-r));
}

static void make_backup(Manager *manager)
{
        _cleanup_fault_ Fault fault = {0};
        Caller self = caller_self();

        journal_line(LOG_WARNING,
                        BACKUP_TIMER " has asked for no backup for longer than Cadence= and a quarter; the "
                                     "service makes one itself");
        if (operation_backup_queue(manager, true, false, NULL, &self, NULL, &fault) < 0)
                journal_line(LOG_WARNING, "The overdue backup is not made: %s", fault.message);
}

void overdue_consider(Manager *manager)
{
        uint64_t now_usec = clock_now_usec(),
                 newest_usec = manager_newest_own_backup_usec(manager, now_usec), due_usec;

        if (!manager->started || manager->stopping || manager->backups_away || is_backing_up(manager) ||
                        manager_require_sound_database(manager, NULL) < 0)
                return;
        due_usec = overdue_due_usec(timer_watch_state(manager->timer_watch),
                        newest_usec,
                        manager->started_usec,
                        manager->configuration.cadence_usec);
        if (due_usec == 0 || (manager->overdue_tried && manager->overdue_tried_usec == newest_usec))
                return;
        if (now_usec <= due_usec) {
                arm(manager, due_usec + 1);
                return;
        }
        manager->overdue_tried = true;
        manager->overdue_tried_usec = newest_usec;
        make_backup(manager);
}
