/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <time.h>

#include "base/timestamp.h"

#define MOMENT_USEC UINT64_C(1769219181123456) /* 2026-01-24 01:46:21.123456 UTC */

static void test_formats(void **state)
{
        char label[TIMESTAMP_LABEL_MAX], text[TIMESTAMP_RFC3339_MAX];

        assert_int_equal(timestamp_format_label(MOMENT_USEC, label), 0);
        assert_string_equal(label, "20260124_014621");
        assert_int_equal(timestamp_format_rfc3339(MOMENT_USEC, text), 0);
        assert_string_equal(text, "2026-01-24T01:46:21.123456Z");
        assert_int_equal(timestamp_format_rfc3339(0, text), 0);
        assert_string_equal(text, "1970-01-01T00:00:00.000000Z");
}

static void test_ends_with_the_year_9999(void **state)
{
        const uint64_t last_usec = UINT64_C(253402300799) * USEC_PER_SEC;
        char label[TIMESTAMP_LABEL_MAX], text[TIMESTAMP_RFC3339_MAX];

        assert_int_equal(timestamp_format_label(last_usec, label), 0);
        assert_string_equal(label, "99991231_235959");
        assert_int_equal(timestamp_format_label(last_usec + USEC_PER_SEC, label), -ERANGE);
        assert_int_equal(timestamp_format_rfc3339(last_usec + USEC_PER_SEC, text), -ERANGE);
        assert_int_equal(timestamp_format_label(UINT64_MAX, label), -ERANGE);
}

static void test_label_round_trip(void **state)
{
        uint64_t usec;

        assert_int_equal(timestamp_parse_label("20260124_014621", &usec), 0);
        assert_int_equal(usec, MOMENT_USEC / USEC_PER_SEC * USEC_PER_SEC);
        assert_int_equal(timestamp_parse_label("20260124_014621_and_more", &usec), 0);
        assert_int_equal(timestamp_parse_label("20240229_000000", &usec), 0);
}

static void test_wrong_labels(void **state)
{
        static const char *const labels[] = {
                        "",
                        "2026",
                        "20260124-014621",
                        "20260124_01462",
                        "2026012 _014621",
                        "20261324_014621",
                        "20260230_014621",
                        "20250229_014621",
                        "20260100_014621",
                        "20260124_244621",
                        "20260124_016021",
                        "20260124_014660",
                        "19691231_235959",
                        "-0260124_014621",
        };
        uint64_t usec = 7;

        for (size_t i = 0; i < ELEMENTSOF(labels); i++)
                assert_int_equal(timestamp_parse_label(labels[i], &usec), -EINVAL);
        assert_int_equal(usec, 7);
}

static void test_rfc3339_in_every_spelling(void **state)
{
        static const char *const texts[] = {
                        "2026-01-24T01:46:21.123456Z",
                        "2026-01-24t01:46:21.123456z",
                        "2026-01-24 01:46:21.123456",
                        "2026-01-24T01:46:21.1234569Z",
                        "2026-01-24T02:46:21.123456+01:00",
                        "2026-01-23T20:16:21.123456-05:30",
        };
        uint64_t usec;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                assert_int_equal(timestamp_parse_rfc3339(texts[i], &usec), 0);
                assert_int_equal(usec, MOMENT_USEC);
        }
        assert_int_equal(timestamp_parse_rfc3339("2026-01-24T01:46:21.5", &usec), 0);
        assert_int_equal(usec % USEC_PER_SEC, 500000);
}

static void test_wrong_rfc3339(void **state)
{
        static const char *const texts[] = {
                        "",
                        "2026-01-24",
                        "2026-01-24T01:46",
                        "2026-01-24T01:46:21.",
                        "2026-01-24T01:46:21.Z",
                        "2026-01-24T01:46:21ZZ",
                        "2026-01-24T01:46:21+0100",
                        "2026-01-24T01:46:21+24:00",
                        "2026-01-24T01:46:21 ",
                        "2026-02-30T01:46:21Z",
                        "2026-01-24x01:46:21Z",
                        "1970-01-01T00:00:00+01:00",
        };
        uint64_t usec;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_int_equal(timestamp_parse_rfc3339(texts[i], &usec), -EINVAL);
}

static void test_datetime_of_the_database(void **state)
{
        char text[TIMESTAMP_RFC3339_MAX];
        uint64_t usec;

        assert_int_equal(timestamp_format_datetime(MOMENT_USEC, text), 0);
        assert_string_equal(text, "2026-01-24 01:46:21.123456");
        assert_int_equal(timestamp_parse_rfc3339(text, &usec), 0);
        assert_int_equal(usec, MOMENT_USEC);
        assert_int_equal(timestamp_format_datetime(UINT64_MAX, text), -ERANGE);
}

/* Only where no zone is written. */
static void test_local_time(void **state)
{
        uint64_t usec;

        (void) setenv("TZ", "Europe/Paris", true);
        tzset();
        assert_int_equal(timestamp_parse_local("2026-01-24T02:46:21.123456", &usec), 0);
        assert_int_equal(usec, MOMENT_USEC);
        assert_int_equal(timestamp_parse_local("2026-01-24T01:46:21.123456Z", &usec), 0);
        assert_int_equal(usec, MOMENT_USEC);
        assert_int_equal(timestamp_parse_local("2026-01-24 01:46:21.123456+00:00", &usec), 0);
        assert_int_equal(usec, MOMENT_USEC);
        /* In summer, and in the hour that is skipped. */
        assert_int_equal(timestamp_parse_local("2026-07-24T03:16:00", &usec), 0);
        assert_int_equal(usec, UINT64_C(1784855760) * USEC_PER_SEC);
        assert_int_equal(timestamp_parse_local("2026-03-29T02:30:00", &usec), 0);
        assert_int_equal(timestamp_parse_local("2026-02-30T02:30:00", &usec), -EINVAL);
        assert_int_equal(timestamp_parse_local("1970-01-01T00:30:00", &usec), -EINVAL);
        (void) unsetenv("TZ");
        tzset();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_formats),
                        cmocka_unit_test(test_ends_with_the_year_9999),
                        cmocka_unit_test(test_label_round_trip),
                        cmocka_unit_test(test_wrong_labels),
                        cmocka_unit_test(test_rfc3339_in_every_spelling),
                        cmocka_unit_test(test_wrong_rfc3339),
                        cmocka_unit_test(test_datetime_of_the_database),
                        cmocka_unit_test(test_local_time),
        };

        return cmocka_run_group_tests_name("timestamp", tests, NULL, NULL);
}
