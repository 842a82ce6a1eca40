/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/gzip-member.h"

#include <string.h>

#define TRAILER_BYTES 8

/* gzip, deflate, FEXTRA; no time, no extra flags, Unix; 8 bytes extra: subfield OX of 4, the stored size. */
static const unsigned char header_start[16] = "\x1f\x8b\x08\x04"
                                              "\0\0\0\0\0\x03"
                                              "\x08\0"
                                              "OX\x04"; /* and the zero at the end of the literal */

static void put_u32(unsigned char *target, uint32_t value)
{
        for (unsigned i = 0; i < 4; i++)
                target[i] = (unsigned char) (value >> (8 * i));
}

static uint32_t get_u32(const unsigned char *source)
{
        uint32_t value = 0;

        for (unsigned i = 0; i < 4; i++)
                value |= (uint32_t) source[i] << (8 * i);
        return value;
}

int gzip_member_encode(Deflater *deflater,
                const void *block,
                size_t block_bytes,
                void *member,
                size_t capacity,
                size_t *ret_bytes)
{
        unsigned char *start = member, *trailer;
        size_t deflated_bytes;
        int r;

        r = deflater_run(deflater,
                        block,
                        block_bytes,
                        start + GZIP_MEMBER_HEADER_BYTES,
                        capacity - GZIP_MEMBER_HEADER_BYTES - TRAILER_BYTES,
                        &deflated_bytes);
        if (r < 0)
                return r;
        memcpy(start, header_start, sizeof header_start);
        *ret_bytes = GZIP_MEMBER_HEADER_BYTES + deflated_bytes + TRAILER_BYTES;
        put_u32(start + sizeof header_start, (uint32_t) *ret_bytes);
        trailer = start + GZIP_MEMBER_HEADER_BYTES + deflated_bytes;
        put_u32(trailer, deflate_checksum(block, block_bytes));
        put_u32(trailer + 4, (uint32_t) block_bytes);
        return 0;
}

size_t gzip_member_stored_bytes(const void *data, size_t size)
{
        if (size < GZIP_MEMBER_HEADER_BYTES || memcmp(data, header_start, sizeof header_start) != 0)
                return 0;
        return get_u32((const unsigned char *) data + sizeof header_start);
}

int gzip_member_decode(Inflater *inflater,
                const void *member,
                size_t member_bytes,
                void *block,
                size_t capacity,
                size_t *ret_bytes)
{
        const unsigned char *start = member, *trailer;
        size_t block_bytes;
        int r;

        if (member_bytes <= GZIP_MEMBER_HEADER_BYTES + TRAILER_BYTES ||
                        gzip_member_stored_bytes(member, member_bytes) != member_bytes)
                return -EBADMSG;
        trailer = start + member_bytes - TRAILER_BYTES;
        r = inflater_run(inflater,
                        start + GZIP_MEMBER_HEADER_BYTES,
                        member_bytes - GZIP_MEMBER_HEADER_BYTES - TRAILER_BYTES,
                        block,
                        capacity,
                        &block_bytes);
        if (r < 0)
                return r;
        if (get_u32(trailer) != deflate_checksum(block, block_bytes) || get_u32(trailer + 4) != block_bytes)
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
