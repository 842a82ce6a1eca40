/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../database/fixture.h"

#include <string.h>
#include <zlib.h>

#include "backup/store/deflate.h"

#define BLOCK_BYTES (64 * KIB)
#define CAPACITY_BYTES (BLOCK_BYTES + BLOCK_BYTES / 8 + 128)

static unsigned char block[BLOCK_BYTES], deflated[CAPACITY_BYTES], again[BLOCK_BYTES];

enum Content { ZEROS, TEXT, NOISE, N_CONTENTS };

static void fill(enum Content content)
{
        uint32_t state = 12345;

        for (size_t i = 0; i < BLOCK_BYTES; i++) {
                state = state * UINT32_C(1664525) + UINT32_C(1013904223);
                block[i] = content == ZEROS  ? 0
                           : content == TEXT ? (unsigned char) ("match nul victoire"[state >> 28])
                                             : (unsigned char) (state >> 24);
        }
}

static size_t inflate_with_zlib(size_t size)
{
        z_stream stream = {
                        .next_in = deflated,
                        .avail_in = (uInt) size,
                        .next_out = again,
                        .avail_out = BLOCK_BYTES,
        };

        assert_int_equal(inflateInit2(&stream, -MAX_WBITS), Z_OK);
        assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
        assert_int_equal(stream.avail_in, 0);
        assert_int_equal(inflateEnd(&stream), Z_OK);
        return stream.total_out;
}

/* Every level, by whichever library, and read back by both. */
static void test_every_level_gives_deflate_that_everybody_reads(void **state)
{
        static const size_t sizes[] = {0, 1, 4096, BLOCK_BYTES};
        _cleanup_(inflater_freep) Inflater *inflater = NULL;

        assert_int_equal(inflater_new(&inflater), 0);
        for (unsigned level = 0; level <= 9; level++) {
                _cleanup_(deflater_freep) Deflater *deflater = NULL;

                assert_int_equal(deflater_new(level, &deflater), 0);
                for (enum Content content = 0; content < N_CONTENTS; content++) {
                        fill(content);
                        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                                size_t size = 0, bytes = 0;

                                assert_int_equal(deflater_run(deflater,
                                                                 block,
                                                                 sizes[i],
                                                                 deflated,
                                                                 sizeof deflated,
                                                                 &bytes),
                                                0);
                                memset(again, 0xaa, sizeof again);
                                assert_int_equal(inflater_run(inflater,
                                                                 deflated,
                                                                 bytes,
                                                                 again,
                                                                 sizeof again,
                                                                 &size),
                                                0);
                                assert_int_equal(size, sizes[i]);
                                assert_memory_equal(again, block, size);
                                memset(again, 0xaa, sizeof again);
                                assert_int_equal(inflate_with_zlib(bytes), size);
                                assert_memory_equal(again, block, size);
                        }
                }
        }
}

static void test_a_higher_level_is_not_larger(void **state)
{
        static const unsigned levels[] = {1, 2, 6, 9};
        size_t last = SIZE_MAX;

        fill(TEXT);
        for (size_t i = 0; i < ELEMENTSOF(levels); i++) {
                _cleanup_(deflater_freep) Deflater *deflater = NULL;
                size_t bytes;

                assert_int_equal(deflater_new(levels[i], &deflater), 0);
                assert_int_equal(deflater_run(deflater,
                                                 block,
                                                 BLOCK_BYTES,
                                                 deflated,
                                                 sizeof deflated,
                                                 &bytes),
                                0);
                assert_in_range(bytes, 1, last + last / 10);
                last = bytes;
        }
        assert_true(last < BLOCK_BYTES * 3 / 4);
}

static void test_what_does_not_fit_is_told(void **state)
{
        _cleanup_(inflater_freep) Inflater *inflater = NULL;
        size_t bytes, size;

        assert_int_equal(inflater_new(&inflater), 0);
        for (unsigned level = 1; level <= 9; level += 4) {
                _cleanup_(deflater_freep) Deflater *deflater = NULL;

                assert_int_equal(deflater_new(level, &deflater), 0);
                fill(NOISE);
                assert_int_equal(deflater_run(deflater, block, BLOCK_BYTES, deflated, 1000, &bytes),
                                -ENOBUFS);
                fill(TEXT);
                assert_int_equal(deflater_run(deflater, block, 1000, deflated, sizeof deflated, &bytes), 0);
                assert_int_equal(inflater_run(inflater, deflated, bytes, again, 999, &size), -EBADMSG);
                assert_int_equal(inflater_run(inflater, deflated, bytes, again, 1000, &size), 0);
        }
}

static void test_what_is_not_one_whole_stream_is_refused(void **state)
{
        _cleanup_(inflater_freep) Inflater *inflater = NULL;
        _cleanup_(deflater_freep) Deflater *deflater = NULL;
        size_t bytes, size;

        assert_int_equal(inflater_new(&inflater), 0);
        assert_int_equal(deflater_new(2, &deflater), 0);
        fill(TEXT);
        assert_int_equal(deflater_run(deflater, block, 3000, deflated, sizeof deflated, &bytes), 0);
        for (size_t length = 0; length < bytes; length++)
                assert_int_equal(inflater_run(inflater, deflated, length, again, sizeof again, &size),
                                -EBADMSG);
        assert_int_equal(inflater_run(inflater, deflated, bytes + 1, again, sizeof again, &size), -EBADMSG);
        memset(deflated, 0xff, sizeof deflated);
        assert_int_equal(inflater_run(inflater, deflated, 100, again, sizeof again, &size), -EBADMSG);
}

/* https://reveng.sourceforge.io/crc-catalogue/: CRC-32/ISO-HDLC's check value. */
static void test_checksum(void **state)
{
        assert_int_equal(deflate_checksum("123456789", 9), 0xcbf43926);
        assert_int_equal(deflate_checksum("", 0), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_every_level_gives_deflate_that_everybody_reads),
                        cmocka_unit_test(test_a_higher_level_is_not_larger),
                        cmocka_unit_test(test_what_does_not_fit_is_told),
                        cmocka_unit_test(test_what_is_not_one_whole_stream_is_refused),
                        cmocka_unit_test(test_checksum),
        };

        return cmocka_run_group_tests_name("deflate", tests, NULL, NULL);
}
