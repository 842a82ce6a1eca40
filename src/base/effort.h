/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How much of the machine one piece of work may take: set by the administrator, carried by value in every
 * request, so that a worker sees one state of it from start to end. All zero is a valid one: a single
 * thread, and the fastest compression. */

#include "base/macro.h"

#define EFFORT_THREADS_MAX 16 /* each takes a megabyte or two */
#define EFFORT_LEVEL_MAX 9

typedef struct Effort {
        unsigned threads;           /* 1 to EFFORT_THREADS_MAX; 0 counts as 1 */
        unsigned compression_level; /* 1 to EFFORT_LEVEL_MAX, as gzip counts; 0 counts as 1 */
        uint64_t bytes_per_second;  /* of the database that are stored, or of a stored file that are read; 0:
                                     * no  bound */
        uint64_t image_bytes;       /* what a stored file unpacks to by its manifest; 0: nobody knows */
        uint64_t image_max_bytes;   /* what a stored file of unknown size may unpack to; 0: no bound */
} Effort;
