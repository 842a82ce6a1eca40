/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One gzip member (RFC 1952) for one block of a database image: functions on buffers, so that any
 * thread can make or read any member. A member of ours carries its own stored size in an extra subfield
 * ("OX", 4 bytes, little-endian), so that a reader finds the next one without inflating this one; its header
 * holds no time, so that equal blocks give equal members. Where files are to share it, a second subfield
 * ("OP", zeros) makes it as long as whole blocks of the file system. */

#include "backup/store/deflate.h"

#define GZIP_MEMBER_HEADER_BYTES 20

/* The frame of the padding's subfield, and so the least padding but none. */
#define GZIP_PADDING_FRAME_BYTES 4

/* Room that a member of a block of `block_bytes` never exceeds: deflate's worst case, frame and padding. */
#define GZIP_MEMBER_BOUND(block_bytes, alignment_bytes) \
        ((block_bytes) + (block_bytes) / 8 + 128 + (alignment_bytes) + GZIP_PADDING_FRAME_BYTES)

/* How many bytes of padding, its frame included, `bytes` need to become a multiple of the alignment; none
 * where that is 0. */
size_t gzip_padding_bytes(size_t bytes, size_t alignment_bytes);

/* Writes so many bytes of padding, frame and zeros: nothing, or at least the frame. */
void gzip_padding_put(void *target, size_t padding_bytes);

/* Deflates a block into `member`, which has `capacity` bytes, at least the bound. Its size is a multiple of
 * `alignment_bytes`, unless that is 0. -ENOMEM. */
int gzip_member_encode(Deflater *deflater,
                const void *block,
                size_t block_bytes,
                size_t alignment_bytes,
                void *member,
                size_t capacity,
                size_t *ret_bytes);

/* The stored size of the member that starts at `data`, when its header is exactly one of ours; 0 when it
 * isn't, or when `size` is too small to tell. Nothing behind the header is looked at. */
size_t gzip_member_stored_bytes(const void *data, size_t size);

/* Inflates a whole member of ours of `member_bytes` into `block`. -EBADMSG when it is damaged in any way, or
 * holds more than `capacity`; -ENOMEM. */
int gzip_member_decode(Inflater *inflater,
                const void *member,
                size_t member_bytes,
                void *block,
                size_t capacity,
                size_t *ret_bytes);

/* Whether a whole member of ours is sound and holds exactly that block: what was deflated is proved before
 * it is written. `scratch` has room for `block_bytes`. -EBADMSG when it is not so, -ENOMEM. */
int gzip_member_prove(Inflater *inflater,
                const void *member,
                size_t member_bytes,
                const void *block,
                size_t block_bytes,
                void *scratch);
