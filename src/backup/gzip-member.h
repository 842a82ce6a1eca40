/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One gzip member (RFC 1952) for one block of a database image: pure functions on buffers, so that any
 * thread can make or read any member. A member of ours carries its own stored size in an extra subfield
 * ("OX", 4 bytes, little-endian), so that a reader finds the next one without inflating this one; its header
 * holds no time, so that equal blocks give equal members. */

#include "base/macro.h"

#define GZIP_MEMBER_HEADER_BYTES 20

/* Measured in blocks of 64 KiB on the application's tables: level 6 takes twice the time of level 1 for a
 * file that is a tenth smaller (30 against 63 MiB/s, 45 against 50 % of the size), and a backup of a
 * gigabyte should not keep a processor busy for half a minute. */
#define GZIP_MEMBER_LEVEL 1

/* Room that a member of a block of `block_bytes` never exceeds: deflate's worst case and the frame. */
#define GZIP_MEMBER_BOUND(block_bytes) ((block_bytes) + (block_bytes) / 8 + 128)

/* Deflates a block into `member`, which has `capacity` bytes, at least the bound. -ENOMEM. */
int gzip_member_encode(
                const void *block, size_t block_bytes, void *member, size_t capacity, size_t *ret_bytes);

/* The stored size of the member that starts at `data`, when its header is exactly one of ours; 0 when it
 * isn't, or when `size` is too small to tell. Nothing behind the header is looked at. */
size_t gzip_member_stored_bytes(const void *data, size_t size);

/* Inflates a whole member of ours of `member_bytes` into `block`. -EBADMSG when it is damaged in any way, or
 * holds more than `capacity`; -ENOMEM. */
int gzip_member_decode(
                const void *member, size_t member_bytes, void *block, size_t capacity, size_t *ret_bytes);
