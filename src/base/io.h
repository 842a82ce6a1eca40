/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whole reads and writes over the kernel's partial ones. Plain negative errno: the caller knows which file
 * it was and says so in its fault. */

#include "base/macro.h"

/* Writes all of it, at the file position. */
int io_write_all(int fd, const void *data, size_t size);

/* The same at an offset, leaving the file position alone. */
int io_write_all_at(int fd, const void *data, size_t size, uint64_t offset_bytes);

/* Reads until `size` bytes or the end of the file; returns the bytes read in *ret. */
int io_read_full(int fd, void *data, size_t size, size_t *ret);

/* The same at an offset, leaving the file position alone. */
int io_read_full_at(int fd, void *data, size_t size, uint64_t offset_bytes, size_t *ret);

/* Reads a whole file below `directory_fd` (or an absolute path) into a NUL-terminated buffer, owned by the
 * caller. -EFBIG when it is larger than `limit_bytes`; -EINVAL when it is no regular file; -EAGAIN when it
 * grows meanwhile; -EISDIR and the like as open() and read() say. Never blocks on a FIFO. */
int io_read_file(int directory_fd, const char *name, size_t limit_bytes, char **ret, size_t *ret_size);
