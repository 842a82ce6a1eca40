/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/base64.h"

/* RFC 4648, section 10. */
static const char *const vectors[][2] = {
                {"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="},
                {"fooba", "Zm9vYmE="},
                {"foobar", "Zm9vYmFy"},
                {"\xfb\xff\xbf", "+/+/"},
};

static void test_vectors(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(vectors); i++) {
                size_t size_bytes = strlen(vectors[i][0]), back_bytes = 99;
                char text[16] = {0};

                assert_int_equal(BASE64_LENGTH(size_bytes), strlen(vectors[i][1]));
                base64_encode(vectors[i][0], size_bytes, text);
                assert_string_equal(text, vectors[i][1]);
                assert_int_equal(base64_decode(text, strlen(text), &back_bytes), 0);
                assert_int_equal(back_bytes, size_bytes);
                assert_memory_equal(text, vectors[i][0], size_bytes);
        }
}

static void test_one_spelling_only(void **state)
{
        static const char *const wrong[] = {"Zg",
                        "Zg=",
                        "Z===",
                        "====",
                        "Zh==",
                        "Zm9=",
                        "Zm 9v",
                        "Zm9v\n",
                        "Zg==Zg==",
                        "-_-_",
                        "=Zg=",
                        "Zm9vA",
                        "Zm\x80v"};

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                char text[16];
                size_t size_bytes;

                (void) snprintf(text, sizeof text, "%s", wrong[i]);
                assert_int_equal(base64_decode(text, strlen(text), &size_bytes), -EINVAL);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_vectors),
                        cmocka_unit_test(test_one_spelling_only),
        };

        return cmocka_run_group_tests_name("database/json-base64", tests, NULL, NULL);
}
