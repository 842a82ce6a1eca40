/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/digest.h"

/* FIPS 180-4's examples. */
static const struct {
        const char *text;
        const char *hex;
} cases[] = {
                {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
                {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
                {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static void test_known_digests(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(digest_freep) Digest *digest = NULL;
                _cleanup_fault_ Fault fault = {0};
                char hex[DIGEST_HEX_MAX];

                assert_int_equal(digest_new(&digest, &fault), 0);
                assert_int_equal(digest_update(digest, cases[i].text, strlen(cases[i].text), &fault), 0);
                assert_int_equal(digest_finish(digest, hex, &fault), 0);
                assert_string_equal(hex, cases[i].hex);
        }
}

static void test_in_pieces(void **state)
{
        _cleanup_(digest_freep) Digest *digest = NULL;
        _cleanup_fault_ Fault fault = {0};
        char hex[DIGEST_HEX_MAX];

        assert_int_equal(digest_new(&digest, &fault), 0);
        for (const char *p = cases[2].text; *p; p++)
                assert_int_equal(digest_update(digest, p, 1, &fault), 0);
        assert_int_equal(digest_update(digest, "", 0, &fault), 0);
        assert_int_equal(digest_finish(digest, hex, &fault), 0);
        assert_string_equal(hex, cases[2].hex);
        assert_null(digest_free(NULL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_known_digests),
                        cmocka_unit_test(test_in_pieces),
        };

        return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
