/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Everything the daemon knows, in one place: loop, bus, lanes, jobs, catalogue, configuration, and the facts
 * that health is made of. All of it belongs to the loop's thread; workers never see it. */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "age/key.h"
#include "backup/catalogue/catalogue.h"
#include "backup/remedy/remedy.h"
#include "backup/restore/restore-record.h"
#include "backup/state/clock-history.h"
#include "daemon/bus/unit-facts.h"
#include "daemon/configuration/configuration.h"
#include "daemon/configuration/options.h"
#include "daemon/facts/appearance.h"
#include "daemon/facts/file-identity.h"
#include "daemon/facts/health.h"
#include "daemon/facts/job-figures.h"
#include "daemon/facts/retention-hold.h"
#include "daemon/loop/gate.h"
#include "database/schema/schema.h"
#include "database/statistics/statistics.h"

typedef struct AuditQueue AuditQueue;
typedef struct DiagnoseRun DiagnoseRun;
typedef struct FileEvents FileEvents;
typedef struct FirstRows FirstRows;
typedef struct Job Job;
typedef struct Lane Lane;
typedef struct LogCleanup LogCleanup;
typedef struct Maintenance Maintenance;
typedef struct Manager Manager;
typedef struct PlanRun PlanRun;
typedef struct Polkit Polkit;
typedef struct PredictionCache PredictionCache;
typedef struct RecordCall RecordCall;
typedef struct RecordStore RecordStore;
typedef struct ResponseTimes ResponseTimes;
typedef struct StatisticsRun StatisticsRun;
typedef struct TimerWatch TimerWatch;
typedef struct UnitPermissionCheck UnitPermissionCheck;

/* Numbers about the catalogue that are properties; kept with every change of it. */
typedef struct CatalogueSummary {
        uint32_t n_backups;
        uint32_t n_verified;
        uint64_t stored_bytes;
        char *newest; /* name */
        uint64_t newest_usec;
} CatalogueSummary;

typedef struct StateWriter StateWriter;
typedef struct Acknowledgement Acknowledgement;
typedef struct ConditionReactions ConditionReactions;

/* Far more than anybody passes by mistake while one job runs. */
#define HELD_MESSAGES_MAX 64

struct Manager {
        sd_event *event;
        sd_bus *bus;
        sd_bus *inquiry_bus; /* see caller.h */
        Polkit *polkit;      /* NULL on a user's bus: there everybody is the same user */
        Lane *bulk_lane;
        Lane *quick_lane;
        Lane *password_lane; /* see record-call.h */
        Lane *change_lane;   /* and there */

        /* Configuration and places. */
        bool user_bus; /* started with --user */
        char *config_file;
        char *config_directory;
        bool config_required;
        Configuration configuration;
        char *state_directory;
        char *data_directory; /* NULL when Database= points elsewhere */
        char *database_path;
        char *backup_directory;
        char *quarantine_directory;
        uint64_t quarantine_bytes; /* what it takes beside what QuarantineMaxSize= removes */
        int lock_fd;
        int backups_fd;     /* opened by the start-up; negative while they are away */
        char *backups_away; /* why they are, for people; NULL when they are at hand. See watch.h */

        /* Jobs, by id. */
        Job *jobs;
        uint32_t n_jobs;
        uint32_t n_running_jobs; /* of these, those that do not wait any more */
        uint32_t last_job_id;
        sd_event_source *progress_event_source; /* on only while a job runs */
        StatisticsRun *statistics_run;          /* on the quick lane; see there */
        JobFigures job_figures;
        ResponseTimes *response_times;

        /* The application's tables. */
        RecordStore *record_store; /* on the quick lane */
        RecordStore *audit_store;  /* as well: the service's own log, see records/log-file.h */
        Gate audit_gate;           /* of that, and never closed */
        RecordCall *record_calls;
        size_t n_record_calls;
        Maintenance *maintenance;          /* on the bulk lane */
        PredictionCache *prediction_cache; /* the quick lane's worker alone, but for the counters */
        AuditQueue *audit_queue;           /* on the quick lane */
        LogCleanup *log_cleanup;           /* as well */

        /* Backups. */
        Catalogue *catalogue;
        CatalogueSummary summary;
        char **claims; /* stored files that jobs work on; see collection.h */
        size_t n_claims;
        uint64_t newest_label_usec; /* the latest of ours ever seen, also of backups that are gone */
        bool catalogue_loaded;
        bool catalogue_shown;   /* a client has listed objects before it was loaded */
        bool catalogue_changed; /* inotify spoke before it was loaded */
        sd_event_source *watch_event_source;
        sd_event_source *parent_event_source; /* see watch.c */
        sd_event_source *away_event_source;
        sd_event_source *mounts_event_source;
        char *last_backup_fault;

        /* Encryption. */
        AgeIdentities *identities; /* from the credentials, for as long as this runs; or NULL */
        char *credential_fault;    /* why they can't be used */
        char *key_fault;           /* what the last test of the key found wrong */
        bool identity_missed;      /* an automatic restore met what they don't open */

        /* The database. */
        const ConditionReactions *reactions; /* see condition.h */
        Integrity integrity;
        unsigned damage; /* bits of Damage that the last check found */
        uint64_t integrity_checked_usec;
        char *finding;
        bool database_missing;
        bool corruption_told;
        bool newer_write_version; /* of the header, as the last look at the file has it */
        Statistics statistics;
        uint64_t tables_counted_usec;
        SchemaReport schema;

