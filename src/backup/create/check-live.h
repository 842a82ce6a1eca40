/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The full check of the live database. Where there is room for it, a copy of one snapshot is checked: the
 * read transaction, which holds checkpoints back, is then as short as copying takes, and a copy can be
 * proved in the faster way (index-proof.h). Where there is none, and whenever the copy is not proved sound,
 * SQLite's own check of the database itself has the word: a copy that went wrong can cost time, but not a
 * verdict. Runs in a worker thread. */

#include "database/check/check.h"

/* As check_run_twice() on the live database. `directory_fd` and `directory_path` are the directory of the
 * backups, in which the copy lies meanwhile, under a name of unfinished.h; one call at a time. Begins steps
 * of `progress`. */
int check_live(const char *database_path,
                int directory_fd,
                const char *directory_path,
                unsigned threads,
                Progress *progress,
                CheckResult *ret,
                Fault *fault);
