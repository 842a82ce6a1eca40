/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The header of age files, stanzas included: what the specification calls right is opened, and each thing
 * that it calls wrong is refused. The headers are built here, line by line, with a right MAC where that is
 * not the point. */

#include "../database/fixture.h"

#include <string.h>

#include "age/stanza.h"

#define IDENTITY "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"

static const AgeFileKey file_key = {.bytes = "YELLOW SUBMARINE"};
static AgeIdentities *identities;
static char stanza[AGE_STANZA_TEXT_MAX + 1];

static int setup(void **state)
{
        size_t length;

        assert_int_equal(age_identities_new(&identities, NULL), 0);
        assert_int_equal(age_identities_parse(identities, IDENTITY, strlen(IDENTITY), NULL), 0);
        assert_int_equal(age_stanza_wrap(&identities->items[0].recipient, &file_key, stanza, &length), 0);
        stanza[length] = '\0';
        return 0;
}

static int teardown(void **state)
{
        identities = age_identities_free(identities);
        return 0;
}

/* A header of these stanzas, with its MAC, and "payload" behind it. */
static char *with_mac(const char *stanzas)
{
        unsigned char key[AGE_KEY_BYTES], mac[AGE_KEY_BYTES];
        char *text, spelling[64], *whole;
        size_t length;

        assert_true(asprintf(&text, AGE_VERSION_LINE "%s---", stanzas) > 0);
        assert_int_equal(age_derive(file_key.bytes, sizeof file_key.bytes, NULL, 0, "header", key), 0);
        assert_int_equal(age_mac(key, text, strlen(text), mac), 0);
        age_base64_encode(mac, sizeof mac, spelling, &length);
        assert_true(asprintf(&whole, "%s %.*s\npayload", text, (int) length, spelling) > 0);
        free(text);
        return whole;
}

static int open_text(const char *text, Fault *fault)
{
        AgeOpener opener = {.identities = identities};
        AgeFileKey found;
        size_t bytes;
        int r = age_header_open(text, strlen(text), &opener, &found, &bytes, fault);

        if (r < 0)
                return r;
        assert_memory_equal(&found, &file_key, sizeof found);
        assert_string_equal(text + bytes, "payload");
        return 0;
}

static void assert_opens(const char *stanzas)
{
        _cleanup_free_ char *text = with_mac(stanzas);
        _cleanup_fault_ Fault fault = {0};

        if (open_text(text, &fault) < 0)
                fail_msg("%s: %s", stanzas, fault.message);
}

static void assert_refused_text(const char *text, FaultCode code)
{
        _cleanup_fault_ Fault fault = {0};

        if (open_text(text, &fault) >= 0)
                fail_msg("taken: %s", text);
        if (fault.code != code)
                fail_msg("%s: %s", text, fault.message);
}

static void assert_refused(const char *stanzas, FaultCode code)
{
        _cleanup_free_ char *text = with_mac(stanzas);

        assert_refused_text(text, code);
}

/* The stanza with `what` in it replaced once. */
static const char *but(const char *what, const char *by)
{
        static char changed[2 * sizeof stanza];
        const char *found = strstr(stanza, what);

        assert_non_null(found);
        (void) snprintf(changed,
                        sizeof changed,
                        "%.*s%s%s",
                        (int) (found - stanza),
                        stanza,
                        by,
                        found + strlen(what));
        return changed;
}

static char *concatenate(const char *a, const char *b)
{
        char *both;

        assert_true(asprintf(&both, "%s%s", a, b) > 0);
        return both;
}

static void test_right_headers(void **state)
{
        static const char *const strangers[] = {
                        "-> grease-type and some arguments here too\n\n",
                        "-> grease\nAAAA\n",
                        "-> x25519 lower case is another type\n\n",
                        /* A full line, and the empty one that must follow it. */
                        "-> long\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n\n",
                        "-> long\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nAA\n",
        };

        assert_opens(stanza);
        for (size_t i = 0; i < ELEMENTSOF(strangers); i++) {
                _cleanup_free_ char *before = concatenate(strangers[i], stanza),
                                    *behind = concatenate(stanza, strangers[i]);

                assert_opens(before);
                assert_opens(behind);
        }
}

