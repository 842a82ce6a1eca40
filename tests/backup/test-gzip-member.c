/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../database/fixture.h"

#include <string.h>

#include "backup/gzip-member.h"

#define BLOCK_BYTES (64 * KIB)

static Deflater *deflater;
static Inflater *inflater;
static unsigned char block[BLOCK_BYTES], member[GZIP_MEMBER_BOUND(BLOCK_BYTES)], again[BLOCK_BYTES];

/* Bytes that deflate can't make smaller; the same ones each time. */
static void fill_with_noise(size_t size)
{
        uint32_t state = 12345;

        for (size_t i = 0; i < size; i++) {
                state = state * UINT32_C(1664525) + UINT32_C(1013904223);
                block[i] = (unsigned char) (state >> 24);
        }
}

static void assert_round_trip(size_t size)
{
        size_t member_bytes, block_bytes;

        assert_int_equal(gzip_member_encode(deflater, block, size, member, sizeof member, &member_bytes), 0);
        assert_int_equal(gzip_member_stored_bytes(member, sizeof member), member_bytes);
        memset(again, 0xaa, sizeof again);
        assert_int_equal(gzip_member_decode(
                                         inflater, member, member_bytes, again, sizeof again, &block_bytes),
                        0);
        assert_int_equal(block_bytes, size);
        assert_memory_equal(again, block, size);
}

static void test_round_trip_of_every_kind_of_block(void **state)
{
        memset(block, 0, sizeof block);
        assert_round_trip(0);
        assert_round_trip(1);
        assert_round_trip(BLOCK_BYTES);
        fill_with_noise(BLOCK_BYTES);
        assert_round_trip(BLOCK_BYTES);
        assert_round_trip(12345);
}

static void test_equal_blocks_give_equal_members(void **state)
{
        static unsigned char other[sizeof member];
        size_t member_bytes, other_bytes;

        fill_with_noise(BLOCK_BYTES);
        assert_int_equal(gzip_member_encode(
                                         deflater, block, BLOCK_BYTES, member, sizeof member, &member_bytes),
                        0);
        assert_int_equal(gzip_member_encode(deflater, block, BLOCK_BYTES, other, sizeof other, &other_bytes),
                        0);
        assert_int_equal(member_bytes, other_bytes);
        assert_memory_equal(member, other, member_bytes);
}

static void test_every_flipped_bit_is_noticed(void **state)
{
        size_t member_bytes, block_bytes;

        fill_with_noise(200);
        memset(block + 200, 'x', 300);
        assert_int_equal(gzip_member_encode(deflater, block, 500, member, sizeof member, &member_bytes), 0);
        for (size_t bit = 0; bit < member_bytes * 8; bit++) {
                member[bit / 8] ^= (unsigned char) (1U << bit % 8);
                /* Deflate can say the same in two ways (a run of x at another distance, idle last bits). */
                if (gzip_member_decode(inflater, member, member_bytes, again, sizeof again, &block_bytes) >=
                                0) {
                        assert_in_range(bit / 8, GZIP_MEMBER_HEADER_BYTES, member_bytes - 9);
                        assert_int_equal(block_bytes, 500);
                        assert_memory_equal(again, block, 500);
                }
                member[bit / 8] ^= (unsigned char) (1U << bit % 8);
        }
}

static void test_every_truncation_is_noticed(void **state)
{
        size_t member_bytes, block_bytes;

        fill_with_noise(500);
        assert_int_equal(gzip_member_encode(deflater, block, 500, member, sizeof member, &member_bytes), 0);
        for (size_t size = 0; size < member_bytes; size++)
                assert_int_equal(gzip_member_decode(
                                                 inflater, member, size, again, sizeof again, &block_bytes),
                                -EBADMSG);
        for (size_t size = 0; size < GZIP_MEMBER_HEADER_BYTES; size++)
                assert_int_equal(gzip_member_stored_bytes(member, size), 0);
}

static void test_only_the_block_itself_is_proved(void **state)
{
        size_t member_bytes;

        fill_with_noise(500);
        assert_int_equal(gzip_member_encode(deflater, block, 500, member, sizeof member, &member_bytes), 0);
        assert_int_equal(gzip_member_prove(inflater, member, member_bytes, block, 500, again), 0);
        assert_int_equal(gzip_member_prove(inflater, member, member_bytes, block, 499, again), -EBADMSG);
        assert_int_equal(gzip_member_prove(inflater, member, member_bytes, block, 501, again), -EBADMSG);
        block[499] ^= 1;
        assert_int_equal(gzip_member_prove(inflater, member, member_bytes, block, 500, again), -EBADMSG);
        block[499] ^= 1;
        member[member_bytes - 5] ^= 1;
        assert_int_equal(gzip_member_prove(inflater, member, member_bytes, block, 500, again), -EBADMSG);
}

static void test_more_than_fits_is_refused(void **state)
{
        size_t member_bytes, block_bytes;

        memset(block, 'x', 1000);
        assert_int_equal(gzip_member_encode(deflater, block, 1000, member, sizeof member, &member_bytes), 0);
        assert_int_equal(gzip_member_decode(inflater, member, member_bytes, again, 999, &block_bytes),
                        -EBADMSG);
        assert_int_equal(gzip_member_decode(inflater, member, member_bytes, again, 1000, &block_bytes), 0);
}

static int setup(void **state)
{
        return deflater_new(2, &deflater) < 0 ? -1 : inflater_new(&inflater);
}

static int teardown(void **state)
{
        deflater = deflater_free(deflater);
        inflater = inflater_free(inflater);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_round_trip_of_every_kind_of_block),
                        cmocka_unit_test(test_equal_blocks_give_equal_members),
                        cmocka_unit_test(test_every_flipped_bit_is_noticed),
                        cmocka_unit_test(test_every_truncation_is_noticed),
                        cmocka_unit_test(test_only_the_block_itself_is_proved),
                        cmocka_unit_test(test_more_than_fits_is_refused),
        };

        return cmocka_run_group_tests_name("gzip-member", tests, setup, teardown);
}
