/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/manager.h"

#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/clock.h"
#include "base/journal.h"
#include "base/names.h"
#include "base/utf8.h"
#include "daemon/access/polkit.h"
#include "daemon/audit/audit.h"
#include "daemon/catalogue/hold-keeper.h"
#include "daemon/configuration/state-lock.h"
#include "daemon/interface/accounts-bus.h"
#include "daemon/interface/audit-bus.h"
#include "daemon/interface/backup-bus.h"
#include "daemon/interface/descriptor-watch.h"
#include "daemon/interface/job-bus.h"
#include "daemon/interface/log-control.h"
#include "daemon/interface/manager-bus.h"
#include "daemon/interface/predictions-bus.h"
#include "daemon/latency/response-times.h"
#include "daemon/operation/automatic-restore.h"
#include "daemon/operation/file-events.h"
#include "daemon/operation/first-rows.h"
#include "daemon/operation/remedy-state.h"
#include "daemon/query/diagnose-run.h"
#include "daemon/query/plan-run.h"
#include "daemon/query/statistics-run.h"
#include "daemon/records/log-cleanup.h"
#include "daemon/records/maintenance.h"
#include "daemon/records/record-call.h"
#include "daemon/state/application-permission.h"
#include "daemon/state/condition.h"
#include "daemon/state/encryption.h"
#include "daemon/state/event.h"
#include "daemon/state/property-changes.h"
#include "daemon/state/state-writer.h"
#include "daemon/state/timer-watch.h"
#include "daemon/store/schema-role.h"
#include "database/connection/placement.h"
#include "records/prediction-cache.h"

/* Beyond the bound of the jobs there is the start-up, and what the service itself queues. */
#define BULK_LANE_CAPACITY (JOBS_MAX + 8)
#define QUICK_LANE_CAPACITY (RECORD_CALLS_MAX + 32)

/* What a stop may take. A worker that hangs in the kernel for longer is left to the kernel: the next start
 * removes what it leaves. */
#define STOP_BOUND_USEC (4 * USEC_PER_SEC)

static int set_paths(Manager *manager, const Options *options)
{
        const char *state = options->state_directory, *file = manager->config_file;

        if (asprintf(&manager->config_directory, "%s.d", file) < 0)
                return -ENOMEM;
        manager->state_directory = realpath(state, NULL);
        if (!manager->state_directory)
                return -errno;
        if (manager->configuration.database_path)
                manager->database_path = strdup(manager->configuration.database_path);
        else if (asprintf(&manager->data_directory, "%s/" DATA_DIRECTORY, manager->state_directory) < 0 ||
                        asprintf(&manager->database_path, "%s/" DATABASE_FILE, manager->data_directory) < 0)
                return -ENOMEM;
        if (manager->configuration.backup_directory)
                manager->backup_directory = strdup(manager->configuration.backup_directory);
        else if (asprintf(&manager->backup_directory, "%s/" BACKUP_DIRECTORY, manager->state_directory) < 0)
                return -ENOMEM;
        if (!manager->database_path || !manager->backup_directory ||
                        asprintf(&manager->quarantine_directory,
                                        "%s/" QUARANTINE_DIRECTORY,
                                        manager->state_directory) < 0)
                return -ENOMEM;
        return 0;
}

static void on_store_released(void *userdata)
{
        manager_settle_when_idle(userdata);
}

