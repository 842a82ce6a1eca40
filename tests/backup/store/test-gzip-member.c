/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../database/fixture.h"

#include <string.h>

#include "backup/store/gzip-member.h"

#define BLOCK_BYTES (64 * KIB)
#define ALIGNMENT_BYTES 4096

static Deflater *deflater;
static Inflater *inflater;
static unsigned char block[BLOCK_BYTES], member[GZIP_MEMBER_BOUND(BLOCK_BYTES, ALIGNMENT_BYTES)],
                again[BLOCK_BYTES];

/* Bytes that deflate can't make smaller; the same ones each time. */
static void fill_with_noise(size_t size)
{
        uint32_t state = 12345;

        for (size_t i = 0; i < size; i++) {
                state = state * UINT32_C(1664525) + UINT32_C(1013904223);
                block[i] = (unsigned char) (state >> 24);
        }
}

static size_t encode(size_t size, size_t alignment_bytes)
{
        size_t member_bytes;

        assert_int_equal(gzip_member_encode(deflater,
                                         block,
                                         size,
                                         alignment_bytes,
                                         member,
                                         sizeof member,
                                         &member_bytes),
                        0);
        return member_bytes;
}

static void assert_round_trip(size_t size, size_t alignment_bytes)
{
        size_t member_bytes = encode(size, alignment_bytes), block_bytes;

        if (alignment_bytes > 0)
                assert_int_equal(member_bytes % alignment_bytes, 0);
        assert_int_equal(gzip_member_stored_bytes(member, sizeof member), member_bytes);
        memset(again, 0xaa, sizeof again);
        assert_int_equal(gzip_member_decode(
                                         inflater, member, member_bytes, again, sizeof again, &block_bytes),
                        0);
        assert_int_equal(block_bytes, size);
        assert_memory_equal(again, block, size);
        fixture_write(fixture_path("member.gz"), member, member_bytes);
        fixture_write(fixture_path("block"), block, size);
        fixture_run("gunzip -c %s | cmp - %s", fixture_path("member.gz"), fixture_path("block"));
}

static void test_round_trip_of_every_kind_of_block(void **state)
{
        const size_t alignments_bytes[] = {0, ALIGNMENT_BYTES};

        for (size_t i = 0; i < ELEMENTSOF(alignments_bytes); i++) {
                memset(block, 0, sizeof block);
                assert_round_trip(0, alignments_bytes[i]);
                assert_round_trip(1, alignments_bytes[i]);
                assert_round_trip(BLOCK_BYTES, alignments_bytes[i]);
                fill_with_noise(BLOCK_BYTES);
                assert_round_trip(BLOCK_BYTES, alignments_bytes[i]);
                assert_round_trip(12345, alignments_bytes[i]);
        }
}

/* No padding, the three sizes in which its frame has no room, and the largest one. */
static void test_padding_of_every_size(void **state)
{
        unsigned char padding[ALIGNMENT_BYTES + GZIP_PADDING_FRAME_BYTES];

        assert_int_equal(gzip_padding_bytes(12345, 0), 0);
        for (size_t bytes = 0; bytes <= 2 * ALIGNMENT_BYTES; bytes++) {
                size_t padding_bytes = gzip_padding_bytes(bytes, ALIGNMENT_BYTES);

                assert_int_equal((bytes + padding_bytes) % ALIGNMENT_BYTES, 0);
                assert_true(padding_bytes == 0 || padding_bytes >= GZIP_PADDING_FRAME_BYTES);
                assert_true(padding_bytes < sizeof padding);
                memset(padding, 0xaa, sizeof padding);
                gzip_padding_put(padding, padding_bytes);
                assert_int_equal(padding[padding_bytes], 0xaa);
        }
        gzip_padding_put(padding, 0x123);
        assert_memory_equal(padding, "OP\x1f\x01\0", 5);
}

/* Blocks of noise of many sizes, so that the members miss whole blocks of the disk by every number of bytes.
 */
static void test_every_aligned_size_reads_back(void **state)
{
        fill_with_noise(BLOCK_BYTES);
        for (size_t size = 8000; size < 8000 + ALIGNMENT_BYTES + 8; size++) {
                size_t member_bytes = encode(size, ALIGNMENT_BYTES);

                assert_int_equal(member_bytes % ALIGNMENT_BYTES, 0);
                assert_int_equal(gzip_member_prove(inflater, member, member_bytes, block, size, again), 0);
        }
}

static void test_equal_blocks_give_equal_members(void **state)
{
        static unsigned char first[sizeof member];
        const size_t alignments_bytes[] = {0, ALIGNMENT_BYTES};

        fill_with_noise(BLOCK_BYTES);
        for (size_t i = 0; i < ELEMENTSOF(alignments_bytes); i++) {
                size_t first_bytes = encode(BLOCK_BYTES, alignments_bytes[i]);

                memcpy(first, member, first_bytes);
                memset(member, 0xaa, sizeof member);
                assert_int_equal(encode(BLOCK_BYTES, alignments_bytes[i]), first_bytes);
                assert_memory_equal(member, first, first_bytes);
        }
}

