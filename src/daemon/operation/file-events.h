/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Wakes the loop when something may have happened to the database's file, or to the -wal and -shm beside it:
 * inotify on the files themselves for what is done to them (removed, moved, truncated, their mode), and on
 * the directory for what appears there. A handler only has the file looked at; see database-watch.h.
 *
 * Commits must not wake the loop one by one. In WAL mode with connections that stay open they cause no event
 * here. A rollback journal, a checkpoint, and a connection for each commit do: the first such event begins a
 * pause, in which only the files' own removal and mode are watched. At its end the files are looked at, and
 * while they keep changing another pause follows, up to eight seconds long. A file is never opened for this:
 * sd-event uses O_PATH, whose closing drops no locks. */

#include <sys/types.h>

#include "base/fault.h"

typedef struct FileEvents FileEvents;
typedef struct Manager Manager;

/* What commits change, one way or another. */
typedef struct FileTraces {
        ino_t side_inodes[2]; /* of -wal and -shm; 0 where there is none */
        int64_t wal_modified_nsec;
        uint64_t wal_bytes;
        ino_t inode;
        int64_t modified_nsec;
        uint64_t size_bytes;
        int64_t directory_modified_nsec;
} FileTraces;

int file_events_new(FileEvents **ret, Fault *fault);
FileEvents *file_events_free(FileEvents *events);

/* How long the next pause is, after so many. */
uint64_t file_events_pause_usec(unsigned n_pauses);

/* Begins. Negative when the directory can't be watched; the files are. */
int file_events_begin(Manager *manager, Fault *fault);

bool file_events_have_begun(const FileEvents *events);

/* From now on each commit counts; see first-rows.h. */
void file_events_watch_commits(Manager *manager);

/* Ends a pause, and watches the files that lie there now. Negative as above. */
int file_events_resume(Manager *manager);

/* Reads what is needed of the files' names. */
void file_events_trace(const Manager *manager, FileTraces *ret);

/* Whether the database was written to between the two. */
bool file_traces_tell_commit(const FileTraces *a, const FileTraces *b);
