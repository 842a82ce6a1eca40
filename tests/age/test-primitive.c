/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Each algorithm against the vectors of its own RFC, so that what age-stream.c builds stands on known
 * ground. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "age/primitive.h"

static size_t from_hex(const char *hex, unsigned char *ret)
{
        size_t n = strlen(hex) / 2;

        for (size_t i = 0; i < n; i++) {
                unsigned value;

                assert_int_equal(sscanf(hex + 2 * i, "%2x", &value), 1);
                ret[i] = (unsigned char) value;
        }
        return n;
}

static void assert_hex(const unsigned char *bytes, size_t size, const char *hex)
{
        unsigned char expected[256];

        assert_int_equal(from_hex(hex, expected), size);
        assert_memory_equal(bytes, expected, size);
}

/* RFC 5869, cases 1 and 3, cut to the 32 bytes that are asked for here. */
static void test_derive(void **state)
{
        unsigned char secret[22], salt[13], purpose[11] = {0}, key[AGE_KEY_BYTES];

        memset(secret, 0x0b, sizeof secret);
        (void) from_hex("000102030405060708090a0b0c", salt);
        (void) from_hex("f0f1f2f3f4f5f6f7f8f9", purpose);
        assert_int_equal(age_derive(secret, sizeof secret, salt, sizeof salt, (char *) purpose, key), 0);
        assert_hex(key, sizeof key, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
        assert_int_equal(age_derive(secret, sizeof secret, NULL, 0, "", key), 0);
        assert_hex(key, sizeof key, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

/* RFC 4231, case 3 with its key padded with zeros, as HMAC does itself. */
static void test_mac(void **state)
{
        unsigned char key[AGE_KEY_BYTES] = {0}, data[50], mac[AGE_KEY_BYTES];

        memset(key, 0xaa, 20);
        memset(data, 0xdd, sizeof data);
        assert_int_equal(age_mac(key, data, sizeof data, mac), 0);
        assert_hex(mac, sizeof mac, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
}

/* RFC 7748, section 6.1. */
static void test_agree(void **state)
{
        unsigned char alice[32], bob[32], point[32], shared[32]; /* of Alice the point is enough */

        (void) from_hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb", bob);
        assert_int_equal(age_point(bob, point), 0);
        assert_hex(point, sizeof point, "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
        (void) from_hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a", alice);
        assert_int_equal(age_agree(bob, alice, shared), 0);
        assert_hex(shared,
                        sizeof shared,
                        "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
}

/* All points of low order below 2^255: with each the result would be the same for every scalar. */
static void test_low_order(void **state)
{
        static const char *const points[] = {
                        "0000000000000000000000000000000000000000000000000000000000000000",
                        "0100000000000000000000000000000000000000000000000000000000000000",
                        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        };
        unsigned char scalar[32], point[32], shared[32];

        memset(scalar, 0x42, sizeof scalar);
        for (size_t i = 0; i < ELEMENTSOF(points); i++) {
                (void) from_hex(points[i], point);
                assert_int_equal(age_agree(scalar, point, shared), -EBADMSG);
        }
}

static void test_agreement_is_mutual(void **state)
{
        unsigned char a[32], b[32], a_point[32], b_point[32], one[32], other[32];

        assert_int_equal(age_random(a, sizeof a), 0);
        assert_int_equal(age_random(b, sizeof b), 0);
        assert_int_equal(age_point(a, a_point), 0);
        assert_int_equal(age_point(b, b_point), 0);
        assert_int_equal(age_agree(a, b_point, one), 0);
        assert_int_equal(age_agree(b, a_point, other), 0);
        assert_memory_equal(one, other, sizeof one);
}

static void test_sealing(void **state)
{
        unsigned char key[AGE_KEY_BYTES], nonce[AGE_NONCE_BYTES] = {1}, sealed[64 + AGE_TAG_BYTES],
                                          plain[64], again[64];

        memset(key, 7, sizeof key);
        for (size_t size = 0; size <= sizeof plain; size += 16) {
                memset(plain, 'x', sizeof plain);
                assert_int_equal(age_seal(key, nonce, plain, size, sealed), 0);
                assert_int_equal(age_open(key, nonce, sealed, size + AGE_TAG_BYTES, again), 0);
                assert_memory_equal(again, plain, size);
        }
}

/* Nothing of what is not proved may be seen. */
static void test_what_is_not_authentic_is_wiped(void **state)
{
        static const unsigned char zero[64];
        unsigned char key[AGE_KEY_BYTES], nonce[AGE_NONCE_BYTES] = {0}, sealed[64 + AGE_TAG_BYTES],
                                          plain[64], again[64];

        memset(key, 7, sizeof key);
        memset(plain, 'x', sizeof plain);
        assert_int_equal(age_seal(key, nonce, plain, sizeof plain, sealed), 0);
        for (size_t i = 0; i < sizeof sealed; i++) {
                memset(again, 'y', sizeof again);
                sealed[i] ^= 1;
                assert_int_equal(age_open(key, nonce, sealed, sizeof sealed, again), -EBADMSG);
                assert_memory_equal(again, zero, sizeof again);
                sealed[i] ^= 1;
        }
        assert_int_equal(age_open(key, nonce, sealed, AGE_TAG_BYTES - 1, again), -EBADMSG);
}

/* RFC 8439, section 2.8.2 has associated data, which age has not; what is left of it is the key stream. */
static void test_cipher_text(void **state)
{
        static const char text[] = "Ladies and Gentlemen of the class of '99: If I could offer you only one "
                                   "tip for the future, sunscreen would be it.";
        unsigned char key[AGE_KEY_BYTES], nonce[AGE_NONCE_BYTES], sealed[sizeof text - 1 + AGE_TAG_BYTES];

        for (unsigned i = 0; i < sizeof key; i++)
                key[i] = (unsigned char) (0x80 + i);
        (void) from_hex("070000004041424344454647", nonce);
        assert_int_equal(age_seal(key, nonce, text, sizeof text - 1, sealed), 0);
        assert_hex(sealed, 32, "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6");
}

/* Of a fixed salt, against another implementation (Python's hashlib.scrypt): N = 1024, r = 8, p = 1. */
static void test_stretch(void **state)
{
        unsigned char key[AGE_KEY_BYTES];

        assert_int_equal(age_stretch("password", "NaCl", 4, 10, key), 0);
        assert_hex(key, sizeof key, "27b418c674c769d12501fbb1f53bac32df6514c0f28d043872b148b348961a79");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_derive),
                        cmocka_unit_test(test_mac),
                        cmocka_unit_test(test_agree),
                        cmocka_unit_test(test_low_order),
                        cmocka_unit_test(test_agreement_is_mutual),
                        cmocka_unit_test(test_sealing),
                        cmocka_unit_test(test_what_is_not_authentic_is_wiped),
                        cmocka_unit_test(test_cipher_text),
                        cmocka_unit_test(test_stretch),
        };

        return cmocka_run_group_tests_name("age-primitive", tests, NULL, NULL);
}
