/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "age/bech32.h"
#include "age/key.h"

#define IDENTITY_EXAMPLE "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
#define RECIPIENT_EXAMPLE "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"

static int parse_text(const char *text, size_t size, AgeIdentities **ret, Fault *fault)
{
        assert_int_equal(age_identities_new(ret, fault), 0);
        return age_identities_parse(*ret, text, size, fault);
}

static void assert_refused(const char *text, size_t size, const char *words)
{
        _cleanup_(age_identities_freep) AgeIdentities *identities = NULL;
        _cleanup_fault_ Fault fault = {0};

        assert_true(parse_text(text, size, &identities, &fault) < 0);
        assert_int_equal(fault.code, FAULT_INVALID_ARGUMENT);
        assert_non_null(strstr(fault.message, words));
        assert_null(strstr(fault.message, "GFPYYSJZ"));
}

static void test_file_of_age_keygen(void **state)
{
        static const char text[] = "# created: 2026-01-24T01:46:21Z\n# public key: " RECIPIENT_EXAMPLE
                                   "\n" IDENTITY_EXAMPLE "\r\n\n  \n" IDENTITY_EXAMPLE;
        _cleanup_(age_identities_freep) AgeIdentities *identities = NULL;
        char spelling[AGE_RECIPIENT_TEXT_MAX], secret[AGE_IDENTITY_TEXT_MAX];

        assert_int_equal(parse_text(text, strlen(text), &identities, NULL), 0);
        assert_int_equal(identities->n_items, 2);
        age_recipient_format(&identities->items[0].recipient, spelling);
        assert_string_equal(spelling, RECIPIENT_EXAMPLE);
        age_identity_format(&identities->items[1], secret);
        assert_string_equal(secret, IDENTITY_EXAMPLE);
}

static void test_what_is_no_key_file(void **state)
{
        static const char with_nul[] = IDENTITY_EXAMPLE "\0\n";
        char many[17 * sizeof IDENTITY_EXAMPLE + 1] = "";

        assert_refused("", 0, "no identity");
        assert_refused("# nothing\n", 10, "no identity");
        assert_refused(RECIPIENT_EXAMPLE "\n", strlen(RECIPIENT_EXAMPLE) + 1, "Line 1");
        assert_refused("#\n x" IDENTITY_EXAMPLE, strlen(IDENTITY_EXAMPLE) + 4, "Line 2");
        assert_refused(with_nul, sizeof with_nul - 1, "Line 1");
        for (unsigned i = 0; i < 17; i++)
                (void) strcat(many, IDENTITY_EXAMPLE "\n");
        assert_refused(many, strlen(many), "more than 16");
}

static void test_recipients(void **state)
{
        AgeRecipients recipients = {0};
        AgeRecipient recipient;
        _cleanup_fault_ Fault fault = {0};
        _cleanup_free_ char *spelling = NULL;

        assert_false(age_recipients_any(NULL));
        assert_false(age_recipients_any(&recipients));
        assert_int_equal(age_recipient_parse(RECIPIENT_EXAMPLE, strlen(RECIPIENT_EXAMPLE), &recipient, NULL),
                        0);
        assert_int_equal(age_recipients_add(&recipients, &recipient, NULL), 0);
        assert_int_equal(age_recipients_add(&recipients, &recipient, NULL), 0);
        assert_int_equal(recipients.n_items, 1);
        assert_true(age_recipients_any(&recipients));
        for (unsigned i = 0; i < 15; i++) {
                recipient.point[0]++;
                assert_int_equal(age_recipients_add(&recipients, &recipient, NULL), 0);
        }
        recipient.point[0]++;
        assert_true(age_recipients_add(&recipients, &recipient, &fault) < 0);
        assert_int_equal(fault.code, FAULT_INVALID_ARGUMENT);
        recipients.n_items = 2;
        spelling = age_recipients_format(&recipients);
        assert_int_equal(strlen(spelling), 2 * strlen(RECIPIENT_EXAMPLE) + 1);
        assert_ptr_equal(strstr(spelling, RECIPIENT_EXAMPLE " age1"), spelling);
}

/* Spelt well, but nothing can be encrypted to it. */
static void test_recipient_of_low_order_is_refused(void **state)
{
        unsigned char point[AGE_KEY_BYTES] = {1};
        char text[AGE_RECIPIENT_TEXT_MAX];
        AgeRecipient recipient;

        age_bech32_encode("age", point, sizeof point, text);
        assert_true(age_recipient_parse(text, strlen(text), &recipient, NULL) < 0);
}

static void test_generated_identities_differ(void **state)
{
        AgeIdentity one, other;
        unsigned char point[AGE_KEY_BYTES];

        assert_int_equal(age_identity_generate(&one, NULL), 0);
        assert_int_equal(age_identity_generate(&other, NULL), 0);
        assert_memory_not_equal(one.secret, other.secret, sizeof one.secret);
        assert_int_equal(age_point(one.secret, point), 0);
        assert_memory_equal(point, one.recipient.point, sizeof point);
}

static void test_passphrase(void **state)
{
        _cleanup_(age_identities_freep) AgeIdentities *identities = NULL;
        char longest[AGE_PASSPHRASE_MAX_BYTES + 1];

        memset(longest, 'p', sizeof longest);
        assert_int_equal(age_identities_new(&identities, NULL), 0);
        assert_int_equal(age_identities_set_passphrase(identities, "two words\r\n", 11, NULL), 0);
        assert_string_equal(identities->passphrase, "two words");
        assert_int_equal(age_identities_set_passphrase(identities, longest, sizeof longest - 1, NULL), 0);
        assert_true(age_identities_set_passphrase(identities, longest, sizeof longest, NULL) < 0);
        assert_true(age_identities_set_passphrase(identities, "", 0, NULL) < 0);
        assert_true(age_identities_set_passphrase(identities, "\n", 1, NULL) < 0);
        assert_true(age_identities_set_passphrase(identities, "a\nb\n", 4, NULL) < 0);
        assert_true(age_identities_set_passphrase(identities, "a\0b", 3, NULL) < 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_file_of_age_keygen),
                        cmocka_unit_test(test_what_is_no_key_file),
                        cmocka_unit_test(test_recipients),
                        cmocka_unit_test(test_recipient_of_low_order_is_refused),
                        cmocka_unit_test(test_generated_identities_differ),
                        cmocka_unit_test(test_passphrase),
        };

        return cmocka_run_group_tests_name("age-key", tests, NULL, NULL);
}
