/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-fixture.h"

#include <openssl/sha.h>
#include <string.h>

#include "backup/store/block-digest.h"

#define BLOCK BLOCK_DIGEST_BLOCK_BYTES
#define IMAGE_BYTES (3 * BLOCK + 1000)

static unsigned char image[IMAGE_BYTES];

/* As the header says that it is defined. */
static void expected_digest(size_t size, char ret_hex[static DIGEST_HEX_MAX])
{
        unsigned char digests[4 * SHA256_DIGEST_LENGTH], all[SHA256_DIGEST_LENGTH];
        size_t n = 0;

        for (size_t at = 0; at < size; at += BLOCK)
                (void) SHA256(image + at,
                                MIN_OF(size - at, (size_t) BLOCK),
                                digests + SHA256_DIGEST_LENGTH * n++);
        (void) SHA256(digests, n * SHA256_DIGEST_LENGTH, all);
        for (size_t i = 0; i < sizeof all; i++)
                (void) snprintf(ret_hex + 2 * i, 3, "%02x", all[i]);
}

static int setup(void **state)
{
        for (size_t i = 0; i < sizeof image; i++)
                image[i] = (unsigned char) (i * 31 + i / 256);
        return 0;
}

static void test_pieces_of_any_size(void **state)
{
        static const size_t sizes[] = {1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, IMAGE_BYTES},
                            pieces[] = {999, 4096, BLOCK - 1, BLOCK, BLOCK + 1, IMAGE_BYTES};

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++)
                for (size_t j = 0; j < ELEMENTSOF(pieces); j++) {
                        _cleanup_(block_digest_freep) BlockDigest *digest = NULL;
                        char expected[DIGEST_HEX_MAX], found[DIGEST_HEX_MAX];

                        assert_int_equal(block_digest_new(&digest, NULL), 0);
                        for (size_t at = 0; at < sizes[i]; at += pieces[j])
                                assert_int_equal(block_digest_update(digest,
                                                                 image + at,
                                                                 MIN_OF(sizes[i] - at, pieces[j]),
                                                                 NULL),
                                                0);
                        assert_int_equal(block_digest_at_block(digest), sizes[i] % BLOCK == 0);
                        assert_int_equal(block_digest_finish(digest, found, NULL), 0);
                        expected_digest(sizes[i], expected);
                        assert_string_equal(found, expected);
                }
}

static void test_blocks_that_were_digested_before(void **state)
{
        _cleanup_(block_digest_freep) BlockDigest *digest = NULL;
        unsigned char sha256[BLOCK_DIGEST_BYTES];
        char expected[DIGEST_HEX_MAX], found[DIGEST_HEX_MAX];

        assert_int_equal(block_digest_new(&digest, NULL), 0);
        assert_int_equal(block_digest_update(digest, image, BLOCK, NULL), 0);
        assert_true(block_digest_at_block(digest));
        (void) SHA256(image + BLOCK, BLOCK, sha256);
        assert_int_equal(block_digest_add(digest, sha256, NULL), 0);
        assert_int_equal(block_digest_update(digest, image + 2 * BLOCK, IMAGE_BYTES - 2 * BLOCK, NULL), 0);
        assert_int_equal(block_digest_finish(digest, found, NULL), 0);
        expected_digest(IMAGE_BYTES, expected);
        assert_string_equal(found, expected);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_pieces_of_any_size),
                        cmocka_unit_test(test_blocks_that_were_digested_before),
        };

        return cmocka_run_group_tests_name("block-digest", tests, setup, NULL);
}