/* `deflated_from` is where the compressed data begins. */
static void assert_every_flipped_bit_is_noticed(size_t member_bytes, size_t deflated_from)
{
        size_t block_bytes;

        for (size_t bit = 0; bit < member_bytes * 8; bit++) {
                member[bit / 8] ^= (unsigned char) (1U << bit % 8);
                /* Deflate can say the same in two ways (a run of x at another distance, idle last bits). */
                if (gzip_member_decode(inflater, member, member_bytes, again, sizeof again, &block_bytes) >=
                                0) {
                        assert_in_range(bit / 8, deflated_from, member_bytes - 9);
                        assert_int_equal(block_bytes, 500);
                        assert_memory_equal(again, block, 500);
                }
                member[bit / 8] ^= (unsigned char) (1U << bit % 8);
        }
}

static void test_every_flipped_bit_is_noticed(void **state)
{
        size_t plain_bytes, aligned_bytes;

        fill_with_noise(200);
        memset(block + 200, 'x', 300);
        plain_bytes = encode(500, 0);
        assert_every_flipped_bit_is_noticed(plain_bytes, GZIP_MEMBER_HEADER_BYTES);
        aligned_bytes = encode(500, ALIGNMENT_BYTES);
        assert_int_equal(aligned_bytes, ALIGNMENT_BYTES);
        assert_every_flipped_bit_is_noticed(
                        aligned_bytes, GZIP_MEMBER_HEADER_BYTES + aligned_bytes - plain_bytes);
}

static void test_every_truncation_is_noticed(void **state)
{
        const size_t alignments_bytes[] = {0, ALIGNMENT_BYTES};

        fill_with_noise(500);
        for (size_t i = 0; i < ELEMENTSOF(alignments_bytes); i++) {
                size_t member_bytes = encode(500, alignments_bytes[i]), block_bytes;

                for (size_t size = 0; size < member_bytes; size++)
                        assert_int_equal(gzip_member_decode(inflater,
                                                         member,
                                                         size,
                                                         again,
                                                         sizeof again,
                                                         &block_bytes),
                                        -EBADMSG);
                for (size_t size = 0; size < GZIP_MEMBER_HEADER_BYTES; size++)
                        assert_int_equal(gzip_member_stored_bytes(member, size), 0);
        }
}

/* An extra field that reaches beyond the member, and one that leaves room for nothing else. */
static void test_padding_that_does_not_fit_is_refused(void **state)
{
        size_t member_bytes, block_bytes;

        memset(block, 'x', 500);
        member_bytes = encode(500, ALIGNMENT_BYTES);
        for (unsigned extra_bytes = 0; extra_bytes <= UINT16_MAX; extra_bytes++) {
                unsigned right_bytes = member[10] | (unsigned) member[11] << 8;
                unsigned char kept[2] = {member[10], member[11]};

                if (extra_bytes == right_bytes)
                        continue;
                member[10] = (unsigned char) extra_bytes;
                member[11] = (unsigned char) (extra_bytes >> 8);
                assert_int_equal(gzip_member_decode(inflater,
                                                 member,
                                                 member_bytes,
                                                 again,
                                                 sizeof again,
                                                 &block_bytes),
                                -EBADMSG);
                memcpy(member + 10, kept, sizeof kept);
        }
}

static void test_only_the_block_itself_is_proved(void **state)
{
        size_t member_bytes;

        fill_with_noise(500);
        member_bytes = encode(500, 0);
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
        member_bytes = encode(1000, 0);
        assert_int_equal(gzip_member_decode(inflater, member, member_bytes, again, 999, &block_bytes),
                        -EBADMSG);
        assert_int_equal(gzip_member_decode(inflater, member, member_bytes, again, 1000, &block_bytes), 0);
}

static int setup(void **state)
{
        return fixture_setup(state) < 0 || deflater_new(2, &deflater) < 0 ? -1 : inflater_new(&inflater);
}

static int teardown(void **state)
{
        deflater = deflater_free(deflater);
        inflater = inflater_free(inflater);
        return fixture_teardown(state);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_round_trip_of_every_kind_of_block),
                        cmocka_unit_test(test_padding_of_every_size),
                        cmocka_unit_test(test_every_aligned_size_reads_back),
                        cmocka_unit_test(test_equal_blocks_give_equal_members),
                        cmocka_unit_test(test_every_flipped_bit_is_noticed),
                        cmocka_unit_test(test_every_truncation_is_noticed),
                        cmocka_unit_test(test_padding_that_does_not_fit_is_refused),
                        cmocka_unit_test(test_only_the_block_itself_is_proved),
                        cmocka_unit_test(test_more_than_fits_is_refused),
        };

        return cmocka_run_group_tests_name("gzip-member", tests, setup, teardown);
}
