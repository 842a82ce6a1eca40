/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../database/fixture.h"

#include <string.h>

#include "crypt-count.h"
#include "records/password-hash.h"
#include "werkzeug-vectors.h"

/* bcrypt's lowest. */
#define COST 4

static PasswordVerdict verify(const char *password, const char *stored, unsigned cost)
{
        _cleanup_fault_ Fault fault = {0};
        PasswordVerdict verdict;

        assert_int_equal(password_verify(password, stored, cost, &verdict, &fault), 0);
        return verdict;
}

/* Published ones: the first three are crypt_blowfish's, then jBCrypt's and pyca/bcrypt's. */
static void test_published_vectors_verify(void **state)
{
        static const struct {
                const char *password;
                const char *hash;
        } vectors[] = {
                        {"U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
                        {"U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"},
                        {"U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"},
                        {"abc", "$2a$12$EXRkfkdmXn2gzds2SSitu.MW9.gAVqa9eLS1//RYtYCmB1eLHg.9q"},
                        {"Kk4DQuMMfZL9o", "$2b$04$cVWp4XaNU8a4v1uMRum2SO026BWLIoQMD/TXg5uZV.0P.uO8m3YEm"},
                        {"9IeRXmnGxMYbs", "$2b$04$pQ7gRO7e6wx/936oXhNjrOUNOHL1D0h1N2IDbJZYs.1ppzSof6SPy"},
                        {"xVQVbwa1S0M8r", "$2b$04$SQe9knOzepOVKoYXo9xTteNYr6MBwVz4tpriJVe3PNgYufGIsgKcW"},
        };

        for (size_t i = 0; i < ELEMENTSOF(vectors); i++) {
                assert_int_equal(password_format_of(vectors[i].hash), PASSWORD_BCRYPT);
                assert_true(verify(vectors[i].password, vectors[i].hash, COST).right);
                assert_false(verify("U*U ", vectors[i].hash, COST).right);
        }
}

static void test_a_new_hash_verifies_and_has_its_own_salt(void **state)
{
        _cleanup_fault_ Fault fault = {0};
        char first[PASSWORD_HASH_MAX], second[PASSWORD_HASH_MAX];

        assert_int_equal(password_hash("secret", COST, first, &fault), 0);
        assert_int_equal(password_hash("secret", COST, second, &fault), 0);
        assert_memory_equal(first, "$2b$04$", 7);
        assert_string_not_equal(first, second);
        assert_true(verify("secret", first, COST).right);
        assert_false(verify("Secret", first, COST).right);
        assert_string_equal(verify("secret", first, COST).replacement, "");
}

static void test_old_hashes_verify_and_are_replaced(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(werkzeug_vectors); i++) {
                PasswordVerdict verdict =
                                verify(werkzeug_vectors[i].password, werkzeug_vectors[i].hash, COST);

                assert_true(verdict.right);
                assert_true(verify(werkzeug_vectors[i].password, verdict.replacement, COST).right);
                verdict = verify("wrong", werkzeug_vectors[i].hash, COST);
                assert_false(verdict.right);
                assert_string_equal(verdict.replacement, "");
        }
}

static void test_plain_text_verifies_and_is_replaced(void **state)
{
        char long_text[PASSWORD_MAX_BYTES + 2] = {0};
        PasswordVerdict verdict = verify("motdepasse$1", "motdepasse$1", COST);

        assert_true(verdict.right);
        assert_int_equal(password_format_of(verdict.replacement), PASSWORD_BCRYPT);
        assert_false(verify("motdepasse$", "motdepasse$1", COST).right);
        assert_false(verify("motdepasse$12", "motdepasse$1", COST).right);

        /* The longest, and a row with one byte more. */
        (void) memset(long_text, 'x', PASSWORD_MAX_BYTES + 1);
        assert_false(verify("x", long_text, COST).right);
        long_text[PASSWORD_MAX_BYTES] = '\0';
        assert_true(verify(long_text, long_text, COST).right);
}

/* Who has seen the table must not be able to sign in with what is in it. */
static void test_a_hash_is_never_its_own_password(void **state)
{
        static const char *const hashes[] = {
                        "$2b$31$cVWp4XaNU8a4v1uMRum2SO026BWLIoQMD/TXg5uZV.0P.uO8m3YEm",
                        "$2b$04$cVWp4XaNU8a4v1uMRum2SO",
                        "$2x$04$cVWp4XaNU8a4v1uMRum2SO026BWLIoQMD/TXg5uZV.0P.uO8m3YEm",
                        "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/",
                        "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA",
                        "sha256$salt$8d49bf82",
                        "scrypt:1048576:8:1$salt$8d49bf82",
                        "pbkdf2_sha256$260000$salt$aGFzaA==",
        };

        for (size_t i = 0; i < ELEMENTSOF(hashes); i++) {
                assert_int_equal(password_format_of(hashes[i]), PASSWORD_UNKNOWN);
                assert_false(verify(hashes[i], hashes[i], COST).right);
        }
        assert_false(verify("x", "", COST).right);
        assert_false(verify("x", NULL, COST).right);
        assert_int_equal(password_format_of(""), PASSWORD_NONE);
        assert_int_equal(password_format_of(NULL), PASSWORD_NONE);
}