/* Ours among those of strangers. */
static void test_among_other_recipients(void **state)
{
        AgeIdentity stranger;
        AgeRecipients recipients = {0};
        AgeOpener opener = {.identities = identities};
        char header[AGE_HEADER_OWN_MAX_BYTES];
        AgeFileKey found;
        size_t size, bytes;

        for (unsigned i = 0; i < AGE_RECIPIENTS_MAX; i++) {
                assert_int_equal(age_identity_generate(&stranger, NULL), 0);
                recipients.items[i] = i == 9 ? identities->items[0].recipient : stranger.recipient;
        }
        recipients.n_items = AGE_RECIPIENTS_MAX;
        assert_int_equal(age_header_write(&recipients, &file_key, header, &size, NULL), 0);
        assert_int_equal(age_header_open(header, size, &opener, &found, &bytes, NULL), 0);
        assert_int_equal(bytes, size);
        assert_memory_equal(&found, &file_key, sizeof found);
        assert_int_equal(age_header_test(&recipients, identities, NULL), 0);
        recipients.n_items = 9;
        assert_int_equal(age_header_test(&recipients, identities, NULL), fault_errno(FAULT_KEY_UNAVAILABLE));
}

static void test_nobody_to_encrypt_to_is_refused(void **state)
{
        AgeRecipients nobody = {0}, mixed = {.n_items = 1, .passphrase = "p"};
        char header[AGE_HEADER_OWN_MAX_BYTES];
        size_t size;

        assert_int_equal(age_header_write(&nobody, &file_key, header, &size, NULL), -EINVAL);
        assert_int_equal(age_header_write(&mixed, &file_key, header, &size, NULL), -EINVAL);
}

static void test_no_match(void **state)
{
        AgeIdentity stranger;
        char other[AGE_STANZA_TEXT_MAX + 1];
        size_t length;

        assert_int_equal(age_identity_generate(&stranger, NULL), 0);
        assert_int_equal(age_stanza_wrap(&stranger.recipient, &file_key, other, &length), 0);
        other[length] = '\0';
        assert_refused(other, FAULT_KEY_UNAVAILABLE);
        assert_refused(but("X25519", "x25519"), FAULT_KEY_UNAVAILABLE);
        assert_refused("-> grease\n\n", FAULT_KEY_UNAVAILABLE);
}

