/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of this room share: a directory that is gone after each test, and the application's side of
 * the database, opened with plain SQLite as any other program would. Failures end the test. */

/* cmocka.h wants these four before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <sys/types.h>

#include "database/connection/connection.h"

/* Tables with the names of the pragmas that are asked as tables. */
#define FIXTURE_PRAGMA_NAMES                                                          \
        "CREATE TABLE pragma_foreign_key_list(x); CREATE TABLE pragma_index_info(x);" \
        "CREATE TABLE pragma_index_list(x); CREATE TABLE pragma_index_xinfo(x);"      \
        "CREATE TABLE pragma_table_info(x); CREATE TABLE pragma_table_list(x);"       \
        "CREATE TABLE pragma_table_xinfo(x);"

/* For cmocka_unit_test_setup_teardown(). The state is the directory's path. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* A path in that directory, valid until the teardown. */
const char *fixture_path(const char *name);

/* Opens (and creates) a database the way an application does. Its randomblob() gives the same bytes at each
 * run. */
sqlite3 *fixture_open(const char *path);
void fixture_close(sqlite3 *handle);
void fixture_execute(sqlite3 *handle, const char *sql);
int64_t fixture_integer(sqlite3 *handle, const char *sql);

/* Makes the word "table" of one row of the schema a blob: to SQLite it is still a table. */
void fixture_blur_type(sqlite3 *handle, const char *table);

/* The service's own way. */
Connection *fixture_connect(const char *path, ConnectionMode mode);

/* Creates a WAL database whose commits are all still in its -wal, and which nobody has open. */
void fixture_create_with_wal(const char *path, const char *sql);

/* Creates a table `filler(id, body)` of about `n_bytes`, in a database in rollback mode, closed. */
void fixture_create_large(const char *path, uint64_t n_bytes);

/* Another process that has the database open in an idle connection, and says so before this returns. */
typedef struct FixtureChild {
        pid_t pid;
        int stop_fd; /* closing it ends the child */
} FixtureChild;

FixtureChild fixture_start_connection(const char *path);
void fixture_stop_connection(FixtureChild child);

/* Whole files. fixture_read() allocates. */
char *fixture_read(const char *path, size_t *ret_size);
void fixture_write(const char *path, const void *data, size_t size);
void fixture_overwrite(const char *path, uint64_t offset_bytes, const void *data, size_t size);
int64_t fixture_file_size(const char *path); /* -1 when there is no such file */

/* A shell command that must succeed. */
void fixture_run(const char *format, ...) _printf_(1, 2);

/* Mounts a tmpfs of `size_bytes` on a new directory below the fixture's, in a mount namespace of this
 * process alone; skips the test when not root. Gone with the teardown. */
const char *fixture_mount_small(size_t size_bytes);

/* The same with what is at `source`, a directory or a file, over the one at `path`. */
void fixture_bind(const char *source, const char *path);

/* The fault must have this code and a message that contains `words`; it is freed. */
void fixture_assert_fault(Fault *fault, FaultCode code, const char *words);
