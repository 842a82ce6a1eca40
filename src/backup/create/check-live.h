/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The full check of the live database. Where there is room for it, a copy of one snapshot is checked: the
 * read transaction, which holds checkpoints back, is then as short as copying takes, and a copy can be
 * proved in the faster way (index-proof.h). The copy is of what the disk holds, past the kernel's page cache
 * (raw-copy.h): what rots on the disk changes no time stamp, and whoever has the page in memory does not see
 * it. Where there is no room, and whenever the copy is not proved sound, SQLite's own check of the database
 * itself has the word: a copy that went wrong can cost time, but not a verdict. Runs in a worker thread. */

#include "database/check/check.h"

typedef struct LiveCheck {
        const char *database_path;
        int directory_fd; /* of the backups, in which the copy lies meanwhile, under a name of unfinished.h
                           */
        const char *directory_path; /* the same */
        unsigned threads;
        bool background; /* nobody waits for it: without room for the copy nothing is checked, and the copy
                          * is checked out of everybody's way (background.h) */
} LiveCheck;

/* As check_run_twice() on the live database; one call at a time. IO when the disk can't read the database,
 * and when it holds something damaged twice while SQLite's check of the database finds nothing: then the
 * kernel still has in memory what the disk has lost. With `background` NO_SPACE and whatever else keeps the
 * copy from being made. Begins steps of `progress`. */
int check_live(const LiveCheck *request, Progress *progress, CheckResult *ret, Fault *fault);
