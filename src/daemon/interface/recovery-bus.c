/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/interface/recovery-bus.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "backup/catalogue/backup-name.h"
#include "backup/quarantine/quarantine.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "daemon/access/authorize.h"
#include "daemon/audit/audit.h"
#include "daemon/bus/bus-argument.h"
#include "daemon/interface/manager-bus.h"
#include "daemon/job/operation.h"
#include "daemon/operation/automatic-restore.h"
#include "daemon/query/plan-run.h"
#include "daemon/state/property-changes.h"

/* A check reads the whole database: the application can't have one for each request that fails. */
#define REPORT_INTERVAL_USEC USEC_PER_MINUTE
#define REPORT_MAX_BYTES 1024

/* One of the files of the live database. Whoever closes a descriptor of those drops all locks that this
 * process holds on them, and what is written to them destroys the database. */
static bool is_live(const Manager *manager, int fd)
{
        struct stat passed, live;

        if (fstat(fd, &passed) < 0)
                return false;
        for (size_t i = 0; i < QUARANTINE_N_FILES; i++) {
                _cleanup_free_ char *path = NULL;

                if (asprintf(&path, "%s%s", manager->database_path, quarantine_suffixes[i]) < 0) {
                        path = NULL;
                        return true;
                }
                if (stat(path, &live) == 0 && live.st_dev == passed.st_dev && live.st_ino == passed.st_ino)
                        return true;
        }
        return false;
}

static int refuse_live(Manager *manager, sd_bus_message *message, sd_bus_error *error)
{
        manager_hold_message(manager, message);
        return bus_error(error,
                        fault_bus_name(FAULT_INVALID_ARGUMENT),
                        "The passed file belongs to the live database %s; `oracxpredctl backup` copies it, "
                        "and another file takes an export",
                        manager->database_path);
}

int manager_refuse_live_keys(
                Manager *manager, sd_bus_message *message, const PassedKeys *keys, sd_bus_error *error)
{
        const int fds[] = {keys->identity_fd, keys->passphrase_fd};

        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                if (fds[i] >= 0 && is_live(manager, fds[i]))
                        return refuse_live(manager, message, error);
        return 0;
}

/* A path or another name for messages. */
static bool is_source_name(const char *name)
{
        return name[0] && strlen(name) < PATH_MAX && utf8_is_line(name);
}

static int queue_restore(Manager *manager,
                sd_bus_message *message,
                const PassedKeys *keys,
                RestoreWish *wish,
                sd_bus_error *error)
{
        _cleanup_(age_identities_freep) AgeIdentities *identities = NULL;
        _cleanup_fault_ Fault fault = {0};
        Caller caller;
        Job *job;
        int r;

        r = manager_refuse_live_keys(manager, message, keys, error);
        if (r >= 0)
                r = authorize_backup(message, ACTION_RESTORE, wish->name, &caller, error);
        if (r < 0)
                return r;
        if (r == 0)
                return 1; /* Will call us back */
        if (encryption_read_passed(keys, &identities, &fault) < 0)
                return bus_fault(error, &fault);
        wish->identities = identities;
        r = operation_restore_queue(manager, wish, &caller, &job, &fault);
        identities = wish->identities; /* or what became of it */
        if (r < 0)
                return bus_fault(error, &fault);
        return manager_reply_job(job, message);
}

int manager_restore_backup(Manager *manager, sd_bus_message *message, const char *name, sd_bus_error *error)
{
        int force = false;
        PassedKeys keys = {.identity_fd = -EBADF, .passphrase_fd = -EBADF};
        const CallOption options[] = {{"force", 'b', &force},
                        {"identity", 'h', &keys.identity_fd},
                        {"passphrase", 'h', &keys.passphrase_fd}};
        RestoreWish wish = {.name = name};
        int r;

        r = call_options_read(message, options, ELEMENTSOF(options), error);
        if (r < 0)
                return r;
        wish.force = force;
        return queue_restore(manager, message, &keys, &wish, error);
}

int manager_method_restore(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *name, *source_name = NULL;
        int force = false, rescue = false, from = -EBADF;
        PassedKeys keys = {.identity_fd = -EBADF, .passphrase_fd = -EBADF};
        const CallOption options[] = {{"force", 'b', &force},
                        {"rescue", 'b', &rescue},
                        {"from", 'h', &from},
                        {"source-name", 's', &source_name},
                        {"identity", 'h', &keys.identity_fd},
                        {"passphrase", 'h', &keys.passphrase_fd}};
        RestoreWish wish = {0};
        int r;

        r = sd_bus_message_read(message, "s", &name);
        if (r >= 0)
                r = call_options_read(message, options, ELEMENTSOF(options), error);
        if (r < 0)
                return r;
        if (name[0] && !backup_name_is_valid(name))
                return bus_invalid(error, "That can't be the name of a backup");
        if (source_name && from < 0)
                return bus_invalid(error, "The option 'source-name' goes with 'from' only");
        if (source_name && !is_source_name(source_name))
                return bus_invalid(error, "The option 'source-name' is not the name of a file");
        wish.force = force;
        wish.rescue = rescue;
        if (from >= 0) {
                if (name[0])
                        return bus_invalid(
                                        error, "Give the name of a backup or a file to restore, not both");
                if (is_live(userdata, from))
                        return refuse_live(userdata, message, error);
                wish.file_fd = from;
                wish.file_name = source_name ? source_name : "the passed file";
        } else
                wish.name = name;
        return queue_restore(userdata, message, &keys, &wish, error);
}

