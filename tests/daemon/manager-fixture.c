/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/journal.h"
#include "daemon/loop/lane.h"
#include "daemon/operation/file-events.h"
#include "daemon/operation/first-rows.h"
#include "daemon/records/maintenance.h"
#include "manager-fixture.h"

void manager_fixture_begin(Manager *manager, char *database_path, size_t lane_capacity)
{
        assert_int_equal(journal_set_max_level(LOG_EMERG), 0);
        manager->lock_fd = manager->backups_fd = -EBADF;
        manager->database_path = database_path;
        manager->backup_directory = (char *) "/nonexistent";
        assert_int_equal(catalogue_new(&manager->catalogue), 0);
        assert_true(sd_event_new(&manager->event) >= 0);
        assert_int_equal(lane_new(manager->event, "bulk", lane_capacity, &manager->bulk_lane, NULL), 0);
        assert_int_equal(file_events_new(&manager->file_events, NULL), 0);
        assert_int_equal(first_rows_new(&manager->first_rows, NULL), 0);
        assert_int_equal(maintenance_new(manager, &manager->maintenance, NULL), 0);
}

void manager_fixture_end(Manager *manager)
{
        assert_null(manager->jobs);
        assert_int_equal(manager->n_jobs, 0);
        (void) lane_free(manager->bulk_lane);
        (void) maintenance_free(manager->maintenance);
        (void) file_events_free(manager->file_events);
        (void) first_rows_free(manager->first_rows);
        (void) sd_event_source_disable_unref(manager->settle_event_source);
        (void) sd_event_source_disable_unref(manager->stale_event_source);
        (void) sd_event_source_disable_unref(manager->progress_event_source);
        (void) sd_event_source_disable_unref(manager->change_event_source);
        (void) sd_event_unref(manager->event);
        (void) catalogue_free(manager->catalogue);
        health_done(&manager->health);
        job_figures_done(&manager->job_figures);
        free(manager->claims);
        free(manager->status);
}
