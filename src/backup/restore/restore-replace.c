/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/restore/restore-replace.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/quarantine/contents.h"
#include "backup/quarantine/deleted.h"
#include "backup/quarantine/quarantine.h"
#include "backup/restore/replacement.h"
#include "backup/restore/restore-rescue.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/test-hook.h"
#include "database/connection/open-files.h"
#include "database/connection/placement.h"

#define COPY_CHUNK_BYTES (256 * KIB)
#define DATABASE_MODE 0660 /* of a database that has no predecessor */

#define HEADER_MAGIC "SQLite format 3"
#define HEADER_BYTES 20
#define HEADER_WRITE_VERSION 18 /* 1: rollback journal, 2: WAL */

typedef struct Replacing {
        const RestoreRequest *request;
        const RestoreSource *source;
        Progress *progress;
        Replacement state;
        char *deleted;       /* folder with a copy of what was removed under its users; NULL for none */
        bool deleted_counts; /* as what was replaced */
        bool prepared;       /* its file is there, and ours to remove */
        bool stored;         /* restore.json is there */
        bool moved;          /* files may be in the quarantine */
        bool in_force;
} Replacing;

static void replacing_done(Replacing *replacing)
{
        if (replacing->prepared && !replacing->in_force && !replacing->stored)
                (void) unlink(replacing->state.prepared);
        replacement_done(&replacing->state);
        free(replacing->deleted);
}

/* Before anybody is stopped, or told to be: then it would be gone. */
static int save_deleted(Replacing *replacing, Fault *fault)
{
        const RestoreRequest *request = replacing->request;
        int r = deleted_copy_out(request->database_path,
                        request->quarantine_path,
                        request->now_usec,
                        replacing->progress,
                        &replacing->deleted,
                        fault);

        TEST_POINT("replace-deleted-copied");
        return r < 0 ? fault_prefix(fault,
                                       r,
                                       "%s was removed while in use, and what its users have committed "
                                       "since "
                                       "could not be copied; do not stop them",
                                       request->database_path)
                     : 0;
}

static int begin(Replacing *replacing, Fault *fault)
{
        const RestoreRequest *request = replacing->request;
        Replacement *state = &replacing->state;
        const char *source = request->source ? request->source->name : request->source_quarantine;

        state->phase = REPLACEMENT_STOPPING;
        state->database = strdup(request->database_path);
        state->prepared = replacement_prepared_path(request->database_path);
        state->source = strdup(source);
        state->automatic = request->automatic;
        state->restored_usec = request->now_usec;
        state->fixed = contents_are_fixed(request->database_path);
        if (!state->database || !state->prepared || !state->source)
                return fault_set_errno(fault, ENOMEM, "Replacing %s", request->database_path);
        return 0;
}

