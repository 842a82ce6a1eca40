/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <string.h>

#include "database/json/unicode.h"

static void test_valid_utf8(void **state)
{
        static const struct {
                const char *bytes;
                size_t size_bytes, valid_bytes;
        } expected[] = {
                        {"", 0, 0},
                        {"abc", 3, 3},
                        {"a\0b", 3, 3},
                        {"\xc3\xa9", 2, 2},
                        {"\xf0\x9f\x98\x80", 4, 4},
                        {"a\xc3", 2, 1},
                        {"a\xe2\x82", 3, 1},
                        {"\xf0\x9f\x98", 3, 0},
                        {"\xed\xa0\x80", 3, 0},
                        {"\xc0\x80", 2, 0},
                        {"ab\xff", 3, 2},
        };

        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                /* Exactly as large as said, so that a sanitizer sees a step beyond. */
                _cleanup_free_ char *copy = malloc(MAX_OF(expected[i].size_bytes, (size_t) 1));

                memcpy(copy, expected[i].bytes, expected[i].size_bytes);
                assert_int_equal(json_valid_utf8(copy, expected[i].size_bytes), expected[i].valid_bytes);
        }
}

/* The decoder is never asked beyond the end, though the memory there continues the character. */
static void test_character_across_the_end_is_not_valid(void **state)
{
        assert_int_equal(json_valid_utf8("a\xe2\x82\xac", 3), 1);
        assert_int_equal(json_valid_utf8("\xf0\x9f\x98\x80", 2), 0);
}

static void test_every_character_survives(void **state)
{
        for (uint32_t character = 0; character <= 0x10ffff; character++) {
                char text[4];
                size_t length;

                if (character >= 0xd800 && character <= 0xdfff)
                        continue;
                length = json_utf8_encode(character, text);
                assert_int_equal(json_valid_utf8(text, length), length);
        }
}

static void test_utf16(void **state)
{
        uint32_t character = 0;

        assert_int_equal(json_utf16_decode((const unsigned char *) "\xe9\x00", 2, JSON_UTF16LE, &character),
                        2);
        assert_int_equal(character, 0xe9);
        assert_int_equal(json_utf16_decode((const unsigned char *) "\x00\xe9", 2, JSON_UTF16BE, &character),
                        2);
        assert_int_equal(character, 0xe9);
        assert_int_equal(json_utf16_decode((const unsigned char *) "\x3d\xd8\x00\xde",
                                         4,
                                         JSON_UTF16LE,
                                         &character),
                        4);
        assert_int_equal(character, 0x1f600);
}

static void test_utf16_that_sqlite_would_change(void **state)
{
        static const struct {
                const char *bytes;
                size_t size_bytes;
        } wrong[] = {{"\x00\xd8", 2},
                        {"\x00\xdc", 2},
                        {"\x00\xd8\x41\x00", 4},
                        {"\xff\xff", 2},
                        {"\xfe\xff", 2},
                        {"A", 1}};
        uint32_t character;

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
                assert_int_equal(json_utf16_decode((const unsigned char *) wrong[i].bytes,
                                                 wrong[i].size_bytes,
                                                 JSON_UTF16LE,
                                                 &character),
                                0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_valid_utf8),
                        cmocka_unit_test(test_character_across_the_end_is_not_valid),
                        cmocka_unit_test(test_every_character_survives),
                        cmocka_unit_test(test_utf16),
                        cmocka_unit_test(test_utf16_that_sqlite_would_change),
        };

        return cmocka_run_group_tests_name("database/json-unicode", tests, NULL, NULL);
}
