/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/gzip-member.h"

#include <string.h>
#include <zlib.h>

#define TRAILER_BYTES 8
#define RAW_DEFLATE (-MAX_WBITS)
#define MEMORY_LEVEL 8 /* zlib's default */

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

static uint32_t checksum(const void *block, size_t block_bytes)
{
        return (uint32_t) crc32(crc32(0, NULL, 0), block, (uInt) block_bytes);
}

int gzip_member_encode(
                const void *block, size_t block_bytes, void *member, size_t capacity, size_t *ret_bytes)
{
        unsigned char *start = member;
        z_stream stream = {
                        .next_in = (void *) (uintptr_t) block, /* zlib reads only */
                        .avail_in = (uInt) block_bytes,
                        .next_out = start + GZIP_MEMBER_HEADER_BYTES,
                        .avail_out = (uInt) (capacity - GZIP_MEMBER_HEADER_BYTES - TRAILER_BYTES),
        };
        size_t deflated_bytes;
        int code;

        if (deflateInit2(&stream,
                            GZIP_MEMBER_LEVEL,
                            Z_DEFLATED,
                            RAW_DEFLATE,
                            MEMORY_LEVEL,
                            Z_DEFAULT_STRATEGY) != Z_OK)
                return -ENOMEM;
        code = deflate(&stream, Z_FINISH);
        deflated_bytes = stream.total_out;
        (void) deflateEnd(&stream);
        if (code != Z_STREAM_END)
                return -ENOMEM; /* can't be: the capacity covers the worst case */

        memcpy(start, header_start, sizeof header_start);
        *ret_bytes = GZIP_MEMBER_HEADER_BYTES + deflated_bytes + TRAILER_BYTES;
        put_u32(start + sizeof header_start, (uint32_t) *ret_bytes);
        put_u32(start + GZIP_MEMBER_HEADER_BYTES + deflated_bytes, checksum(block, block_bytes));
        put_u32(start + GZIP_MEMBER_HEADER_BYTES + deflated_bytes + 4, (uint32_t) block_bytes);
        return 0;
}

size_t gzip_member_stored_bytes(const void *data, size_t size)
{
        if (size < GZIP_MEMBER_HEADER_BYTES || memcmp(data, header_start, sizeof header_start) != 0)
                return 0;
        return get_u32((const unsigned char *) data + sizeof header_start);
}

int gzip_member_decode(
                const void *member, size_t member_bytes, void *block, size_t capacity, size_t *ret_bytes)
{
        const unsigned char *start = member, *trailer;
        z_stream stream = {0};
        size_t block_bytes;
        bool whole;
        int code;

        if (member_bytes <= GZIP_MEMBER_HEADER_BYTES + TRAILER_BYTES ||
                        gzip_member_stored_bytes(member, member_bytes) != member_bytes)
                return -EBADMSG;
        trailer = start + member_bytes - TRAILER_BYTES;
        stream.next_in = (void *) (uintptr_t) (start + GZIP_MEMBER_HEADER_BYTES);
        stream.avail_in = (uInt) (member_bytes - GZIP_MEMBER_HEADER_BYTES - TRAILER_BYTES);
        stream.next_out = block;
        stream.avail_out = (uInt) capacity;
        if (inflateInit2(&stream, RAW_DEFLATE) != Z_OK)
                return -ENOMEM;
        code = inflate(&stream, Z_FINISH);
        block_bytes = stream.total_out;
        whole = code == Z_STREAM_END && stream.avail_in == 0;
        (void) inflateEnd(&stream);
        if (code == Z_MEM_ERROR)
                return -ENOMEM;
        if (!whole || get_u32(trailer) != checksum(block, block_bytes) ||
                        get_u32(trailer + 4) != block_bytes)
                return -EBADMSG;
        *ret_bytes = block_bytes;
        return 0;
}
