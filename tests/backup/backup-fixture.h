/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of this room share: a live database and a directory for its backups, both gone after each
 * test, and the killing of a piece of work at each of its step points. Failures end the test. */

#include "../database/fixture.h"

#include "backup/create/create.h"

/* For cmocka_unit_test_setup_teardown(). */
int backup_fixture_setup(void **state);
int backup_fixture_teardown(void **state);

/* The live database: WAL, tables `users` (3 rows) and `alerts` (none). */
const char *backup_fixture_database(void);

/* The directory of the backups. backup_fixture_move() puts it elsewhere (on a small file system). */
int backup_fixture_fd(void);
const char *backup_fixture_directory(void);
void backup_fixture_move(const char *path);

/* A path in that directory, as fixture_path(). */
const char *backup_fixture_path(const char *file);

extern Progress backup_fixture_progress;

/* Writes a file two thirds of which can't be compressed, the same each time. */
void backup_fixture_make_image(const char *path, size_t size);

/* A request for a manual backup of that name; to be changed at will. */
CreateRequest backup_fixture_request(const char *name, Compression compression);

/* Makes a backup, which must succeed. */
Manifest *backup_fixture_create(const char *name, Compression compression);

/* All names in the directory, sorted, a space behind each. Owned by the caller. */
char *backup_fixture_names(void);

/* That these are they. */
void backup_fixture_assert_names(const char *wanted);

/* Opens the image of a backup of that database in clear with plain SQLite. */
void backup_fixture_assert_restorable(const Manifest *manifest);

/* Writes rubbish into a file there. */
void backup_fixture_damage(const char *file);

/* SHA-256 of a file there, as hex; valid until the next call. */
const char *backup_fixture_digest(const char *file);

/* Empties the directory of the backups. */
void backup_fixture_clear(void);

/* Runs `work` in a child once for each step point that it passes (N times for a point that it passes N
 * times), on a directory that `prepare` has filled anew, kills it there, and calls `check`. Skips the test
 * when the build has no step points. */
void backup_fixture_kill_everywhere(
                void (*prepare)(void), void (*work)(void), void (*check)(const char *point));

/* Runs `work` in a child up to a step point, calls `meddle` while it stands there, lets it go on, and
 * returns its exit status. Skips the test when the build has no step points. */
int backup_fixture_stop_at(const char *point, void (*work)(void), void (*meddle)(void));
