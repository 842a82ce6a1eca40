/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/operation/file-events.h"

#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/journal.h"
#include "daemon/loop/one-shot.h"
#include "daemon/manager.h"
#include "daemon/operation/database-watch.h"
#include "daemon/operation/first-rows.h"
#include "daemon/operation/wal-watch.h"
#include "daemon/state/condition.h"

/* What people do by hand is followed closely; whoever keeps writing is looked at within this time. */
#define PAUSE_MIN_USEC USEC_PER_SEC
#define PAUSE_MAX_USEC (8 * USEC_PER_SEC)
#define CLOSE_PAUSES 3
/* Without a pause for so long, the database is no busy one. */
#define QUIET_USEC USEC_PER_MINUTE

#define ITSELF (IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF)

static const char *const suffixes[] = {"-wal", "-shm"};

struct FileEvents {
        bool begun;
        sd_event_source *directory_source; /* NULL while it is away, and in a pause */
        sd_event_source *file_source;
        sd_event_source *side_sources[2]; /* -wal and -shm */
        sd_event_source *pause_source;
        bool paused;
        bool commits_watched;   /* also those that only the -wal tells of */
        unsigned n_pauses;      /* in a row, without a minute of quiet between them */
        uint64_t watching_usec; /* monotonic; since when there is no pause */
        FileTraces traces;      /* when the pause began or was last prolonged */
};

static void drop(sd_event_source **source)
{
        *source = sd_event_source_disable_unref(*source);
}

int file_events_new(FileEvents **ret, Fault *fault)
{
        FileEvents *events = calloc(1, sizeof(FileEvents));

        if (!events)
                return fault_set_errno(fault, ENOMEM, "Starting");
        *ret = events;
        return 0;
}

FileEvents *file_events_free(FileEvents *events)
{
        if (!events)
                return NULL;
        drop(&events->directory_source);
        drop(&events->file_source);
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++)
                drop(&events->side_sources[i]);
        drop(&events->pause_source);
        free(events);
        return NULL;
}

uint64_t file_events_pause_usec(unsigned n_pauses)
{
        unsigned doublings = n_pauses > CLOSE_PAUSES ? n_pauses - CLOSE_PAUSES : 0;

        return doublings >= 3 ? PAUSE_MAX_USEC : PAUSE_MIN_USEC << doublings;
}

static int64_t modified_nsec(const struct stat *status)
{
        return status->st_mtim.tv_sec * INT64_C(1000000000) + status->st_mtim.tv_nsec;
}

static char *directory_of(const char *path)
{
        const char *slash = strrchr(path, '/');

        return strndup(path, (size_t) MAX_OF(slash - path, 1));
}

static bool look_beside(const Manager *manager, size_t side, struct stat *ret)
{
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "%s%s", manager->database_path, suffixes[side]) < 0) {
                path = NULL;
                return false;
        }
        return lstat(path, ret) == 0;
}

void file_events_trace(const Manager *manager, FileTraces *ret)
{
        _cleanup_free_ char *directory = directory_of(manager->database_path);
        FileTraces traces = {0};
        struct stat status;

        if (lstat(manager->database_path, &status) == 0) {
                traces.inode = status.st_ino;
                traces.modified_nsec = modified_nsec(&status);
                traces.size_bytes = (uint64_t) status.st_size;
        }
        if (directory && stat(directory, &status) == 0)
                traces.directory_modified_nsec = modified_nsec(&status);
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                if (!look_beside(manager, i, &status))
                        continue;
                traces.side_inodes[i] = status.st_ino;
                if (i == 0) {
                        traces.wal_modified_nsec = modified_nsec(&status);
                        traces.wal_bytes = (uint64_t) status.st_size;
                }
        }
        *ret = traces;
}

bool file_traces_tell_commit(const FileTraces *a, const FileTraces *b)
{
        return a->inode != b->inode || a->modified_nsec != b->modified_nsec ||
               a->size_bytes != b->size_bytes || a->side_inodes[0] != b->side_inodes[0] ||
               a->wal_modified_nsec != b->wal_modified_nsec || a->wal_bytes != b->wal_bytes;
}