static void test_a_lower_cost_or_an_older_prefix_is_replaced(void **state)
{
        static const char low[] = "$2b$04$cVWp4XaNU8a4v1uMRum2SO026BWLIoQMD/TXg5uZV.0P.uO8m3YEm";
        char old[] = "$2a$04$cVWp4XaNU8a4v1uMRum2SO026BWLIoQMD/TXg5uZV.0P.uO8m3YEm";
        PasswordVerdict verdict = verify("Kk4DQuMMfZL9o", low, 5);

        assert_true(verdict.right);
        assert_memory_equal(verdict.replacement, "$2b$05$", 7);
        verdict = verify("Kk4DQuMMfZL9o", old, 4);
        assert_true(verdict.right);
        assert_memory_equal(verdict.replacement, "$2b$04$", 7);
        /* A higher one stays. */
        assert_string_equal(verify("Kk4DQuMMfZL9o", verdict.replacement, 4).replacement, "");
}

static void test_the_work_tells_nothing_of_the_account(void **state)
{
        static const char bcrypt[] = "$2b$04$cVWp4XaNU8a4v1uMRum2SO026BWLIoQMD/TXg5uZV.0P.uO8m3YEm";
        const char *const stored[] = {NULL,
                        "",
                        "plain",
                        bcrypt,
                        "$1$x$y",
                        werkzeug_vectors[1].hash,
                        werkzeug_vectors[2].hash};

        for (size_t i = 0; i < ELEMENTSOF(stored); i++) {
                crypt_count_reset();
                assert_false(verify("wrong", stored[i], 4).right);
                assert_int_equal(crypt_calls, 1);
                assert_int_equal(crypt_work, 1 << 4);
        }
        crypt_count_reset();
        assert_true(verify("Kk4DQuMMfZL9o", bcrypt, 4).right);
        assert_int_equal(crypt_work, 1 << 4);
        crypt_count_reset();
        assert_true(verify("plain", "plain", 4).right);
        assert_int_equal(crypt_work, 1 << 4);

        /* A lower cost takes no less than an unknown name does. */
        crypt_count_reset();
        assert_false(verify("wrong", bcrypt, 6).right);
        assert_int_equal(crypt_work, (1 << 4) + (1 << 6));
        /* A row can't ask for days. */
        crypt_count_reset();
        assert_false(verify("x", "$2b$31$cVWp4XaNU8a4v1uMRum2SO026BWLIoQMD/TXg5uZV.0P.uO8m3YEm", 4).right);
        assert_int_equal(crypt_work, 1 << 4);
}

static void refuse(const char *password, size_t size, const char *words)
{
        Fault fault = {0};

        assert_int_equal(password_check(password, size, &fault), -EINVAL);
        assert_null(size > 0 && strlen(password) > 1 ? strstr(fault.message, password) : NULL);
        fixture_assert_fault(&fault, FAULT_INVALID_ARGUMENT, words);
}

static void test_what_can_not_be_a_password(void **state)
{
        static const char *const broken[] = {"\xc3", "\xff\xff\xa3", "a\xc0\xaf", "\xed\xa0\x80 surrogate"};
        _cleanup_fault_ Fault fault = {0};
        char text[PASSWORD_MAX_BYTES + 2] = {0};

        (void) memset(text, 'x', PASSWORD_MAX_BYTES + 1);
        refuse(text, PASSWORD_MAX_BYTES + 1, "longer than 72 bytes");
        text[PASSWORD_MAX_BYTES] = '\0';
        assert_int_equal(password_check(text, PASSWORD_MAX_BYTES, &fault), 0);

        /* 36 letters of two bytes each, and one more. */
        for (size_t i = 0; i < PASSWORD_MAX_BYTES; i += 2)
                (void) memcpy(text + i, "é", 2);
        assert_int_equal(password_check(text, PASSWORD_MAX_BYTES, &fault), 0);
        text[PASSWORD_MAX_BYTES] = 'e';
        refuse(text, PASSWORD_MAX_BYTES + 1, "letters with accents take two");

        refuse("", 0, "empty");
        refuse("sec\0ret", 7, "NUL");
        for (size_t i = 0; i < ELEMENTSOF(broken); i++)
                refuse(broken[i], strlen(broken[i]), "UTF-8");
}

/* Both would be the same to bcrypt if it were asked. */
static void test_nothing_is_cut(void **state)
{
        _cleanup_fault_ Fault fault = {0};
        char text[PASSWORD_MAX_BYTES + 1] = {0}, hash[PASSWORD_HASH_MAX];

        (void) memset(text, 'x', PASSWORD_MAX_BYTES);
        assert_int_equal(password_hash(text, COST, hash, &fault), 0);
        assert_true(verify(text, hash, COST).right);
        text[PASSWORD_MAX_BYTES - 1] = 'y';
        assert_false(verify(text, hash, COST).right);
}

static void test_names_of_the_formats(void **state)
{
        assert_string_equal(password_format_to_string(password_format_of("x")), "plain");
        assert_string_equal(
                        password_format_to_string(password_format_of(werkzeug_vectors[0].hash)), "scrypt");
        assert_string_equal(
                        password_format_to_string(password_format_of(werkzeug_vectors[2].hash)), "pbkdf2");
        assert_null(password_format_to_string(_PASSWORD_FORMAT_INVALID));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_published_vectors_verify),
                        cmocka_unit_test(test_a_new_hash_verifies_and_has_its_own_salt),
                        cmocka_unit_test(test_old_hashes_verify_and_are_replaced),
                        cmocka_unit_test(test_plain_text_verifies_and_is_replaced),
                        cmocka_unit_test(test_a_hash_is_never_its_own_password),
                        cmocka_unit_test(test_a_lower_cost_or_an_older_prefix_is_replaced),
                        cmocka_unit_test(test_the_work_tells_nothing_of_the_account),
                        cmocka_unit_test(test_what_can_not_be_a_password),
                        cmocka_unit_test(test_nothing_is_cut),
                        cmocka_unit_test(test_names_of_the_formats),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
