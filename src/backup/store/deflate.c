/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/store/deflate.h"

#include <zlib.h>

#include "config.h"
#if HAVE_ISAL
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#endif

#define RAW_DEFLATE (-MAX_WBITS)
#define MEMORY_LEVEL 8 /* zlib's default */

#if HAVE_ISAL
#define ISAL_LEVEL_MAX 3U

static const uint32_t level_buffer_bytes[] = {
                0, ISAL_DEF_LVL1_DEFAULT, ISAL_DEF_LVL2_DEFAULT, ISAL_DEF_LVL3_DEFAULT};
#endif

struct Deflater {
        bool with_zlib;
        z_stream zlib;
#if HAVE_ISAL
        unsigned level;
        unsigned char *level_buffer;
        struct isal_zstream isal;
#endif
};

struct Inflater {
#if HAVE_ISAL
        struct inflate_state isal;
#else
        bool begun;
        z_stream zlib;
#endif
};

Deflater *deflater_free(Deflater *deflater)
{
        if (!deflater)
                return NULL;
        if (deflater->with_zlib)
                (void) deflateEnd(&deflater->zlib);
#if HAVE_ISAL
        free(deflater->level_buffer);
#endif
        free(deflater);
        return NULL;
}

static int begin_zlib(Deflater *deflater, unsigned level)
{
        if (deflateInit2(&deflater->zlib,
                            (int) level,
                            Z_DEFLATED,
                            RAW_DEFLATE,
                            MEMORY_LEVEL,
                            Z_DEFAULT_STRATEGY) != Z_OK)
                return -ENOMEM;
        deflater->with_zlib = true;
        return 0;
}

int deflater_new(unsigned level, Deflater **ret)
{
        _cleanup_(deflater_freep) Deflater *deflater = calloc(1, sizeof *deflater);
        int r = 0;

        if (!deflater)
                return -ENOMEM;
        level = MAX_OF(level, 1U);
#if HAVE_ISAL
        deflater->level = level;
        if (level <= ISAL_LEVEL_MAX) {
                deflater->level_buffer = malloc(level_buffer_bytes[level]);
                if (!deflater->level_buffer)
                        return -ENOMEM;
        } else
                r = begin_zlib(deflater, level);
#else
        r = begin_zlib(deflater, level);
#endif
        if (r < 0)
                return r;
        *ret = TAKE_PTR(deflater);
        return 0;
}

static int run_zlib(Deflater *deflater,
                const void *data,
                size_t size,
                void *target,
                size_t capacity,
                size_t *ret_bytes)
{
        z_stream *stream = &deflater->zlib;

        if (deflateReset(stream) != Z_OK)
                return -ENOMEM;
        stream->next_in = (void *) (uintptr_t) data; /* zlib reads only */
        stream->avail_in = (uInt) size;
        stream->next_out = target;
        stream->avail_out = (uInt) capacity;
        if (deflate(stream, Z_FINISH) != Z_STREAM_END)
                return -ENOBUFS;
        *ret_bytes = stream->total_out;
        return 0;
}

int deflater_run(Deflater *deflater,
                const void *data,
                size_t size,
                void *target,
                size_t capacity,
                size_t *ret_bytes)
{
#if HAVE_ISAL
        struct isal_zstream *stream = &deflater->isal;

        if (!deflater->with_zlib) {
                isal_deflate_stateless_init(stream);
                stream->next_in = (void *) (uintptr_t) data; /* it reads only */
                stream->avail_in = (uint32_t) size;
                stream->next_out = target;
                stream->avail_out = (uint32_t) capacity;
                stream->end_of_stream = 1;
                stream->level = deflater->level;
                stream->level_buf = deflater->level_buffer;
                stream->level_buf_size = level_buffer_bytes[deflater->level];
                if (isal_deflate_stateless(stream) != COMP_OK)
                        return -ENOBUFS;
                *ret_bytes = stream->total_out;
                return 0;
        }
#endif
        return run_zlib(deflater, data, size, target, capacity, ret_bytes);
}

#if HAVE_ISAL

int inflater_new(Inflater **ret)
{
        Inflater *inflater = calloc(1, sizeof *inflater);

        if (!inflater)
                return -ENOMEM;
        *ret = inflater;
        return 0;
}

Inflater *inflater_free(Inflater *inflater)
{
        free(inflater);
        return NULL;
}

int inflater_run(Inflater *inflater,
                const void *data,
                size_t size,
                void *target,
                size_t capacity,
                size_t *ret_bytes)
{
        struct inflate_state *state = &inflater->isal;

        isal_inflate_init(state);
        state->next_in = (void *) (uintptr_t) data; /* it reads only */
        state->avail_in = (uint32_t) size;
        state->next_out = target;
        state->avail_out = (uint32_t) capacity;
        if (isal_inflate_stateless(state) != ISAL_DECOMP_OK || state->block_state != ISAL_BLOCK_FINISH ||
                        state->avail_in > 0)
                return -EBADMSG;
        *ret_bytes = state->total_out;
        return 0;
}

uint32_t deflate_checksum(const void *data, size_t size)
{
        return crc32_gzip_refl(0, data, size);
}

#else

int inflater_new(Inflater **ret)
{
        _cleanup_(inflater_freep) Inflater *inflater = calloc(1, sizeof *inflater);

        if (!inflater || inflateInit2(&inflater->zlib, RAW_DEFLATE) != Z_OK)
                return -ENOMEM;
        inflater->begun = true;
        *ret = TAKE_PTR(inflater);
        return 0;
}

Inflater *inflater_free(Inflater *inflater)
{
        if (inflater && inflater->begun)
                (void) inflateEnd(&inflater->zlib);
        free(inflater);
        return NULL;
}

int inflater_run(Inflater *inflater,
                const void *data,
                size_t size,
                void *target,
                size_t capacity,
                size_t *ret_bytes)
{
        z_stream *stream = &inflater->zlib;
        int code;

        if (inflateReset(stream) != Z_OK)
                return -ENOMEM;
        stream->next_in = (void *) (uintptr_t) data; /* zlib reads only */
        stream->avail_in = (uInt) size;
        stream->next_out = target;
        stream->avail_out = (uInt) capacity;
        code = inflate(stream, Z_FINISH);
        if (code == Z_MEM_ERROR)
                return -ENOMEM;
        if (code != Z_STREAM_END || stream->avail_in > 0)
                return -EBADMSG;
        *ret_bytes = stream->total_out;
        return 0;
}

uint32_t deflate_checksum(const void *data, size_t size)
{
        return (uint32_t) crc32(crc32(0, NULL, 0), data, (uInt) size);
}

#endif
