/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of restoring share: a request on the live database of backup-fixture.h, and applications:
 * other processes with a connection of their own that stays open, each doing what the test tells it, when it
 * tells it. */

#include "backup-fixture.h"

#include "backup/restore/restore.h"

#define RESTORE_NOW_USEC UINT64_C(1769220000000000)
#define PRE_RESTORE_NAME "backup_20260124_020000"

/* After backup_fixture_setup(): state directory, quarantine. */
int restore_fixture_setup(void **state);
int restore_fixture_teardown(void **state);

const char *restore_fixture_state_directory(void);
const char *restore_fixture_quarantine(void);

/* Restores `source`, waiting for others for a quarter of a second at most. */
RestoreRequest restore_fixture_request(const Manifest *source);

/* A restore that must succeed. */
void restore_fixture_restore(const RestoreRequest *request, RestoreOutcome *ret);

/* A restore that must fail with this code and these words. */
void restore_fixture_refuse(const RestoreRequest *request, FaultCode code, const char *words);

/* First integer of a query on the live database (or another file), by a connection of the test's own. */
int64_t restore_fixture_query(const char *path, const char *sql);
void restore_fixture_execute(const char *path, const char *sql);

/* Number of folders in the quarantine; the path of a file in the only one. */
size_t restore_fixture_n_quarantined(void);
const char *restore_fixture_quarantined(const char *file);

/* Brings the fixture's database into this shape: its `users` are `n`, and it is closed. */
void restore_fixture_set_users(unsigned n);

typedef struct Application Application;

/* Another process that opens `path`, waits for no lock, and stays connected. */
Application *application_start(const char *path);

/* SQLite's result code. */
int application_execute(Application *application, const char *sql);

/* First integer of the first row; fails the test on any error. */
int64_t application_integer(Application *application, const char *sql);

pid_t application_pid(const Application *application);
void application_stop(Application *application);