int manager_method_undo_restore(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        int force = false, r;
        PassedKeys keys = {.identity_fd = -EBADF, .passphrase_fd = -EBADF};
        const CallOption options[] = {{"force", 'b', &force},
                        {"identity", 'h', &keys.identity_fd},
                        {"passphrase", 'h', &keys.passphrase_fd}};
        RestoreWish wish = {.undo = true};

        r = call_options_read(message, options, ELEMENTSOF(options), error);
        if (r < 0)
                return r;
        wish.force = force;
        return queue_restore(userdata, message, &keys, &wish, error);
}

static int ask_for_plan(Manager *manager,
                sd_bus_message *message,
                const PassedKeys *keys,
                RestoreWish *wish,
                sd_bus_error *error)
{
        _cleanup_(age_identities_freep) AgeIdentities *identities = NULL;
        _cleanup_fault_ Fault fault = {0};
        Caller caller;
        int r = manager_refuse_live_keys(manager, message, keys, error);

        /* It names processes of other users, as a restore's refusal does. */
        if (r >= 0)
                r = authorize_backup(message, ACTION_RESTORE, wish->name, &caller, error);
        if (r < 0)
                return r;
        if (r == 0)
                return 1; /* Will call us back */
        r = manager_require_started(manager, &fault);
        if (r >= 0)
                r = encryption_read_passed(keys, &identities, &fault);
        wish->identities = identities;
        if (r >= 0)
                r = plan_run_ask(manager, wish, message, &fault);
        identities = wish->identities; /* or what became of it */
        if (r < 0)
                return bus_fault(error, &fault);
        return 1; /* Answered when it is there */
}

int manager_method_plan_restore(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const PassedKeys keys = {.identity_fd = -EBADF, .passphrase_fd = -EBADF};
        RestoreWish wish = {0};
        int r = sd_bus_message_read(message, "s", &wish.name);

        if (r < 0)
                return r;
        if (wish.name[0] && !backup_name_is_valid(wish.name))
                return bus_invalid(error, "That can't be the name of a backup");
        return ask_for_plan(userdata, message, &keys, &wish, error);
}

int manager_method_plan_restore_file(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *source_name = NULL;
        PassedKeys keys = {.identity_fd = -EBADF, .passphrase_fd = -EBADF};
        const CallOption options[] = {{"source-name", 's', &source_name},
                        {"identity", 'h', &keys.identity_fd},
                        {"passphrase", 'h', &keys.passphrase_fd}};
        RestoreWish wish = {0};
        int r = sd_bus_message_read(message, "h", &wish.file_fd);

        if (r >= 0)
                r = call_options_read(message, options, ELEMENTSOF(options), error);
        if (r < 0)
                return r;
        if (source_name && !is_source_name(source_name))
                return bus_invalid(error, "The option 'source-name' is not the name of a file");
        if (is_live(userdata, wish.file_fd))
                return refuse_live(userdata, message, error);
        wish.file_name = source_name ? source_name : "the passed file";
        return ask_for_plan(userdata, message, &keys, &wish, error);
}

int manager_method_plan_undo(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const PassedKeys keys = {.identity_fd = -EBADF, .passphrase_fd = -EBADF};
        RestoreWish wish = {.undo = true};

        return ask_for_plan(userdata, message, &keys, &wish, error);
}

/* Files, pipes and sockets; of the devices the one that can't do anything. A directory or a disk that is
 * passed by mistake must not be written to. */
static bool is_stream(int fd, int access_mode)
{
        struct stat status;
        int flags = fcntl(fd, F_GETFL);

        if (flags < 0 || (flags & O_PATH) || fstat(fd, &status) < 0)
                return false;
        if ((flags & O_ACCMODE) != O_RDWR && (flags & O_ACCMODE) != access_mode)
                return false;
        return S_ISREG(status.st_mode) || S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) ||
               (S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3));
}

/* The message's descriptor goes with the message. */
static int keep_descriptor(int fd, int *ret, sd_bus_error *error)
{
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

        if (copy < 0)
                return sd_bus_error_set_errno(error, errno);
        *ret = copy;
        return 0;
}

