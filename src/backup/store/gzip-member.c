/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/store/gzip-member.h"

#include <string.h>

#define TRAILER_BYTES 8

/* gzip, deflate, FEXTRA; no time, no extra flags, Unix. Then come the length of the extra field, */
static const unsigned char header_start[10] = "\x1f\x8b\x08\x04\0\0\0\0\0\x03";
/* the stored size in its subfield, and what padding there is. */
static const unsigned char size_frame[4] = "OX\x04"; /* and the zero at the end of the literal */

#define SIZE_FIELD_BYTES 8

static void put(unsigned char *target, uint32_t value, unsigned n_bytes)
{
        for (unsigned i = 0; i < n_bytes; i++)
                target[i] = (unsigned char) (value >> (8 * i));
}

static uint32_t get(const unsigned char *source, unsigned n_bytes)
{
        uint32_t value = 0;

        for (unsigned i = 0; i < n_bytes; i++)
                value |= (uint32_t) source[i] << (8 * i);
        return value;
}

size_t gzip_padding_bytes(size_t bytes, size_t alignment_bytes)
{
        size_t missing;

        if (alignment_bytes == 0 || bytes % alignment_bytes == 0)
                return 0;
        missing = alignment_bytes - bytes % alignment_bytes;
        return missing < GZIP_PADDING_FRAME_BYTES ? missing + alignment_bytes : missing;
}

void gzip_padding_put(void *target, size_t padding_bytes)
{
        unsigned char *start = target;

        if (padding_bytes == 0)
                return;
        memset(start, 0, padding_bytes);
        memcpy(start, "OP", 2);
        put(start + 2, (uint32_t) (padding_bytes - GZIP_PADDING_FRAME_BYTES), 2);
}

static bool is_padding(const unsigned char *start, size_t padding_bytes)
{
        if (padding_bytes == 0)
                return true;
        if (memcmp(start, "OP", 2) != 0 || get(start + 2, 2) != padding_bytes - GZIP_PADDING_FRAME_BYTES)
                return false;
        for (size_t i = GZIP_PADDING_FRAME_BYTES; i < padding_bytes; i++)
                if (start[i] != 0)
                        return false;
        return true;
}

int gzip_member_encode(Deflater *deflater,
                const void *block,
                size_t block_bytes,
                size_t alignment_bytes,
                void *member,
                size_t capacity,
                size_t *ret_bytes)
{
        unsigned char *start = member, *after_header = start + GZIP_MEMBER_HEADER_BYTES, *trailer;
        size_t most_padding_bytes = alignment_bytes > 0 ? alignment_bytes + GZIP_PADDING_FRAME_BYTES : 0;
        size_t deflated_bytes, padding_bytes, member_bytes;
        int r;

        r = deflater_run(deflater,
                        block,
                        block_bytes,
                        after_header,
                        capacity - GZIP_MEMBER_HEADER_BYTES - most_padding_bytes - TRAILER_BYTES,
                        &deflated_bytes);
        if (r < 0)
                return r;
        member_bytes = GZIP_MEMBER_HEADER_BYTES + deflated_bytes + TRAILER_BYTES;
        padding_bytes = gzip_padding_bytes(member_bytes, alignment_bytes);
        member_bytes += padding_bytes;
        if (padding_bytes > 0)
                memmove(after_header + padding_bytes, after_header, deflated_bytes);

        memcpy(start, header_start, sizeof header_start);
        put(start + 10, (uint32_t) (SIZE_FIELD_BYTES + padding_bytes), 2);
        memcpy(start + 12, size_frame, sizeof size_frame);
        put(start + 16, (uint32_t) member_bytes, 4);
        gzip_padding_put(after_header, padding_bytes);
        trailer = start + member_bytes - TRAILER_BYTES;
        put(trailer, deflate_checksum(block, block_bytes), 4);
        put(trailer + 4, (uint32_t) block_bytes, 4);
        *ret_bytes = member_bytes;
        return 0;
}

/* Of a member whose header begins as ours do; where it's cut short, or its extra field has no room for what
 * we put there, false. */
static bool read_header(const unsigned char *start, size_t size, size_t *ret_member, size_t *ret_padding)
{
        size_t extra_bytes;

        if (size < GZIP_MEMBER_HEADER_BYTES || memcmp(start, header_start, sizeof header_start) != 0 ||
                        memcmp(start + 12, size_frame, sizeof size_frame) != 0)
                return false;
        extra_bytes = get(start + 10, 2);
        if (extra_bytes != SIZE_FIELD_BYTES && extra_bytes < SIZE_FIELD_BYTES + GZIP_PADDING_FRAME_BYTES)
                return false;
        *ret_member = get(start + 16, 4);
        *ret_padding = extra_bytes - SIZE_FIELD_BYTES;
        return true;
}

size_t gzip_member_stored_bytes(const void *data, size_t size)
{
        size_t member_bytes, padding_bytes;

        return read_header(data, size, &member_bytes, &padding_bytes) ? member_bytes : 0;
}

int gzip_member_decode(Inflater *inflater,
                const void *member,
                size_t member_bytes,
                void *block,
                size_t capacity,
                size_t *ret_bytes)
{
        const unsigned char *start = member, *trailer;
        size_t said_bytes, padding_bytes, header_bytes, block_bytes;
        int r;

        if (!read_header(start, member_bytes, &said_bytes, &padding_bytes) || said_bytes != member_bytes)
                return -EBADMSG;
        header_bytes = GZIP_MEMBER_HEADER_BYTES + padding_bytes;
        if (member_bytes <= header_bytes + TRAILER_BYTES ||
                        !is_padding(start + GZIP_MEMBER_HEADER_BYTES, padding_bytes))
                return -EBADMSG;
        trailer = start + member_bytes - TRAILER_BYTES;
        r = inflater_run(inflater,
                        start + header_bytes,
                        member_bytes - header_bytes - TRAILER_BYTES,
                        block,
                        capacity,
                        &block_bytes);
        if (r < 0)
                return r;
        if (get(trailer, 4) != deflate_checksum(block, block_bytes) || get(trailer + 4, 4) != block_bytes)
                return -EBADMSG;
        *ret_bytes = block_bytes;
        return 0;
}

int gzip_member_prove(Inflater *inflater,
                const void *member,
                size_t member_bytes,
                const void *block,
                size_t block_bytes,
                void *scratch)
{
        size_t found_bytes;
        int r = gzip_member_decode(inflater, member, member_bytes, scratch, block_bytes, &found_bytes);

        if (r < 0)
                return r;
        return found_bytes == block_bytes && memcmp(scratch, block, block_bytes) == 0 ? 0 : -EBADMSG;
}
