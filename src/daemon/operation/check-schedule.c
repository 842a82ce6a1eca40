/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/operation/check-schedule.h"

#include <string.h>

#include "base/clock.h"
#include "base/journal.h"
#include "daemon/job/operation.h"
#include "daemon/state/condition.h"
#include "daemon/state/property-changes.h"

/* After a start the application comes first. */
#define START_GRACE_USEC USEC_PER_HOUR
/* A clock that is set right goes back by no more. */
#define CLOCK_SLACK_USEC USEC_PER_HOUR

static bool was_checked(const CheckTimes *times, uint64_t now_usec)
{
        return times->checked_usec > 0 && times->checked_usec <= now_usec + CLOCK_SLACK_USEC;
}

uint64_t check_schedule_due_usec(const CheckTimes *times, uint64_t now_usec)
{
        uint64_t due_usec = was_checked(times, now_usec) ? times->checked_usec + times->interval_usec : 1;

        if (times->interval_usec == UINT64_MAX)
                return 0;
        if (times->hastened)
                due_usec = 1;
        else if (times->started_usec <= now_usec)
                due_usec = MAX_OF(due_usec,
                                times->started_usec + MIN_OF(START_GRACE_USEC, times->interval_usec));
        if (times->tried_usec > 0 && times->tried_usec <= now_usec)
                due_usec = MAX_OF(due_usec, times->tried_usec + times->interval_usec / 8);
        return due_usec;
}

bool check_schedule_is_near(const CheckTimes *times, uint64_t now_usec)
{
        if (times->interval_usec == UINT64_MAX)
                return false;
        return !was_checked(times, now_usec) || times->checked_usec + times->interval_usec / 2 <= now_usec;
}

CheckTimes check_schedule_times(const Manager *manager)
{
        return (CheckTimes){
                        .checked_usec = manager->disk_checked_usec,
                        .tried_usec = manager->check_tried_usec,
                        .started_usec = manager->started_usec,
                        .interval_usec = manager->configuration.check_interval_usec,
                        .hastened = manager->check_hastened,
        };
}

static int on_due(sd_event_source *source, uint64_t usec, void *userdata)
{
        Manager *manager = userdata;

        check_schedule_consider(manager);
        /* Only now: a clock of a test's own may be behind the kernel's, and the timer would elapse again at
         * once. */
        manager->check_armed_usec = 0;
        return 0;
}

static void arm(Manager *manager, uint64_t due_usec)
{
        int r;

        if (due_usec == manager->check_armed_usec)
                return;
        manager->check_armed_usec = due_usec;
        if (manager->check_event_source) {
                (void) sd_event_source_set_time(manager->check_event_source, due_usec);
                r = sd_event_source_set_enabled(
                                manager->check_event_source, due_usec > 0 ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
        } else
                r = sd_event_add_time(manager->event,
                                &manager->check_event_source,
                                CLOCK_REALTIME,
                                due_usec,
                                USEC_PER_MINUTE,
                                on_due,
                                manager);
        if (r < 0)
                journal_line(LOG_WARNING, "Setting a timer failed: %s", strerrordesc_np(-r));
}

void check_schedule_consider(Manager *manager)
{
        CheckTimes times = check_schedule_times(manager);
        uint64_t now_usec = clock_now_usec(), due_usec = check_schedule_due_usec(&times, now_usec);
        _cleanup_fault_ Fault fault = {0};

        /* The end of a job asks again. */
        if (!manager->started || manager->stopping || manager->restoring || manager->n_jobs > 0 ||
                        manager->appearance.begun || manager_require_sound_database(manager, NULL) < 0)
                return;
        if (due_usec == 0 || now_usec < due_usec) {
                arm(manager, due_usec);
                return;
        }
        manager->check_tried_usec = now_usec;
        manager->check_hastened = false;
        if (operation_check_queue_scheduled(manager, &fault) < 0)
                journal_line(LOG_WARNING, "The database is not checked: %s", fault.message);
}

void check_schedule_hasten(Manager *manager)
{
        if (manager->read_error || manager->check_hastened)
                return;
        manager->check_hastened = true;
        check_schedule_consider(manager);
}

static void set_read_error(Manager *manager, const char *message)
{
        free(manager->read_error);
        manager->read_error = message ? strdup(message) : NULL;
        manager_update_health(manager);
}

void check_schedule_done(Manager *manager, uint64_t checked_usec)
{
        manager->disk_checked_usec = checked_usec;
        manager->check_tried_usec = 0;
        manager->check_hastened = false;
        set_read_error(manager, NULL);
        manager_changed(manager, CHANGE_INTEGRITY);
}

void check_schedule_failed(Manager *manager, const char *message)
{
        bool known = manager->read_error;
        _cleanup_fault_ Fault fault = {0};
        Caller self = caller_self();

        set_read_error(manager, message);
        if (known || manager->stopping || manager->backups_away)
                return;
        if (operation_backup_queue(manager, true, false, NULL, &self, NULL, &fault) < 0)
                journal_line(LOG_WARNING, "No backup is made of what can still be read: %s", fault.message);
}
