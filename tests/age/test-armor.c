/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "age/armor.h"

#include <fcntl.h>
#include <string.h>

#include "../backup/backup-fixture.h"

#define START AGE_ARMOR_START "\n"
#define END "-----END AGE ENCRYPTED FILE-----\n"
#define FULL_LINE "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm"
#define FULL_TEXT "0123456789abcdef0123456789abcdef0123456789abcdef"

static int decode(const char *text, size_t size, char **ret, size_t *ret_size, Fault *fault)
{
        const char *source = fixture_path("armored"), *target = fixture_path("decoded");
        _cleanup_close_ int source_fd = -EBADF, target_fd = -EBADF;
        int r;

        fixture_write(source, text, size);
        source_fd = open(source, O_RDONLY | O_CLOEXEC);
        target_fd = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        r = age_armor_decode(source_fd, target_fd, &backup_fixture_progress, fault);
        if (r >= 0)
                *ret = fixture_read(target, ret_size);
        return r;
}

static void accept(const char *text, const char *expected)
{
        _cleanup_free_ char *content = NULL;
        _cleanup_fault_ Fault fault = {0};
        size_t size;

        if (decode(text, strlen(text), &content, &size, &fault) < 0)
                fail_msg("%s: %s", text, fault.message);
        assert_int_equal(size, strlen(expected));
        assert_memory_equal(content, expected, size);
}

static void refuse(const char *text)
{
        _cleanup_free_ char *content = NULL;
        Fault fault = {0};
        size_t size;

        if (decode(text, strlen(text), &content, &size, &fault) >= 0)
                fail_msg("Accepted: %s", text);
        fixture_assert_fault(&fault, FAULT_CORRUPT, "armor");
}

static void test_what_is_accepted(void **state)
{
        accept(START "aGVsbG8=\n" END, "hello");
        accept(START FULL_LINE "\n" END, FULL_TEXT);
        accept(START FULL_LINE "\n" FULL_LINE "\naGk=\n" END, FULL_TEXT FULL_TEXT "hi");
        accept(START "aGVsbG8h\n-----END AGE ENCRYPTED FILE-----", "hello!");
        accept("\n \t\r\n" START "aGVsbG8=\n" END " \n\t", "hello");
        accept(AGE_ARMOR_START "\r\naGVsbG8=\r\n-----END AGE ENCRYPTED FILE-----\r\n", "hello");
}

static void test_what_is_refused(void **state)
{
        refuse("");
        refuse(START);
        refuse(START "aGVsbG8=\n");
        refuse("aGVsbG8=\n" END);
        refuse("words before " START "aGVsbG8=\n" END);
        refuse(START "aGVsbG8=\n" END "words behind");
        refuse(START "aGVsbG8\n" END);                      /* no padding */
        refuse(START "aGVsbG9=\n" END);                     /* another spelling of the same bytes */
        refuse(START "aGVs bG8=\n" END);                    /* a space within */
        refuse(START "aGVsbG8=\n\n" END);                   /* an empty line */
        refuse(START "aGVsbG8h\naGVsbG8h\n" END);           /* a short line that is not the last */
        refuse(START FULL_LINE "aGVs\n" END);               /* a long line */
        refuse(START "aGk=\n" FULL_LINE "\n" END);          /* padding in the middle */
        refuse(AGE_ARMOR_START " \naGVsbG8=\n" END);        /* a space behind the first line */
        refuse(START START "aGVsbG8=\n" END);               /* begun twice */
        refuse("-----BEGIN AGE FILE-----\naGVsbG8=\n" END); /* another kind */
}

static void test_white_space_is_bounded(void **state)
{
        char text[4096];

        (void) snprintf(text, sizeof text, "%2000s" START "aGVsbG8=\n" END, "");
        refuse(text);
        (void) snprintf(text, sizeof text, START "aGVsbG8=\n" END "%2000s", "");
        refuse(text);
}

static void test_nul_bytes_are_damage(void **state)
{
        static const char text[] = START "aGVsbG8=\n\0" END;
        _cleanup_free_ char *content = NULL;
        Fault fault = {0};
        size_t size;

        assert_true(decode(text, sizeof text - 1, &content, &size, &fault) < 0);
        fixture_assert_fault(&fault, FAULT_CORRUPT, "armor");
}

/* More than fits into any buffer on the way. */
static void test_large_one(void **state)
{
        size_t n_lines = 5000, size;
        _cleanup_free_ char *text = malloc(n_lines * (sizeof FULL_LINE) + 256), *content = NULL;
        char *end = stpcpy(text, START);

        for (size_t i = 0; i < n_lines; i++)
                end = stpcpy(end, FULL_LINE "\n");
        end = stpcpy(end, END);
        assert_int_equal(decode(text, (size_t) (end - text), &content, &size, NULL), 0);
        assert_int_equal(size, n_lines * strlen(FULL_TEXT));
        for (size_t i = 0; i < size; i += strlen(FULL_TEXT))
                assert_memory_equal(content + i, FULL_TEXT, strlen(FULL_TEXT));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test_setup_teardown(test_what_is_accepted,
                                        backup_fixture_setup,
                                        backup_fixture_teardown),
                        cmocka_unit_test_setup_teardown(
                                        test_what_is_refused, backup_fixture_setup, backup_fixture_teardown),
                        cmocka_unit_test_setup_teardown(test_white_space_is_bounded,
                                        backup_fixture_setup,
                                        backup_fixture_teardown),
                        cmocka_unit_test_setup_teardown(test_nul_bytes_are_damage,
                                        backup_fixture_setup,
                                        backup_fixture_teardown),
                        cmocka_unit_test_setup_teardown(
                                        test_large_one, backup_fixture_setup, backup_fixture_teardown),
        };

        return cmocka_run_group_tests_name("age-armor", tests, NULL, NULL);
}