int manager_new(const Options *options, Configuration *configuration, Manager **ret, Fault *fault)
{
        _cleanup_(manager_freep) Manager *manager = NULL;
        _cleanup_close_ int state_fd = -EBADF;
        int r;

        manager = calloc(1, sizeof(Manager));
        if (!manager)
                return fault_set_errno(fault, ENOMEM, "Starting");
        manager->lock_fd = manager->backups_fd = -EBADF;
        gate_init(&manager->gate);
        gate_init(&manager->audit_gate);
        manager_set_reactions(manager, &automatic_restore_reactions);
        manager->user_bus = options->user;
        manager->configuration = *configuration;
        *configuration = (Configuration){0};
        manager->config_required = options->config_file;
        manager->config_file = strdup(options_config_file(options));
        if (!manager->config_file)
                return fault_set_errno(fault, ENOMEM, "Starting");

        r = placement_open_directory(options->state_directory, 0750, &state_fd, fault);
        if (r < 0)
                return r;
        r = set_paths(manager, options);
        if (r < 0)
                return fault_set_errno(fault, r, "Finding the state directory %s", options->state_directory);
        if (!utf8_is_line(manager->state_directory))
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "The path of the state directory is not valid UTF-8; choose another");
        r = state_lock_acquire(state_fd, manager->state_directory, &manager->lock_fd, fault);
        if (r < 0)
                return r;

        manager->started_usec = clock_now_usec();
        r = file_events_new(&manager->file_events, fault);
        if (r >= 0)
                r = first_rows_new(&manager->first_rows, fault);
        if (r < 0)
                return r;
        r = catalogue_new(&manager->catalogue);
        if (r >= 0)
                r = response_times_new(&manager->response_times);
        if (r >= 0)
                r = prediction_cache_new(&manager->prediction_cache);
        if (r >= 0)
                r = sd_event_new(&manager->event);
        if (r >= 0)
                r = sd_event_set_watchdog(manager->event, true);
        if (r < 0)
                return fault_set_errno(fault, r, "Starting the event loop");
        r = statistics_run_new(manager, &manager->statistics_run, fault);
        if (r >= 0)
                r = maintenance_new(manager, &manager->maintenance, fault);
        if (r >= 0)
                r = lane_new(manager->event, "bulk", BULK_LANE_CAPACITY, &manager->bulk_lane, fault);
        if (r >= 0)
                r = lane_new(manager->event, "quick", QUICK_LANE_CAPACITY, &manager->quick_lane, fault);
        if (r >= 0)
                r = lane_new(manager->event, "password", PASSWORD_CALLS_MAX, &manager->password_lane, fault);
        if (r >= 0)
                r = lane_new(manager->event, "change", RECORD_CALLS_MAX, &manager->change_lane, fault);
        if (r >= 0)
                r = record_store_new(manager->event,
                                manager->quick_lane,
                                &manager->gate,
                                manager->database_path,
                                &manager->record_store,
                                fault);
        if (r >= 0)
                r = audit_store_new(manager, fault);
        if (r >= 0)
                r = audit_queue_new(manager, &manager->audit_queue, fault);
        if (r >= 0)
                r = audit_begin(manager->event, manager->audit_queue, fault);
        if (r >= 0)
                r = log_cleanup_new(manager, &manager->log_cleanup, fault);
        if (r >= 0)
                record_store_set_on_released(manager->record_store, on_store_released, manager);
        if (r >= 0)
                record_store_set_on_released(manager->audit_store, on_store_released, manager);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(manager);
        return 0;
}

static void release_messages(Manager *manager)
{
        while (manager->n_held_messages > 0)
                (void) sd_bus_message_unref(manager->held_messages[--manager->n_held_messages]);
}

static void free_event_sources(Manager *manager)
{
        (void) sd_event_source_disable_unref(manager->progress_event_source);
        (void) sd_event_source_disable_unref(manager->watch_event_source);
        (void) sd_event_source_disable_unref(manager->parent_event_source);
        (void) sd_event_source_disable_unref(manager->away_event_source);
        (void) sd_event_source_disable_unref(manager->mounts_event_source);
        (void) sd_event_source_disable_unref(manager->stale_event_source);
        (void) sd_event_source_disable_unref(manager->overdue_event_source);
        (void) sd_event_source_disable_unref(manager->check_event_source);
        manager->file_events = file_events_free(manager->file_events);
        manager->first_rows = first_rows_free(manager->first_rows);
        (void) sd_event_source_disable_unref(manager->settle_event_source);
        (void) sd_event_source_disable_unref(manager->wal_event_source);
        free(manager->wal_holders);
        (void) sd_event_source_disable_unref(manager->restore_retry_event_source);
        (void) sd_event_source_disable_unref(manager->change_event_source);
}

