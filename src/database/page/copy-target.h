/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The new file that a database's pages are written into, until SQLite opens it. */

#include "base/fault.h"

/* Written at once, and read at once: larger pieces were no faster, and leave the caches sooner. */
#define COPY_TARGET_CHUNK_BYTES (64 * KIB)

typedef struct CopyTarget {
        int fd;           /* open for reading and writing */
        const char *path; /* borrowed */
} CopyTarget;

/* Writes all of it. 1, or negative with a fault that names the file: NO_SPACE, IO, … */
int copy_target_write(const CopyTarget *target,
                const void *data,
                size_t n_bytes,
                uint64_t offset_bytes,
                Fault *fault);
