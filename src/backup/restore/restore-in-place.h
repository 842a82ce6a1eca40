/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The restore that nobody has to be stopped for: one write transaction on the live file, in which SQLite
 * itself puts the new pages. Everybody who is connected sees the old database until the commit, and the new
 * one from then on; a crash before the commit leaves the old one. */

#include "backup/restore/restore-source.h"

/* 0: the new database is in force; *outcome has method, quarantine (the files as they were at the last
 * moment) and the times. Negative: the old one is; or, where the commit itself failed, the
 * message says that nobody can tell, and the quarantine and last-restore.json stay. *ret_impossible then
 * says that this file can't be written through SQLite at all, whoever waits for whom: the caller may replace
 * it. */
int restore_in_place(const RestoreRequest *request,
                const RestoreSource *source,
                Progress *progress,
                RestoreOutcome *outcome,
                bool *ret_impossible,
                Fault *fault);
