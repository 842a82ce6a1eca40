/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Deflate (RFC 1951) of one buffer into another, and the checksum that gzip puts beside it: the one place
 * that knows which library does the work. Intel's ISA-L does it where it was there at the build and the
 * level is one of its own (three times as fast as zlib, at a like size); zlib does the rest. What one writes
 * the other reads. An object belongs to one thread at a time. */

#include "base/macro.h"

typedef struct Deflater Deflater;
typedef struct Inflater Inflater;

/* `level` is 1 to 9, as gzip counts: 0 counts as 1. With ISA-L, 1 to 3 are its own levels and the rest
 * zlib's, so that a higher one is always slower and smaller. -ENOMEM. */
int deflater_new(unsigned level, Deflater **ret);
Deflater *deflater_free(Deflater *deflater);
DEFINE_CLEANUP(Deflater *, deflater_free);

/* One whole stream; the same bytes give the same ones each time. -ENOBUFS when it does not fit into
 * `capacity`. */
int deflater_run(Deflater *deflater,
                const void *data,
                size_t size,
                void *target,
                size_t capacity,
                size_t *ret_bytes);

int inflater_new(Inflater **ret);
Inflater *inflater_free(Inflater *inflater);
DEFINE_CLEANUP(Inflater *, inflater_free);

/* -EBADMSG when `data` is not exactly one whole stream, or one that gives more than `capacity`. */
int inflater_run(Inflater *inflater,
                const void *data,
                size_t size,
                void *target,
                size_t capacity,
                size_t *ret_bytes);

/* CRC-32 as gzip has it (RFC 1952). */
uint32_t deflate_checksum(const void *data, size_t size);