/* The same as far as it leads to events: of what the -wal holds it does only while that is asked for. */
static bool was_busy(const FileEvents *events, const FileTraces *now)
{
        const FileTraces *then = &events->traces;

        return then->modified_nsec != now->modified_nsec || then->size_bytes != now->size_bytes ||
               then->directory_modified_nsec != now->directory_modified_nsec ||
               (events->commits_watched && file_traces_tell_commit(then, now));
}

static int watch(Manager *manager,
                sd_event_source **source,
                const char *path,
                uint32_t mask,
                sd_event_inotify_handler_t handler)
{
        int r;

        drop(source);
        r = sd_event_add_inotify(manager->event, source, path, mask, handler, manager);
        if (r < 0 && r != -ENOENT)
                journal_line(LOG_WARNING, "Watching %s failed: %s", path, strerrordesc_np(-r));
        return r;
}

static void begin_pause(Manager *manager);

static int on_file(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
        Manager *manager = userdata;
        FileIdentity now = {0};

        if (!(event->mask & (ITSELF | IN_IGNORED))) {
                if (file_identity_look(manager->database_path, &now) >= 0)
                        manager->unsettled_bytes = now.size_bytes;
                begin_pause(manager);
                return 0;
        }
        /* What follows at this name is watched from now on. */
        if (manager->file_events->paused || !(event->mask & IN_ATTRIB))
                (void) file_events_resume(manager);
        if (!database_watch_notice(manager))
                manager_update_health(manager);
        return 0;
}

static int on_side(sd_event_source *source, const struct inotify_event *event, void *userdata);

static void watch_file(Manager *manager)
{
        (void) watch(manager,
                        &manager->file_events->file_source,
                        manager->database_path,
                        ITSELF | IN_DONT_FOLLOW | (manager->file_events->paused ? 0 : IN_MODIFY),
                        on_file);
}

static void watch_sides(Manager *manager)
{
        FileEvents *events = manager->file_events;

        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                _cleanup_free_ char *path = NULL;
                struct stat status = {0};
                bool modified = i == 0 && events->commits_watched && !events->paused;

                if (asprintf(&path, "%s%s", manager->database_path, suffixes[i]) < 0) {
                        path = NULL;
                        return;
                }
                if (look_beside(manager, i, &status))
                        (void) watch(manager,
                                        &events->side_sources[i],
                                        path,
                                        ITSELF | IN_DONT_FOLLOW | (modified ? IN_MODIFY : 0),
                                        on_side);
                else
                        drop(&events->side_sources[i]);
                events->traces.side_inodes[i] = status.st_ino;
        }
}

static bool is_side_there(const Manager *manager, size_t side)
{
        struct stat status;

        return look_beside(manager, side, &status) &&
               status.st_ino == manager->file_events->traces.side_inodes[side];
}

static int on_side(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
        Manager *manager = userdata;
        FileEvents *events = manager->file_events;
        size_t side = source == events->side_sources[0] ? 0 : 1;

        if (event->mask & (ITSELF | IN_IGNORED) && !is_side_there(manager, side))
                wal_watch_examine(manager);
        /* An application that connects for each commit may remove it each time, and SQLite sets its owner
         * each time when root is who connects. */
        if (events->paused)
                drop(&events->side_sources[side]);
        begin_pause(manager);
        return 0;
}

static const char *name_of(const Manager *manager)
{
        return strrchr(manager->database_path, '/') + 1;
}

static bool is_side_file(const Manager *manager, const struct inotify_event *event)
{
        const char *name = name_of(manager);
        size_t length = strlen(name);

        if (event->len <= length || strncmp(event->name, name, length) != 0)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++)
                if (strcmp(event->name + length, suffixes[i]) == 0)
                        return true;
        return false;
}

/* Of something else, or of what commits do to the files beside the database. */
static void on_other(Manager *manager, const struct inotify_event *event)
{
        if (is_side_file(manager, event)) {
                if (event->mask & (IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO))
                        wal_watch_examine(manager);
                if (event->mask & (IN_CREATE | IN_MOVED_TO))
                        watch_sides(manager);
        }
        begin_pause(manager);
}