/* The service keeps its database in WAL mode; only one that says otherwise in a sound header stays so. */
static bool wants_wal(const char *database_path)
{
        _cleanup_close_ int fd =
                        open(database_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        char header[HEADER_BYTES];
        size_t size;

        return fd < 0 || io_read_full_at(fd, header, sizeof header, 0, &size) < 0 || size < sizeof header ||
               memcmp(header, HEADER_MAGIC, sizeof HEADER_MAGIC) != 0 || header[HEADER_WRITE_VERSION] != 1;
}

static int copy_digesting(Replacing *replacing, int from_fd, int to_fd, Fault *fault)
{
        _cleanup_(digest_freep) Digest *digest = NULL;
        _cleanup_free_ char *buffer = malloc(COPY_CHUNK_BYTES);
        size_t size = COPY_CHUNK_BYTES;
        int r;

        if (!buffer)
                return fault_set_errno(fault, ENOMEM, "Writing %s", replacing->state.prepared);
        r = digest_new(&digest, fault);
        while (r >= 0 && size == COPY_CHUNK_BYTES) {
                r = progress_check(replacing->progress, fault);
                if (r < 0)
                        return r;
                r = io_read_full(from_fd, buffer, COPY_CHUNK_BYTES, &size);
                if (r >= 0)
                        r = io_write_all(to_fd, buffer, size);
                if (r < 0)
                        return fault_set_errno(fault, r, "Writing %s", replacing->state.prepared);
                progress_add(replacing->progress, size);
                r = digest_update(digest, buffer, size, fault);
        }
        return r < 0 ? r : digest_finish(digest, replacing->state.sha256, fault);
}

/* The new file belongs to whom the old one belonged. Where this process may not give it away, the group is
 * enough if it is the same and may write; else the application would find a database it can't open. */
static int take_over_owner(const Replacing *replacing, int fd, Fault *fault)
{
        const char *path = replacing->state.database;
        struct stat old, new;
        mode_t mode = DATABASE_MODE;

        if (lstat(path, &old) == 0 && S_ISREG(old.st_mode)) {
                mode = old.st_mode & 0777;
                if (fstat(fd, &new) < 0)
                        return fault_set_errno(fault, errno, "Looking at %s", replacing->state.prepared);
                /* In a setgid directory the new file is of that group by itself. This is asked first: a
                 * sandbox may forbid every fchown(), also one that changes nothing. */
                if ((new.st_uid != old.st_uid || new.st_gid != old.st_gid) &&
                                fchown(fd, old.st_uid, old.st_gid) < 0 &&
                                !((new.st_gid == old.st_gid || fchown(fd, (uid_t) -1, old.st_gid) == 0) &&
                                                (mode & 0060) == 0060))
                        return fault_set(fault,
                                        FAULT_PERMISSION,
                                        "%s belongs to user %u and group %u, to whom the service may not "
                                        "give the "
                                        "new file; give the old one to the service's group with mode 0660, "
                                        "or "
                                        "restore it as root",
                                        path,
                                        (unsigned) old.st_uid,
                                        (unsigned) old.st_gid);
        }
        if (fchmod(fd, mode) < 0)
                return fault_set_errno(fault, errno, "Setting the mode of %s", replacing->state.prepared);
        return 0;
}

static int read_back(const Replacing *replacing, Fault *fault)
{
        char sha256[DIGEST_HEX_MAX];
        int r = replacement_digest_file(replacing->state.prepared, sha256, fault);

        if (r < 0)
                return r;
        if (strcmp(sha256, replacing->state.sha256) != 0)
                return fault_set(fault,
                                FAULT_IO,
                                "%s reads back from the disk as something else than was written; nothing "
                                "was "
                                "restored, check the disk",
                                replacing->state.prepared);
        return 0;
}

/* Everything that takes time or room, while the application still runs. */
static int prepare(Replacing *replacing, RestoreSource *source, Fault *fault)
{
        Replacement *state = &replacing->state;
        _cleanup_close_ int from_fd = -EBADF, to_fd = -EBADF;
        struct stat status;
        int r = wants_wal(state->database) ? restore_source_set_wal(source, fault) : 0;

        if (r < 0)
                return r;
        from_fd = open(source->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (from_fd < 0)
                return fault_set_errno(fault, errno, "Opening %s", source->path);
        (void) unlink(state->prepared);
        to_fd = open(state->prepared, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (to_fd < 0)
                return fault_set_errno(fault, errno, "Creating %s", state->prepared);
        replacing->prepared = true;
        progress_begin(replacing->progress, "restoring", source->database_bytes);
        r = copy_digesting(replacing, from_fd, to_fd, fault);
        if (r >= 0 && !state->fixed)
                r = take_over_owner(replacing, to_fd, fault);
        if (r < 0)
                return r;
        if (fsync(to_fd) < 0 || fstat(to_fd, &status) < 0)
                return fault_set_errno(fault, errno, "Writing %s to the disk", state->prepared);
        (void) posix_fadvise(to_fd, 0, 0, POSIX_FADV_DONTNEED);
        state->inode = status.st_ino;
        r = read_back(replacing, fault);
        TEST_POINT("replace-prepared");
        return r;
}

static int store(Replacing *replacing, ReplacementPhase phase, Fault *fault)
{
        int r;

        replacing->state.phase = phase;
        /* Even one whose last sync failed may be there. */
        replacing->stored = true;
        r = replacement_store(replacing->request->state_directory_path, &replacing->state, fault);
        TEST_POINT("replace-stored");
        return r;
}

static int refuse_in_use(const char *database_path, const OpenFiles *open_files, Fault *fault)
{
        _cleanup_free_ char *holders = open_files_describe(open_files);

        return fault_set(fault,
                        FAULT_DATABASE_IN_USE,
                        "%s has to be replaced as a file, and is open in %s, whose later commits would be "
                        "lost; "
                        "stop them (or name their units in ApplicationUnits=) and try again, or force it",
                        database_path,
                        holders ? holders : "other processes");
}

/* `path` is where the main file is now, at its place or already in the quarantine. */
static int require_unused(const RestoreRequest *request, const char *path, Fault *fault)
{
        _cleanup_(open_files_done) OpenFiles open_files = {0};
        OpenFilesUse use = OPEN_FILES_UNKNOWN;
        int r;

        if (request->force)
                return 0;
        r = open_files_find(request->database_path, &open_files, fault);
        if (r < 0)
                return r;
        if (open_files.n_holders > 0)
                return refuse_in_use(request->database_path, &open_files, fault);
        /* A connection in rollback mode that does nothing leaves no lock, and this process may not look into
         * others. Where the kernel can't tell either, SQLite's own check remains: such a connection
         * refuses to write to a file that was moved (READONLY_DBMOVED). */
        if (access(path, F_OK) == 0) {
                r = open_files_probe(path, &use, fault);
                if (r < 0)
                        return r;
        }
        return use == OPEN_FILES_IN_USE ? refuse_in_use(request->database_path, &open_files, fault) : 0;
}

/* Nothing can come between this look and the exchange: `moved` is where its file is by now. */
static int require_still_missing(const RestoreRequest *request, const char *moved, Fault *fault)
{
        struct stat status;

        if (!request->missing || stat(moved, &status) < 0 || status.st_size <= PLACEMENT_NOTHING_BYTES)
                return 0;
        return fault_set(fault,
                        FAULT_CANCELLED,
                        "%s came back during the restore; it is left as it is",
                        request->database_path);
}

static bool has_old_files(const char *database_path)
{
        for (size_t i = 0; i < QUARANTINE_N_FILES; i++) {
                _cleanup_free_ char *path = NULL;
                struct stat status;

                if (asprintf(&path, "%s%s", database_path, quarantine_suffixes[i]) < 0) {
                        path = NULL;
                        return true;
                }
                if (lstat(path, &status) == 0)
                        return true;
        }
        return false;
}

static int move_old_files(Replacing *replacing, Fault *fault)
{
        const RestoreRequest *request = replacing->request;
        Replacement *state = &replacing->state;
        _cleanup_free_ char *moved = NULL;
        const char *slash = strrchr(state->database, '/');
        int r = 0;

        if (!has_old_files(state->database)) {
                state->quarantine = TAKE_PTR(replacing->deleted);
                replacing->deleted_counts = state->quarantine;
                return store(replacing, REPLACEMENT_MOVING, fault);
        }
        r = quarantine_make_folder(request->quarantine_path, request->now_usec, &state->quarantine, fault);
        if (r < 0)
                return r;
        replacing->moved = true;
        TEST_POINT("replace-folder");
        r = store(replacing, REPLACEMENT_MOVING, fault);
        if (r >= 0)
                r = quarantine_move(state->database, state->quarantine, fault);
        if (r < 0)
                return r;
        TEST_POINT("replace-moved");
        if (asprintf(&moved, "%s/%s", state->quarantine, slash ? slash + 1 : state->database) < 0) {
                moved = NULL;
                return fault_set_errno(fault, ENOMEM, "Replacing %s", state->database);
        }
        r = require_still_missing(request, moved, fault);
        if (r < 0)
                return r;
        /* Who opened the file between the first look and the move has it now under its new name. */
        r = require_unused(request, moved, fault);
        return r < 0 ? r
                     : restore_rescue_require_current(request, replacing->source, state->quarantine, fault);
}

static int replace_contents(Replacing *replacing, Fault *fault)
{
        const RestoreRequest *request = replacing->request;
        Replacement *state = &replacing->state;
        int r = quarantine_make_folder(
                        request->quarantine_path, request->now_usec, &state->quarantine, fault);

        if (r < 0)
                return r;
        replacing->moved = true;
        r = store(replacing, REPLACEMENT_MOVING, fault);
        if (r >= 0)
                r = contents_save(state->database, state->quarantine, fault);
        TEST_POINT("replace-contents-saved");
        if (r >= 0)
                r = require_unused(request, request->database_path, fault);
        if (r >= 0)
                r = store(replacing, REPLACEMENT_WRITING, fault);
        return r < 0 ? r : contents_replace(state->prepared, state->database, fault);
}

static int exchange_files(Replacing *replacing, Fault *fault)
{
        int r = move_old_files(replacing, fault);

        return r < 0 ? r : replacement_publish(&replacing->state, fault);
}

/* From the first moved file to the new one in its place; the application is stopped, or not there. */
static int exchange(Replacing *replacing, RestoreOutcome *outcome, Fault *fault)
{
        const RestoreRequest *request = replacing->request;
        uint64_t begun_usec;
        int r = require_unused(request, request->database_path, fault);

        if (r >= 0)
                r = progress_check(replacing->progress, fault);
        if (r < 0)
                return r;
        begun_usec = clock_monotonic_usec();
        r = replacing->state.fixed ? replace_contents(replacing, fault) : exchange_files(replacing, fault);
        /* The rename counts even when the sync after it failed: the file is there. */
        replacing->in_force =
                        r >= 0 || (!replacing->state.fixed && replacement_is_in_force(&replacing->state));
        if (!replacing->in_force)
                return r;
        outcome->held_usec = clock_monotonic_usec() - begun_usec;
        TEST_POINT("replace-published");
        r = replacement_record(request->state_directory_path, &replacing->state, fault);
        TEST_POINT("replace-recorded");
        if (r >= 0)
                r = store(replacing, REPLACEMENT_STARTING, fault);
        /* A renamed one has this name no more. */
        (void) unlink(replacing->state.prepared);
        return r;
}

/* The old files go back; restore.json stays when that fails, and the next start tries again. */
static int take_back(Replacing *replacing, Fault *met)
{
        const RestoreRequest *request = replacing->request;
        _cleanup_fault_ Fault second = {0};
        int r = 0;

        if (replacing->moved && replacing->state.fixed)
                r = contents_take_back(replacing->state.quarantine, request->database_path, &second);
        else if (replacing->moved) {
                r = quarantine_move_back(replacing->state.quarantine, request->database_path, &second);
                if (r >= 0)
                        (void) rmdir(replacing->state.quarantine);
        }
        if (r < 0)
                return fault_prefix(met,
                                fault_errno(met->code),
                                "The old files could not be put back from %s (%s); restart the service to "
                                "finish; it began with",
                                replacing->state.quarantine,
                                second.message);
        TEST_POINT("replace-taken-back");
        (void) unlink(replacing->state.prepared);
        replacing->prepared = false;
        return 0;
}

static int start_units(const RestoreRequest *request, Fault *fault)
{
        return request->control->start(request->control->userdata, fault);
}

int restore_replace(const RestoreRequest *request,
                RestoreSource *source,
                Progress *progress,
                RestoreOutcome *outcome,
                Fault *fault)
{
        _cleanup_(replacing_done)
                        Replacing replacing = {.request = request, .source = source, .progress = progress};
        bool has_units = request->control && request->control->has_units, can_forget = true;
        _cleanup_fault_ Fault met = {0}, start_fault = {0};
        uint64_t begun_usec;
        int r, started = 0;

        r = begin(&replacing, fault);
        if (r >= 0)
                r = save_deleted(&replacing, fault);
        /* Before the work, when it would be for nothing. */
        if (r >= 0 && !has_units)
                r = require_unused(request, request->database_path, fault);
        if (r < 0 && replacing.deleted)
                return fault_prefix(fault,
                                r,
                                "What was committed to the removed database so far is kept in %s",
                                replacing.deleted);
        if (r >= 0)
                r = prepare(&replacing, source, fault);
        if (r < 0)
                return r;

        replacing.state.units_stopped = has_units;
        r = store(&replacing, REPLACEMENT_STOPPING, &met);
        begun_usec = clock_monotonic_usec();
        if (r >= 0 && has_units)
                r = request->control->stop(request->control->userdata, &met);
        TEST_POINT("replace-stopped");
        outcome->waited_usec = clock_monotonic_usec() - begun_usec;
        if (r >= 0)
                r = exchange(&replacing, outcome, &met);
        if (!replacing.in_force)
                can_forget = take_back(&replacing, &met) >= 0;
        if (has_units)
                started = start_units(request, &start_fault);
        TEST_POINT("replace-started");
        /* Kept while units are stopped, for the next start of the service to start them. */
        if (can_forget && started >= 0 && replacement_forget(request->state_directory_path, NULL) >= 0)
                replacing.stored = false;

        if (!replacing.in_force) {
                if (started < 0)
                        r = fault_prefix(&met,
                                        r,
                                        "The units were stopped and could not be started again (%s); before "
                                        "that",
                                        start_fault.message);
                if (fault)
                        fault_move(fault, &met);
                return r;
        }
        outcome->method = RESTORE_REPLACE;
        outcome->quarantine = TAKE_PTR(replacing.state.quarantine);
        outcome->was_deleted = replacing.deleted_counts;
        outcome->units_stopped = has_units;
        fault_move(&outcome->start_fault, &start_fault);
        return 0;
}
