/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files of the caller's that go to the service as open descriptors, so that it reads and writes nothing that
 * the caller couldn't. What only somebody with the path can see is checked here. */

#include "ctl/call/session.h"

/* FAULT_NOT_SUPPORTED where descriptors can't travel: over ssh. `verb` is for the message. */
int passed_file_check_transport(const Session *session, const char *verb, Fault *fault);

/* Opens a regular file for reading, never waiting for what is none, and gives its absolute path with links
 * resolved; both are the caller's. "-" is standard input, whatever that is; it has no path, and a name for
 * messages in its place. */
int passed_file_open(const char *path, int *ret_fd, char **ret_path, Fault *fault);

/* FAULT_INVALID_ARGUMENT when a write-ahead log or a rollback journal with content lies beside the SQLite
 * file at `path` (links resolved): without it, the file is not what its application last saw. */
int passed_file_check_complete(const char *path, Fault *fault);

/* Puts --identity= and --passphrase-file= into an open a{sv}, as far as they were given. */
int passed_file_append_keys(const Session *session, sd_bus_message *call, Fault *fault);

/* Puts a descriptor into an open a{sv} as `key`. The message keeps a duplicate until it is freed. */
int passed_file_append(sd_bus_message *call, const char *key, int fd);

/* Puts where the data came from into an open a{sv}, for messages and the manifest: a name that is no UTF-8,
 * or has control characters, is spelled so that the bus and the service take it. */
int passed_file_append_name(sd_bus_message *call, const char *path);