Manager *manager_free(Manager *manager)
{
        if (!manager)
                return NULL;

        /* The workers first: they read what is freed below. */
        for (Job *job = manager->jobs; job; job = job->next)
                progress_cancel(&job->progress);
        if (manager->statistics_run)
                (void) statistics_run_stop(manager->statistics_run);
        if (manager->maintenance)
                maintenance_stop(manager->maintenance);
        plan_run_stop_all(manager);
        record_call_stop_all(manager);
        if (manager->record_store)
                record_store_stop(manager->record_store);
        if (manager->audit_store)
                record_store_stop(manager->audit_store);
        (void) lane_free(manager->bulk_lane);
        (void) lane_free(manager->quick_lane);
        (void) lane_free(manager->password_lane);
        (void) lane_free(manager->change_lane);
        plan_run_free_all(manager);
        record_call_free_all(manager);
        audit_end();
        (void) audit_queue_free(manager->audit_queue);
        (void) log_cleanup_free(manager->log_cleanup);
        (void) record_store_free(manager->record_store);
        (void) record_store_free(manager->audit_store);
        (void) prediction_cache_free(manager->prediction_cache);
        (void) maintenance_free(manager->maintenance);
        (void) statistics_run_free(manager->statistics_run);
        (void) state_writer_free(manager->state_writer);
        (void) acknowledgement_free(manager->acknowledgement);
        remedies_done(&manager->remedies);
        free(manager->repaired_text);
        free(manager->rows_lost_text);
        while (manager->jobs) {
                Job *job = manager->jobs;

                manager->jobs = job->next;
                (void) job_free(job);
        }

        release_messages(manager);
        free_event_sources(manager);
        authorize_through(NULL);
        caller_inquire_through(NULL);
        (void) polkit_free(manager->polkit);
        (void) timer_watch_free(manager->timer_watch);
        (void) unit_permission_check_free(manager->permission_question);
        (void) unit_permission_check_free(manager->unit_permissions);
        diagnose_run_stop_all(manager);
        (void) sd_bus_flush_close_unref(manager->inquiry_bus);
        (void) sd_bus_flush_close_unref(manager->bus);
        (void) response_times_free(manager->response_times);
        job_figures_done(&manager->job_figures);
        (void) sd_event_unref(manager->event);
        (void) catalogue_free(manager->catalogue);
        configuration_done(&manager->configuration);
        statistics_done(&manager->statistics);
        schema_report_done(&manager->schema);
        health_done(&manager->health);
        closep(&manager->backups_fd);
        closep(&manager->lock_fd);
        free(manager->config_file);
        free(manager->config_directory);
        free(manager->state_directory);
        free(manager->data_directory);
        free(manager->database_path);
        free(manager->backup_directory);
        free(manager->backups_away);
        free(manager->quarantine_directory);
        restore_record_done(&manager->last_restore);
        retention_hold_done(&manager->hold);
        free(manager->claims);
        database_identity_done(&manager->identity);
        gate_done(&manager->gate);
        gate_done(&manager->audit_gate);
        free(manager->summary.newest);
        free(manager->last_backup_fault);
        (void) age_identities_free(manager->identities);
        free(manager->credential_fault);
        free(manager->key_fault);
        free(manager->finding);
        free(manager->read_error);
        free(manager->needs_decision);
        rescue_report_done(&manager->held_rescue);
        free(manager->status);
        free(manager->placement_message);
        free(manager);
        return NULL;
}

static int on_stop_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        manager_stop(userdata, EXIT_SUCCESS);
        return 0;
}

static int on_reload_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        _cleanup_fault_ Fault fault = {0};

        journal_line(LOG_INFO, "Reloading the configuration, asked for by a signal");
        (void) manager_reload(userdata, &fault);
        return 0;
}

static int open_connection(Manager *manager, bool user, sd_bus **ret, Fault *fault)
{
        int r = user ? sd_bus_open_user(ret) : sd_bus_open_system(ret);

        if (r >= 0) {
                (void) sd_bus_set_exit_on_disconnect(*ret, true);
                r = sd_bus_attach_event(*ret, manager->event, SD_EVENT_PRIORITY_NORMAL);
        }
        return r < 0 ? fault_set_errno(fault, r, "Connecting to the %s bus", user ? "session" : "system")
                     : 0;
}

static int connect_bus(Manager *manager, bool user, Fault *fault)
{
        int r;

        r = open_connection(manager, user, &manager->bus, fault);
        if (r >= 0)
                r = open_connection(manager, user, &manager->inquiry_bus, fault);
        if (r < 0)
                return r;
        r = descriptor_watch_start(manager);
        if (r >= 0 && !user)
                r = polkit_new(manager->bus,
                                manager->inquiry_bus,
                                manager->response_times,
                                &manager->polkit);
        caller_inquire_through(manager->inquiry_bus);
        authorize_through(manager->polkit);
        if (r >= 0)
                r = manager_bus_register(manager);
        if (r >= 0)
                r = backup_bus_register(manager);
        if (r >= 0)
                r = job_bus_register(manager);
        if (r >= 0)
                r = accounts_bus_register(manager);
        if (r >= 0)
                r = predictions_bus_register(manager);
        if (r >= 0)
                r = audit_bus_register(manager);
        if (r >= 0)
                r = log_control_register(manager->bus);
        if (r < 0)
                return fault_set_errno(fault, r, "Putting the objects on the bus");

        r = sd_bus_request_name(manager->bus, BUS_NAME, 0);
        if (r == -EEXIST)
                return fault_set(fault,
                                FAULT_ALREADY_RUNNING,
                                "The name %s on the bus is taken by another process; stop that one first "
                                "(`busctl status %s` shows it)",
                                BUS_NAME,
                                BUS_NAME);
        if (r < 0)
                return fault_set_errno(fault,
                                r,
                                "Taking the name %s on the bus (is the policy file installed?)",
                                BUS_NAME);
        return 0;
}

