/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An empty directory for one test, gone after it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* For cmocka_unit_test_setup_teardown(). */
int room_setup(void **state);
int room_teardown(void **state);

int room_fd(void);

/* A path in the directory, valid until the next call. */
const char *room_path(const char *name);

void room_write(const char *name, const char *text);

/* The whole content, owned by the caller. */
char *room_read(const char *name);

/* Number of files. */
size_t room_count(void);