static int on_directory(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
        Manager *manager = userdata;
        bool itself = event->len > 0 && strcmp(event->name, name_of(manager)) == 0;

        if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED)) {
                drop(&manager->file_events->directory_source);
                database_watch_settle(manager);
                return 0;
        }
        /* Somebody has mended the owner or the mode, of the directory or of the file, or spoilt it. */
        if (event->mask & IN_ATTRIB && (itself || event->len == 0)) {
                manager_update_health(manager);
                return 0;
        }
        if (!itself && !(event->mask & IN_Q_OVERFLOW)) {
                on_other(manager, event);
                return 0;
        }
        if (event->mask & IN_CREATE)
                manager->database_open_by_maker = true;
        else if (event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE))
                manager->database_open_by_maker = false;
        if (!database_watch_notice(manager))
                begin_pause(manager);
        return 0;
}

static int watch_directory(Manager *manager, Fault *fault)
{
        _cleanup_free_ char *directory = directory_of(manager->database_path);
        int r;

        if (!directory)
                return fault_set_errno(fault, ENOMEM, "Watching %s", manager->database_path);
        r = sd_event_add_inotify(manager->event,
                        &manager->file_events->directory_source,
                        directory,
                        IN_ATTRIB | IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
                                        IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR,
                        on_directory,
                        manager);
        return r < 0 ? fault_set_errno(fault, r, "Watching %s", directory) : 0;
}

static int begin_watching(Manager *manager, Fault *fault)
{
        FileEvents *events = manager->file_events;

        events->paused = false;
        events->watching_usec = clock_monotonic_usec();
        events->commits_watched = first_rows_are_awaited(manager);
        watch_file(manager);
        watch_sides(manager);
        return events->directory_source ? 0 : watch_directory(manager, fault);
}

static int on_pause_over(sd_event_source *source, uint64_t usec, void *userdata);

static void arm_pause(Manager *manager)
{
        FileEvents *events = manager->file_events;

        file_events_trace(manager, &events->traces);
        one_shot_arm(manager->event,
                        &events->pause_source,
                        file_events_pause_usec(events->n_pauses++),
                        on_pause_over,
                        manager);
}

static void begin_pause(Manager *manager)
{
        FileEvents *events = manager->file_events;

        /* A file that is missing or not whole yet is waited for. */
        if (events->paused || database_watch_is_attentive(manager))
                return;
        if (clock_monotonic_usec() - events->watching_usec >= QUIET_USEC)
                events->n_pauses = 0;
        events->paused = true;
        drop(&events->directory_source);
        watch_file(manager);
        watch_sides(manager);
        arm_pause(manager);
        /* What happened while the watch was exchanged. */
        (void) database_watch_notice(manager);
}

static int on_pause_over(sd_event_source *source, uint64_t usec, void *userdata)
{
        Manager *manager = userdata;
        FileEvents *events = manager->file_events;
        FileTraces then = events->traces, now;
        int r = 0;

        if (!events->paused || manager->stopping)
                return 0;
        file_events_trace(manager, &now);
        if (was_busy(events, &now)) {
                watch_sides(manager);
                arm_pause(manager);
        } else
                r = begin_watching(manager, NULL);
        if (memcmp(then.side_inodes, now.side_inodes, sizeof now.side_inodes) != 0 ||
                        then.directory_modified_nsec != now.directory_modified_nsec)
                wal_watch_examine(manager);
        first_rows_consider(manager);
        if (r < 0)
                database_watch_settle(manager);
        else
                database_watch_examine(manager);
        return 0;
}

bool file_events_have_begun(const FileEvents *events)
{
        return events->begun;
}

int file_events_begin(Manager *manager, Fault *fault)
{
        manager->file_events->begun = true;
        return begin_watching(manager, fault);
}

int file_events_resume(Manager *manager)
{
        return begin_watching(manager, NULL);
}

void file_events_watch_commits(Manager *manager)
{
        if (manager->file_events->begun && !manager->file_events->commits_watched)
                (void) begin_watching(manager, NULL);
}