int manager_start(Manager *manager, const Options *options, Fault *fault)
{
        int r;

        for (size_t i = 0; i < manager->configuration.n_faults; i++)
                event_configuration_fault(manager->configuration.faults[i]);
        r = sd_event_add_signal(manager->event, NULL, SIGTERM, on_stop_signal, manager);
        if (r >= 0)
                r = sd_event_add_signal(manager->event, NULL, SIGINT, on_stop_signal, manager);
        if (r >= 0)
                r = sd_event_add_signal(manager->event, NULL, SIGHUP, on_reload_signal, manager);
        if (r < 0)
                return fault_set_errno(fault, r, "Listening for signals");
        r = connect_bus(manager, options->user, fault);
        if (r < 0)
                return r;
        r = timer_watch_start(manager);
        if (r < 0)
                journal_line(LOG_WARNING, "Watching " BACKUP_TIMER " failed: %s", strerrordesc_np(-r));
        application_permission_ask(manager);
        encryption_load(manager);
        return operation_startup_queue(manager, fault);
}

int manager_run(Manager *manager)
{
        int r;

        r = sd_event_loop(manager->event);
        if (r < 0) {
                journal_line(LOG_ERR, "The event loop failed: %s", strerrordesc_np(-r));
                return EXIT_FAILURE;
        }
        /* sd-bus ends the loop then, and says nothing. */
        if (!manager->stopping)
                journal_line(LOG_ERR, "The connection to the bus was lost");
        return r;
}

static int on_stop_bound(sd_event_source *source, uint64_t usec, void *userdata)
{
        journal_line(LOG_ERR, "A worker did not stop in time; leaving it behind");
        _exit(EXIT_FAILURE);
}

void manager_stop(Manager *manager, int exit_code)
{
        Job *next;

        if (manager->stopping)
                return;
        manager->stopping = true;
        manager->exit_code = exit_code;
        (void) sd_notify(false, "STOPPING=1");
        if (exit_code == EXIT_SUCCESS)
                manager_update_status(manager);
        (void) sd_event_add_time_relative(
                        manager->event, NULL, CLOCK_MONOTONIC, STOP_BOUND_USEC, 0, on_stop_bound, manager);

        polkit_stop(manager->polkit);
        diagnose_run_stop_all(manager);
        for (Job *job = manager->jobs; job; job = next) {
                next = job->next;
                job_cancel(job);
        }
        (void) statistics_run_stop(manager->statistics_run);
        maintenance_stop(manager->maintenance);
        plan_run_stop_all(manager);
        record_call_stop_all(manager);
        record_store_stop(manager->record_store);
        record_store_stop(manager->audit_store);
        manager_settle_when_idle(manager);
}

static bool is_idle(const Manager *manager)
{
        return !manager->jobs && !manager->plans && !manager->record_calls &&
               !statistics_run_is_running(manager->statistics_run) &&
               !maintenance_is_running(manager->maintenance) &&
               !record_store_is_open(manager->record_store) &&
               !(manager->stopping && record_store_is_open(manager->audit_store)) && !audit_is_busy() &&
               !log_cleanup_is_busy(manager->log_cleanup) && !state_writer_is_busy(manager->state_writer) &&
               !acknowledgement_is_busy(manager->acknowledgement);
}

void manager_hold_message(Manager *manager, sd_bus_message *message)
{
        if (!is_idle(manager) && manager->n_held_messages < HELD_MESSAGES_MAX)
                manager->held_messages[manager->n_held_messages++] = sd_bus_message_ref(message);
        manager_settle_when_idle(manager);
}

void manager_settle_when_idle(Manager *manager)
{
        /* What is held waits for the last connection, and this one would linger. */
        if (manager->n_held_messages > 0 && record_store_is_open(manager->record_store))
                record_store_release(manager->record_store);
        if ((!manager->stopping && manager->n_held_messages == 0) || !is_idle(manager))
                return;
        /* The last work that the service does. */
        if (manager->stopping && audit_flush())
                return;
        release_messages(manager);
        if (manager->stopping)
                (void) sd_event_exit(manager->event, manager->exit_code);
}

int manager_require_started(const Manager *manager, Fault *fault)
{
        if (manager->stopping)
                return fault_set(fault, FAULT_BUSY, "The service is stopping");
        if (!manager->started)
                return fault_set(fault, FAULT_BUSY, "The service is still starting; try again in a moment");
        return 0;
}