static void test_wrong_x25519_stanzas(void **state)
{
        /* One byte less, one more, and a last character that has bits beyond the last byte. */
        char *share = stanza + strlen("-> X25519 "), *body = strchr(stanza, '\n') + 1;
        char was;

        assert_refused(but("-> X25519 ", "-> X25519 extra "), FAULT_CORRUPT);
        assert_refused(but("-> X25519 ", "-> X25519 A"), FAULT_CORRUPT);
        assert_refused("-> X25519\nAAAA\n", FAULT_CORRUPT);
        assert_refused(but("-> X25519 ", "-> X25519  "), FAULT_CORRUPT);
        assert_refused(but("\n", "=\n"), FAULT_CORRUPT);
        assert_refused(but("\n", " \n"), FAULT_CORRUPT);
        assert_refused(but("\n", "\r\n"), FAULT_CORRUPT);
        assert_refused(but(body, "AAAA\n"), FAULT_CORRUPT);
        assert_refused(but(body, "\n"), FAULT_CORRUPT);
        assert_refused(but(body, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"), FAULT_CORRUPT);

        was = share[42];
        share[42] = was == 'B' ? 'C' : 'B'; /* 43 digits have two bits to spare, which must be zero */
        assert_refused(stanza, FAULT_CORRUPT);
        share[42] = was;
        was = body[42];
        body[42] = 'B';
        assert_refused(stanza, FAULT_CORRUPT);
        body[42] = was;
        assert_opens(stanza);
}

/* The same key for everybody: the sender would not have to know the recipient. */
static void test_share_of_low_order_is_refused(void **state)
{
        char text[AGE_STANZA_TEXT_MAX];

        (void) snprintf(text,
                        sizeof text,
                        "-> X25519 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%s",
                        strchr(stanza, '\n'));
        assert_refused(text, FAULT_CORRUPT);
}

static void test_wrong_lines(void **state)
{
        static const char *const wrong[] = {
                        "",
                        "-> \n\n",
                        "->\n\n",
                        "-> a \n\n",
                        "-> a\x01\n\n",
                        "-> a\n",
                        "-> a\n\n\n",
                        "->a\n\n",
                        "-> a\nA\n",
                        "-> a\nAB\n",
                        "-> a\nAA==\n",
                        "-> a\n-AAA\n",
                        "-> a\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
                        "-> a\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n\n",
                        "-> a\nAAAA\nAAAA\n",
                        "hello\n",
                        " -> a\n\n",
        };

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                _cleanup_free_ char *behind = concatenate(stanza, wrong[i]);

                if (wrong[i][0])
                        assert_refused(behind, FAULT_CORRUPT);
                assert_refused(wrong[i], FAULT_CORRUPT);
        }
}

static void test_wrong_mac(void **state)
{
        _cleanup_free_ char *text = with_mac(stanza);
        char *mac = strstr(text, "--- ") + 4, was;

        was = mac[0];
        mac[0] = was == 'A' ? 'B' : 'A';
        assert_refused_text(text, FAULT_CORRUPT);
        mac[0] = was;
        was = mac[42];
        mac[42] = 'B'; /* the right bytes or not: it is no canonical spelling */
        assert_refused_text(text, FAULT_CORRUPT);
        mac[42] = was;
        mac[-1] = '-';
        assert_refused_text(text, FAULT_CORRUPT);
        mac[-1] = ' ';
        mac[43] = ' ';
        assert_refused_text(text, FAULT_CORRUPT);
        mac[43] = '\n';
        assert_int_equal(open_text(text, NULL), 0);
}

/* Also when an argument that nobody reads was changed. */
static void test_every_changed_byte_is_found(void **state)
{
        _cleanup_free_ char *both = concatenate("-> grease with arguments\nAAAA\n", stanza),
                            *text = with_mac(both);
        size_t end = (size_t) (strstr(text, "payload") - text);

        for (size_t i = 0; i < end; i++) {
                text[i] ^= 1;
                assert_true(open_text(text, NULL) < 0);
                text[i] ^= 1;
        }
}

static void test_every_truncation_is_found(void **state)
{
        _cleanup_free_ char *text = with_mac(stanza);
        AgeOpener opener = {.identities = identities};
        AgeFileKey found;
        size_t end = (size_t) (strstr(text, "payload") - text), bytes;

        for (size_t size = 0; size < end; size++) {
                _cleanup_fault_ Fault fault = {0};

                assert_true(age_header_open(text, size, &opener, &found, &bytes, &fault) < 0);
                assert_int_equal(fault.code, FAULT_CORRUPT);
        }
}

static void test_other_formats_are_told(void **state)
{
        assert_refused_text("age-encryption.org/v2\n-> a\n\n", FAULT_NOT_SUPPORTED);
        assert_refused_text("age-encryption.org/v1 \n-> a\n\n", FAULT_CORRUPT);
        assert_refused_text("age-encryption.org/v1\r\n-> a\n\n", FAULT_CORRUPT);
        assert_refused_text("SQLite format 3", FAULT_CORRUPT);
}

/* --- passphrases --- */

static void wrap_passphrase(unsigned log_work, char ret[static AGE_STANZA_TEXT_MAX + 1])
{
        size_t length;

        assert_int_equal(age_stanza_wrap_passphrase("password", log_work, &file_key, ret, &length), 0);
        ret[length] = '\0';
}

static void test_passphrase(void **state)
{
        char scrypt[AGE_STANZA_TEXT_MAX + 1];

        wrap_passphrase(10, scrypt);
        assert_refused(scrypt, FAULT_KEY_UNAVAILABLE);
        assert_int_equal(age_identities_set_passphrase(identities, "wrong", 5, NULL), 0);
        assert_refused(scrypt, FAULT_KEY_UNAVAILABLE);
        assert_int_equal(age_identities_set_passphrase(identities, "password", 8, NULL), 0);
        assert_opens(scrypt);
        assert_opens(stanza);
}

static void test_passphrase_stands_alone(void **state)
{
        char scrypt[AGE_STANZA_TEXT_MAX + 1];
        _cleanup_free_ char *before = NULL, *behind = NULL, *twice = NULL, *strange = NULL;

        assert_int_equal(age_identities_set_passphrase(identities, "password", 8, NULL), 0);
        wrap_passphrase(10, scrypt);
        before = concatenate(scrypt, stanza);
        behind = concatenate(stanza, scrypt);
        twice = concatenate(scrypt, scrypt);
        strange = concatenate(scrypt, "-> grease\n\n");
        assert_refused(before, FAULT_CORRUPT);
        assert_refused(behind, FAULT_CORRUPT);
        assert_refused(twice, FAULT_CORRUPT);
        assert_refused(strange, FAULT_CORRUPT);
}

static void test_wrong_passphrase_stanzas(void **state)
{
        static const struct {
                const char *work;
                FaultCode code;
        } cases[] = {
                        {" 010\n", FAULT_CORRUPT},
                        {" +10\n", FAULT_CORRUPT},
                        {" 10x\n", FAULT_CORRUPT},
                        {" 0\n", FAULT_CORRUPT},
                        {" aaaa\n", FAULT_CORRUPT},
                        {" -1\n", FAULT_CORRUPT},
                        {" 10 10\n", FAULT_CORRUPT},
                        {"\n", FAULT_CORRUPT},
                        {" 21\n", FAULT_NOT_SUPPORTED},
                        {" 18446744073709551626\n", FAULT_NOT_SUPPORTED},
        };
        char scrypt[AGE_STANZA_TEXT_MAX + 1];

        assert_int_equal(age_identities_set_passphrase(identities, "password", 8, NULL), 0);
        wrap_passphrase(10, scrypt);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char *rest = strstr(scrypt, " 10\n") + strlen(" 10\n");
                _cleanup_free_ char *text = NULL;

                assert_true(asprintf(&text,
                                            "%.*s%s%s",
                                            (int) (rest - strlen(" 10\n") - scrypt),
                                            scrypt,
                                            cases[i].work,
                                            rest) > 0);
                assert_refused(text, cases[i].code);
        }
        /* A salt of another size, and a body of one. */
        assert_refused("-> scrypt AAAA 10\nAAAA\n", FAULT_CORRUPT);
        (void) strcpy(strstr(scrypt, " 10\n") + strlen(" 10\n"), "AAAA\n");
        assert_refused(scrypt, FAULT_CORRUPT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_right_headers),
                        TEST(test_among_other_recipients),
                        TEST(test_nobody_to_encrypt_to_is_refused),
                        TEST(test_no_match),
                        TEST(test_wrong_x25519_stanzas),
                        TEST(test_share_of_low_order_is_refused),
                        TEST(test_wrong_lines),
                        TEST(test_wrong_mac),
                        TEST(test_every_changed_byte_is_found),
                        TEST(test_every_truncation_is_found),
                        TEST(test_other_formats_are_told),
                        TEST(test_passphrase),
                        TEST(test_passphrase_stands_alone),
                        TEST(test_wrong_passphrase_stanzas),
        };

        return cmocka_run_group_tests_name("age-header", tests, NULL, NULL);
}
