/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "records/werkzeug-hash.h"

#include "werkzeug-vectors.h"

#define HEX_32 "8d49bf82b0cba5980e0c4fdef523dd94af57eb95e060d7c4cd8b9de69115d70b"

static bool verifies(const char *password, const char *text)
{
        WerkzeugHash hash;
        bool right;

        assert_int_equal(werkzeug_hash_parse(text, &hash), 0);
        assert_int_equal(werkzeug_hash_verify(&hash, password, strlen(password), &right), 0);
        return right;
}

static void test_what_hashlib_makes_verifies(void **state)
{
        assert_true(ELEMENTSOF(werkzeug_vectors) >= 18);
        for (size_t i = 0; i < ELEMENTSOF(werkzeug_vectors); i++) {
                assert_true(verifies(werkzeug_vectors[i].password, werkzeug_vectors[i].hash));
                assert_false(verifies("Secret", werkzeug_vectors[i].hash));
        }
}

static void test_one_wrong_digit_does_not(void **state)
{
        char text[256];

        assert_true(strlen(werkzeug_vectors[3].hash) < sizeof text);
        for (size_t from_end = 1; from_end <= 64; from_end += 9) {
                char *digit;

                (void) strcpy(text, werkzeug_vectors[3].hash);
                digit = text + strlen(text) - from_end;
                *digit = *digit == '0' ? '1' : '0';
                assert_false(verifies(werkzeug_vectors[3].password, text));
        }
}

static void test_other_forms_are_refused(void **state)
{
        static const char *const texts[] = {
                        "",
                        "secret",
                        "scrypt",
                        "pbkdf2:sha256$salt$" HEX_32,
                        "pbkdf2:sha256:1000$salt$",
                        "pbkdf2:sha256:1000$salt",
                        "pbkdf2:sha256:1000$$" HEX_32,
                        "pbkdf2:sha256:1000$salt$" HEX_32 "00",
                        "pbkdf2:sha256:1000$salt$8d",
                        "pbkdf2:sha256:1000$salt$G" HEX_32,
                        "pbkdf2:sha256:-1000$salt$" HEX_32,
                        "pbkdf2:sha256: 1000$salt$" HEX_32,
                        "pbkdf2:sha256:$salt$" HEX_32,
                        "pbkdf2:md5:1000$salt$8d49bf82b0cba5980e0c4fdef523dd94",
                        "sha256$salt$" HEX_32,
                        "scrypt:32768:8$salt$" HEX_32 HEX_32,
                        "scrypt:32768:8:1$salt$" HEX_32,
                        "scrypt:32768:8:1:1$salt$" HEX_32 HEX_32,
        };
        WerkzeugHash hash;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_int_equal(werkzeug_hash_parse(texts[i], &hash), -EINVAL);
}

/* What a hostile row could take memory or hours with. */
static void test_bounds(void **state)
{
        static const struct {
                const char *parameters;
                bool taken;
        } cases[] = {
                        {"scrypt:32768:8:1", true},
                        {"scrypt:2:1:1", true},
                        {"scrypt:32768:8:4", true},
                        {"scrypt:32768:8:5", false},   /* time */
                        {"scrypt:65536:8:1", false},   /* 64 MiB and a little */
                        {"scrypt:32768:15:1", true},   /* just below */
                        {"scrypt:1048576:8:1", false}, /* a GiB */
                        {"scrypt:1:8:1", false},       /* RFC 7914: larger than 1 */
                        {"scrypt:32767:8:1", false},   /* and a power of 2 */
                        {"scrypt:0:8:1", false},
                        {"scrypt:32768:0:1", false},
                        {"scrypt:32768:8:0", false},
                        {"scrypt:2:1048576:1048576", false},
                        {"scrypt:2:1:262144", true},
                        {"scrypt:18446744073709551616:8:1", false},
                        {"scrypt:4294967296:4294967296:1", false},
                        {"pbkdf2:sha512:1", true},
                        {"pbkdf2:sha512:2000000", true},
                        {"pbkdf2:sha512:2000001", false},
                        {"pbkdf2:sha512:0", false},
                        {"pbkdf2:sha512:18446744073709551617", false},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char text[256];
                WerkzeugHash hash;

                (void) snprintf(text, sizeof text, "%s$salt$%s", cases[i].parameters, HEX_32 HEX_32);
                assert_int_equal(werkzeug_hash_parse(text, &hash), cases[i].taken ? 0 : -EINVAL);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_what_hashlib_makes_verifies),
                        cmocka_unit_test(test_one_wrong_digit_does_not),
                        cmocka_unit_test(test_other_forms_are_refused),
                        cmocka_unit_test(test_bounds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