static int queue_export(Manager *manager,
                sd_bus_message *message,
                int fd,
                const char *style_name,
                char ***tables,
                bool redact,
                sd_bus_error *error)
{
        _cleanup_fault_ Fault fault = {0};
        ExportStyle style = style_name ? export_style_from_string(style_name) : EXPORT_PRETTY;
        Caller caller;
        Job *job;
        int r, copy = -EBADF;

        r = style < 0 ? bus_invalid(error, "The option 'style' is none of pretty, compact and lines") : 0;
        if (r >= 0 && is_live(manager, fd))
                r = refuse_live(manager, message, error);
        if (r >= 0 && !is_stream(fd, O_WRONLY))
                r = bus_invalid(error,
                                "The descriptor is not a file, pipe or socket that is open for writing");
        if (r >= 0)
                r = authorize(message, ACTION_EXPORT, &caller, error);
        if (r > 0)
                r = keep_descriptor(fd, &copy, error) < 0 ? -EMFILE : 1;
        if (r <= 0)
                return r < 0 ? r : 1; /* Will call us back */
        if (operation_export_queue(manager, copy, TAKE_PTR(*tables), style, redact, &caller, &job, &fault) <
                        0)
                return bus_fault(error, &fault);
        return manager_reply_job(job, message);
}

int manager_method_export(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *style = NULL;
        _cleanup_(string_list_freep) char **tables = NULL;
        int fd, redact = false, r;
        const CallOption options[] = {
                        {"tables", 'a', &tables}, {"style", 's', &style}, {"redact", 'b', &redact}};

        r = sd_bus_message_read(message, "h", &fd);
        if (r < 0)
                return r;
        r = call_options_read(message, options, ELEMENTSOF(options), error);
        if (r < 0)
                return r;
        return queue_export(userdata, message, fd, style, &tables, redact, error);
}

int manager_method_import(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_fault_ Fault fault = {0};
        const char *source_name = NULL, *label = NULL;
        const CallOption options[] = {{"source-name", 's', &source_name}, {"label", 's', &label}};
        int fd, copy = -EBADF, r;
        Caller caller;
        Job *job;

        r = sd_bus_message_read(message, "h", &fd);
        if (r >= 0)
                r = call_options_read(message, options, ELEMENTSOF(options), error);
        if (r < 0)
                return r;
        if (source_name && !is_source_name(source_name))
                return bus_invalid(error, "The option 'source-name' is not the name of a file");
        if (label && !backup_label_is_valid(label))
                return bus_invalid(error, "The label is longer than 256 bytes, or has a control character");
        if (is_live(userdata, fd))
                return refuse_live(userdata, message, error);
        if (!is_stream(fd, O_RDONLY))
                return bus_invalid(error,
                                "The descriptor is not a file, pipe or socket that is open for reading");
        r = authorize(message, ACTION_IMPORT, &caller, error);
        if (r < 0)
                return r;
        if (r == 0)
                return 1; /* Will call us back */
        r = keep_descriptor(fd, &copy, error);
        if (r < 0)
                return r;
        if (operation_import_queue(userdata,
                            copy,
                            source_name ? source_name : "the passed document",
                            label,
                            &caller,
                            &job,
                            &fault) < 0)
                return bus_fault(error, &fault);
        return manager_reply_job(job, message);
}

int manager_method_report_corruption(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *manager = userdata;
        _cleanup_fault_ Fault fault = {0};
        uint64_t now_usec = clock_now_usec(), last_usec = manager->corruption_reported_usec;
        const char *what;
        Caller caller;
        int r;

        r = sd_bus_message_read(message, "s", &what);
        if (r < 0)
                return r;
        if (!what[0] || strlen(what) > REPORT_MAX_BYTES || !utf8_is_line(what))
                return bus_invalid(error, "Say in one line of at most 1024 bytes what was met");
        r = authorize(message, ACTION_REPORT, &caller, error);
        if (r < 0)
                return r;
        if (r == 0)
                return 1; /* Will call us back */
        if (manager_require_started(manager, &fault) < 0)
                return bus_fault(error, &fault);
        /* A clock that jumped back ends the interval. */
        if (last_usec > 0 && now_usec >= last_usec && now_usec - last_usec < REPORT_INTERVAL_USEC) {
                (void) fault_set(&fault,
                                FAULT_BUSY,
                                "Corruption was reported less than a minute ago, and the database is being "
                                "checked or was; `Integrity` tells what was found");
                return bus_fault(error, &fault);
        }
        r = automatic_restore_suspect(manager, &fault);
        audit_call(&caller, "report-corruption", what, &fault);
        if (r < 0)
                return bus_fault(error, &fault);
        manager->corruption_reported_usec = now_usec;
        manager_flush_changes(manager);
        return sd_bus_reply_method_return(message, NULL);
}