        /* Restoring. */
        Gate gate;                  /* every connection on the database is opened inside of it */
        RestoreRecord last_restore; /* empty when there was none */
        bool restoring;
        bool auto_restore_stopped;
        char *needs_decision; /* why an automatic restore was held; NULL when none was */
        RescueReport held_rescue;
        bool units_left_stopped; /* by a restore that was cut off; to be started once there is a database */
        Remedies remedies;       /* what was done to the database by itself; see remedy-state.h */
        char *repaired_text;     /* what health says of them, or NULL */
        char *rows_lost_text;
        Acknowledgement *acknowledgement; /* NULL until somebody acknowledges */
        StateWriter *state_writer;        /* see there; NULL until it is used */
        /* The file is another one than it was, and not through this service. Until somebody verifies it or
         * restores: retention is off, since the good backups may be those of the other one. */
        bool database_replaced;
        DatabaseIdentity identity; /* which database it is; see identity-keeper.h */
        ClockHistory clock;        /* see clock-keeper.h */
        uint64_t clock_stored_usec;
        RetentionHold hold;   /* why retention waits for somebody; see there */
        size_t n_due_at_once; /* backups that retention keeps for that, at its last decision */
        bool counts_awaited;  /* those of the start, which are compared with the newest backup */
        /* The -wal or -shm was deleted in use; see wal-watch.c. Until somebody verifies the database. */
        bool wal_deleted;
        char *wal_holders;  /* who has the deleted one open; NULL for nobody */
        bool wal_suspected; /* somebody had a deleted one open at the last look, and may just have closed it
                             */
        sd_event_source *wal_event_source;
        /* See database-watch.c. */
        FileIdentity database_identity;
        FileIdentity database_moved; /* what was there before it was gone */
        bool replaced_before_moved;
        Appearance appearance; /* of a file that is not judged yet */
        bool database_open_by_maker;
        uint64_t unsettled_bytes; /* its size at the last look but one */
        uint64_t shrunk_due_usec; /* monotonic */
        FileEvents *file_events;
        sd_event_source *settle_event_source;
        sd_event_source *restore_retry_event_source;
        uint64_t restore_retry_usec;
        uint64_t corruption_reported_usec; /* wall clock; see ReportCorruption */
        PlanRun *plans;                    /* on the quick lane */

        /* Refused calls that came with a descriptor of the live database. It is closed with the message,
         * which drops all locks that this process has on the file: not before the last connection is closed.
         */
        sd_bus_message *held_messages[HELD_MESSAGES_MAX];
        size_t n_held_messages;

        /* How things stand. */
        uint64_t started_usec; /* wall clock; since when the service counts */
        bool started;
        bool stopping;
        bool ready_told;
        bool opening_deferred; /* the start-up goes on once owner, mode and mount of the database are right
                                */
        int exit_code;
        char *status;
        Health health;
        FaultCode placement_fault;
        char *placement_message;
        TimerWatch *timer_watch;                  /* NULL on a user's bus */
        UnitPermissionCheck *unit_permissions;    /* the last complete one; see application-permission.h */
        UnitPermissionCheck *permission_question; /* the one under way */
        DiagnoseRun *diagnoses;
        sd_event_source *stale_event_source;
        sd_event_source *overdue_event_source; /* see overdue.h */
        uint64_t overdue_armed_usec;
        FirstRows *first_rows;
        bool overdue_tried;
        uint64_t overdue_tried_usec; /* when that was the newest backup */
        uint64_t stale_armed_usec;   /* what the source stands at */
        /* See check-schedule.h. */
        sd_event_source *check_event_source;
        uint64_t check_armed_usec;
        uint64_t disk_checked_usec; /* when the file was last read from its disk and checked in full */
        uint64_t check_tried_usec;
        bool check_hastened;
        char *read_error;               /* why that could not be done; NULL for no error of the disk */
        uint64_t timeout_extended_usec; /* monotonic; when systemd was last asked for more time to start */

        unsigned changed_properties; /* bits, see change.h */
        sd_event_source *change_event_source;
};

/* Reads nothing and starts nothing yet. The configuration is taken over on success. */
int manager_new(const Options *options, Configuration *configuration, Manager **ret, Fault *fault);
Manager *manager_free(Manager *manager);
DEFINE_CLEANUP(Manager *, manager_free);

/* Takes the state directory's lock, the bus and its name, and queues the start-up. */
int manager_start(Manager *manager, const Options *options, Fault *fault);

/* Keeps the message until no connection on the database is open. */
void manager_hold_message(Manager *manager, sd_bus_message *message);

/* Runs the loop until SIGTERM. Returns the exit status. */
int manager_run(Manager *manager);

/* Refuses new work, cancels what there is, and ends the loop when the last job has ended. */
void manager_stop(Manager *manager, int exit_code);

/* Does what has to wait until no work is left: frees the held messages, and ends the loop of a service that
 * stops. Called at the end of each piece of work. */
void manager_settle_when_idle(Manager *manager);

/* Reads the configuration again. CONFIGURATION when a file can't be read, and the old one stays; or when
 * there are wrong lines, and the others are in force. */
int manager_reload(Manager *manager, Fault *fault);

/* Stops what is being asked for while the service is not fit for it: BUSY while starting or stopping. */
int manager_require_started(const Manager *manager, Fault *fault);
