/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <string.h>

#include "age/bech32.h"

#define LOWER "age"
#define UPPER "AGE-SECRET-KEY-"

/* The two examples of the specification, which belong together. */
#define IDENTITY_EXAMPLE "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
#define RECIPIENT_EXAMPLE "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"

static int decode(const char *text, const char *prefix)
{
        unsigned char decoded[32];

        return age_bech32_decode(text, strlen(text), prefix, decoded, sizeof decoded);
}

static void test_examples(void **state)
{
        unsigned char content[32];
        char text[AGE_BECH32_MAX(15, 32)];

        assert_int_equal(age_bech32_decode(IDENTITY_EXAMPLE, strlen(IDENTITY_EXAMPLE), UPPER, content, 32),
                        0);
        for (unsigned i = 0; i < sizeof content; i++)
                assert_int_equal(content[i], 0x42);
        age_bech32_encode(UPPER, content, sizeof content, text);
        assert_string_equal(text, IDENTITY_EXAMPLE);
        assert_int_equal(age_bech32_decode(RECIPIENT_EXAMPLE, strlen(RECIPIENT_EXAMPLE), LOWER, content, 32),
                        0);
        age_bech32_encode(LOWER, content, sizeof content, text);
        assert_string_equal(text, RECIPIENT_EXAMPLE);
}

static void test_round_trip_of_every_size(void **state)
{
        unsigned char content[AGE_BECH32_CONTENT_MAX_BYTES] = {0}, again[AGE_BECH32_CONTENT_MAX_BYTES];
        char text[AGE_BECH32_MAX(3, AGE_BECH32_CONTENT_MAX_BYTES)];

        for (size_t size = 0; size <= sizeof content; size++) {
                for (size_t i = 0; i < size; i++)
                        content[i] = (unsigned char) (37 * i + size);
                age_bech32_encode(LOWER, content, size, text);
                assert_int_equal(age_bech32_decode(text, strlen(text), LOWER, again, size), 0);
                assert_memory_equal(again, content, size);
                assert_int_equal(
                                age_bech32_decode(text, strlen(text), LOWER, again, size > 0 ? size - 1 : 1),
                                -EINVAL);
        }
}

static void test_every_changed_character_is_found(void **state)
{
        char text[] = RECIPIENT_EXAMPLE;

        for (size_t i = 0; text[i]; i++) {
                char was = text[i];

                for (unsigned c = 1; c < 256; c++) {
                        text[i] = (char) c;
                        if (text[i] != was)
                                assert_int_equal(decode(text, LOWER), -EINVAL);
                }
                text[i] = was;
        }
        assert_int_equal(decode(text, LOWER), 0);
}

static void test_other_case_is_refused(void **state)
{
        char recipient[] = RECIPIENT_EXAMPLE, identity[] = IDENTITY_EXAMPLE;

        for (size_t i = 0; recipient[i]; i++)
                recipient[i] = (char) toupper((unsigned char) recipient[i]);
        assert_int_equal(decode(recipient, LOWER), -EINVAL);
        for (size_t i = 0; identity[i]; i++)
                identity[i] = (char) tolower((unsigned char) identity[i]);
        assert_int_equal(decode(identity, UPPER), -EINVAL);
}

static void test_other_length_is_refused(void **state)
{
        assert_int_equal(decode("", LOWER), -EINVAL);
        assert_int_equal(decode("age1", LOWER), -EINVAL);
        assert_int_equal(decode(RECIPIENT_EXAMPLE "q", LOWER), -EINVAL);
        assert_int_equal(decode(RECIPIENT_EXAMPLE " ", LOWER), -EINVAL);
        assert_int_equal(decode(IDENTITY_EXAMPLE, LOWER), -EINVAL);
        assert_int_equal(decode(RECIPIENT_EXAMPLE, UPPER), -EINVAL);
}

static unsigned polymod(const unsigned char *values, size_t n)
{
        static const unsigned generator[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
        unsigned state = 1;

        for (size_t i = 0; i < n; i++) {
                unsigned top = state >> 25;

                state = (state & 0x1ffffff) << 5 ^ values[i];
                for (unsigned k = 0; k < 5; k++)
                        if (top >> k & 1)
                                state ^= generator[k];
        }
        return state;
}

/* A checksum that fits does not make two spellings of one key right. */
static void test_padding_that_is_not_zero_is_refused(void **state)
{
        static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
        unsigned char values[7 + 52 + 6] = {3, 3, 3, 0, 'a' & 31, 'g' & 31, 'e' & 31};
        char text[4 + 52 + 6 + 1] = "age1";
        unsigned checksum;

        for (unsigned padding = 0; padding < 16; padding++) {
                values[7 + 51] = (unsigned char) padding; /* one bit of content, four of padding */
                memset(values + 7 + 52, 0, 6);
                checksum = polymod(values, sizeof values) ^ 1;
                for (unsigned i = 0; i < 6; i++)
                        values[7 + 52 + i] = checksum >> 5 * (5 - i) & 31;
                for (unsigned i = 0; i < 58; i++)
                        text[4 + i] = alphabet[values[7 + i]];
                assert_int_equal(decode(text, LOWER), padding == 0 ? 0 : -EINVAL);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_examples),
                        cmocka_unit_test(test_round_trip_of_every_size),
                        cmocka_unit_test(test_every_changed_character_is_found),
                        cmocka_unit_test(test_other_case_is_refused),
                        cmocka_unit_test(test_other_length_is_refused),
                        cmocka_unit_test(test_padding_that_is_not_zero_is_refused),
        };

        return cmocka_run_group_tests_name("age-bech32", tests, NULL, NULL);
}
