/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/store/record-store.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include "database/connection/open-files.h"

struct RecordStore {
        /* The loop's. */
        Lane *lane;
        Work release;
        Work opening;
        bool gives_way;
        bool releasing;  /* the first work above is in the lane */
        bool is_opening; /* the second is */
        sd_event_source *linger_event_source;
        sd_event_source *wanted_event_source;
        void (*on_released)(void *userdata);
        void *on_released_userdata;

        /* Any thread's. */
        Gate *gate;
        char *path;
        int (*prepare)(const char *path, Fault *fault);
        int wanted_fd; /* eventfd: somebody closes the gate */
        Progress progress;
        atomic_bool open;
        atomic_bool wal_deleted; /* the next release saves what only it holds */

        /* The worker's. */
        Connection *connection;
        dev_t device;
        ino_t inode;
        uint64_t generation;
        uint64_t large_wal_bytes; /* from which on the -wal is looked at */
};

static void disconnect(RecordStore *store)
{
        if (!store->connection)
                return;
        store->connection = connection_close(store->connection);
        gate_leave(store->gate);
        atomic_store(&store->open, false);
}

/* With others there it is left to them: two that checkpoint at the same moment can corrupt the database in
 * SQLite before 3.51.3. */
static void checkpoint_if_alone(RecordStore *store)
{
        _cleanup_(open_files_done) OpenFiles open_files = {0};

        if (open_files_find(store->path, &open_files, NULL) >= 0 && open_files.n_holders == 0)
                (void) sqlite3_wal_checkpoint_v2(
                                store->connection->handle, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

static void release_run(Work *work)
{
        RecordStore *store = (RecordStore *) ((char *) work - offsetof(RecordStore, release));

        if (atomic_exchange(&store->wal_deleted, false) && store->connection)
                checkpoint_if_alone(store);
        disconnect(store);
}

static void release_finish(Work *work)
{
        RecordStore *store = (RecordStore *) ((char *) work - offsetof(RecordStore, release));

        store->releasing = false;
        if (store->on_released)
                store->on_released(store->on_released_userdata);
}

static int connect_and_read(RecordStore *store)
{
        Connection *connection;
        int r = record_store_connect(store, &connection, NULL);

        /* The -wal and -shm are opened by the first look. */
        return r < 0 ? r : connection_read_schema(connection, NULL);
}

static void opening_run(Work *work)
{
        RecordStore *store = (RecordStore *) ((char *) work - offsetof(RecordStore, opening));

        if (!store->connection && connect_and_read(store) < 0)
                disconnect(store);
}

static void opening_finish(Work *work)
{
        RecordStore *store = (RecordStore *) ((char *) work - offsetof(RecordStore, opening));

        store->is_opening = false;
        record_store_used(store);
}

static int on_linger(sd_event_source *source, uint64_t usec, void *userdata)
{
        record_store_release(userdata);
        return 0;
}

static int on_wanted(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        eventfd_t count;

        (void) eventfd_read(fd, &count);
        record_store_release(userdata);
        return 0;
}

static void on_gate_closing(void *target)
{
        RecordStore *store = target;

        (void) eventfd_write(store->wanted_fd, 1);
}

int record_store_new(
                sd_event *event, Lane *lane, Gate *gate, const char *path, RecordStore **ret, Fault *fault)
{
        _cleanup_(record_store_freep) RecordStore *store = NULL;
        int r;

        store = calloc(1, sizeof(RecordStore));
        if (!store)
                return fault_set_errno(fault, ENOMEM, "Starting");
        store->lane = lane;
        store->gate = gate;
        store->large_wal_bytes = RECORD_STORE_WAL_BYTES;
        store->release = (Work){.run = release_run, .finish = release_finish};
        store->opening = (Work){.run = opening_run, .finish = opening_finish};
        progress_init(&store->progress);
        store->path = strdup(path);
        store->wanted_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        r = !store->path ? -ENOMEM : store->wanted_fd < 0 ? -errno : 0;
        if (r >= 0)
                r = sd_event_add_io(event,
                                &store->wanted_event_source,
                                store->wanted_fd,
                                EPOLLIN,
                                on_wanted,
                                store);
        if (r >= 0)
                r = sd_event_add_time_relative(event,
                                &store->linger_event_source,
                                CLOCK_MONOTONIC,
                                RECORD_STORE_LINGER_USEC,
                                USEC_PER_SEC,
                                on_linger,
                                store);
        if (r >= 0)
                r = sd_event_source_set_enabled(store->linger_event_source, SD_EVENT_OFF);
        if (r < 0)
                return fault_set_errno(fault, r, "Starting");
        gate_set_on_closing(gate, on_gate_closing, store);
        *ret = TAKE_PTR(store);
        return 0;
}

RecordStore *record_store_free(RecordStore *store)
{
        if (!store)
                return NULL;
        gate_set_on_closing(store->gate, NULL, NULL);
        disconnect(store);
        (void) sd_event_source_disable_unref(store->linger_event_source);
        (void) sd_event_source_disable_unref(store->wanted_event_source);
        closep(&store->wanted_fd);
        progress_done(&store->progress);
        free(store->path);
        free(store);
        return NULL;
}

/* Only a look at the name: a descriptor of the file that is opened and closed here would drop the locks of
 * every connection that this process has on it. */
static bool is_another_file(const RecordStore *store)
{
        struct stat status;

        return stat(store->path, &status) < 0 || status.st_dev != store->device ||
               status.st_ino != store->inode;
}

void record_store_set_prepare(RecordStore *store, int (*prepare)(const char *path, Fault *fault))
{
        store->prepare = prepare;
}

int record_store_prepare(RecordStore *store, Fault *fault)
{
        return store->prepare ? store->prepare(store->path, fault) : 0;
}

static int connect_anew(RecordStore *store, Fault *fault)
{
        struct stat status;
        int r;

        r = gate_enter(store->gate, fault);
        if (r < 0)
                return r;
        r = record_store_prepare(store, fault);
        /* Before it is opened: one that is exchanged in between is noticed by the next call. */
        if (r >= 0 && stat(store->path, &status) < 0)
                r = fault_set_errno(fault, errno, "Opening %s", store->path);
        if (r >= 0)
                r = connection_open(
                                store->path, CONNECTION_WRITE, &store->progress, &store->connection, fault);
        if (r < 0) {
                gate_leave(store->gate);
                return r;
        }
        gate_let_yield(store->gate, store->connection);
        /* All look-ups and records take turns at it. */
        store->connection->bound.bound_usec = RECORD_STORE_STATEMENT_BOUND_USEC;
        store->device = status.st_dev;
        store->inode = status.st_ino;
        store->generation++;
        atomic_store(&store->open, true);
        return 0;
}

int record_store_connect(RecordStore *store, Connection **ret, Fault *fault)
{
        int r;

        if (store->connection && (gate_is_closed(store->gate) || is_another_file(store)))
                disconnect(store);
        if (!store->connection) {
                r = connect_anew(store, fault);
                if (r < 0)
                        return r;
        }
        *ret = store->connection;
        return 0;
}

/* What the service writes lies in the -wal until the application checkpoints, which it does in the course of
 * its own commits. While it isn't there nobody would. */
static void keep_wal_small(RecordStore *store)
{
        _cleanup_free_ char *wal_path = NULL;
        struct stat status;

        if (asprintf(&wal_path, "%s-wal", store->path) < 0) {
                wal_path = NULL;
                return;
        }
        if (stat(wal_path, &status) < 0 || (uint64_t) status.st_size < store->large_wal_bytes)
                return;
        store->large_wal_bytes = (uint64_t) status.st_size + RECORD_STORE_WAL_STEP_BYTES;
        /* One that is full is written from its start again. */
        checkpoint_if_alone(store);
}

void record_store_leave(RecordStore *store, const Fault *fault)
{
        if (!store->connection)
                return;
        if (!sqlite3_get_autocommit(store->connection->handle))
                (void) connection_execute(store->connection, "ROLLBACK", NULL);
        keep_wal_small(store);
        if (fault->code == FAULT_CORRUPT || fault->code == FAULT_NOT_A_DATABASE || fault->code == FAULT_IO ||
                        gate_is_closed(store->gate))
                disconnect(store);
}

uint64_t record_store_generation(const RecordStore *store)
{
        return store->generation;
}

void record_store_open_ahead(RecordStore *store)
{
        if (store->is_opening || record_store_is_open(store))
                return;
        store->is_opening = lane_submit(store->lane, &store->opening) >= 0;
}

void record_store_used(RecordStore *store)
{
        if (!record_store_is_open(store))
                return;
        /* What has been open for a while already does not get more time by another call. */
        if (store->gives_way && sd_event_source_get_enabled(store->linger_event_source, NULL) > 0)
                return;
        (void) sd_event_source_set_time_relative(store->linger_event_source,
                        store->gives_way ? RECORD_STORE_GIVE_WAY_USEC : RECORD_STORE_LINGER_USEC);
        (void) sd_event_source_set_enabled(store->linger_event_source, SD_EVENT_ONESHOT);
}

void record_store_set_gives_way(RecordStore *store, bool gives_way)
{
        store->gives_way = gives_way;
}

void record_store_release(RecordStore *store)
{
        (void) sd_event_source_set_enabled(store->linger_event_source, SD_EVENT_OFF);
        if (store->releasing)
                return;
        store->releasing = true;
        lane_submit_first(store->lane, &store->release);
}

void record_store_let_go_of_deleted(RecordStore *store)
{
        atomic_store(&store->wal_deleted, true);
        record_store_release(store);
}

void record_store_stop(RecordStore *store)
{
        progress_cancel(&store->progress);
        record_store_release(store);
}

bool record_store_is_open(const RecordStore *store)
{
        return store->releasing || store->is_opening || atomic_load(&store->open);
}

const char *record_store_path(const RecordStore *store)
{
        return store->path;
}

Gate *record_store_gate(RecordStore *store)
{
        return store->gate;
}

void record_store_set_on_released(RecordStore *store, void (*on_released)(void *userdata), void *userdata)
{
        store->on_released = on_released;
        store->on_released_userdata = userdata;
}
