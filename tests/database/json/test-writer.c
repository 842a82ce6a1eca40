/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <math.h>
#include <string.h>
#include <sys/mman.h>

#include "base/io.h"
#include "database/json/writer.h"

typedef struct Sheet {
        int fd;
        JsonOutput *output;
} Sheet;

static Sheet sheet_open(void)
{
        Sheet sheet = {.fd = memfd_create("json", MFD_CLOEXEC)};

        assert_true(sheet.fd >= 0);
        assert_int_equal(json_output_new(sheet.fd, USEC_PER_SEC, NULL, &sheet.output, NULL), 0);
        return sheet;
}

static void sheet_assert(Sheet *sheet, const char *expected)
{
        size_t length = strlen(expected), n;
        _cleanup_free_ char *text = calloc(1, length + 2);

        json_output_flush(sheet->output);
        assert_int_equal(json_output_result(sheet->output, NULL), 0);
        assert_int_equal(sheet->output->written_bytes, length);
        assert_int_equal(io_read_full_at(sheet->fd, text, length + 1, 0, &n), 0);
        assert_string_equal(text, expected);
        sheet->output = json_output_free(sheet->output);
        (void) close(sheet->fd);
}

static void test_numbers(void **state)
{
        Sheet sheet = sheet_open();

        json_write_integer(sheet.output, INT64_MIN);
        json_output_put_text(sheet.output, " ");
        json_write_integer(sheet.output, INT64_MAX);
        json_output_put_text(sheet.output, " ");
        json_write_real(sheet.output, 2);
        json_write_real(sheet.output, INFINITY);
        json_write_real(sheet.output, -INFINITY);
        sheet_assert(&sheet,
                        "-9223372036854775808 9223372036854775807 2.0{\"real\":\"Infinity\"}"
                        "{\"real\":\"-Infinity\"}");
}

static void test_text_is_escaped(void **state)
{
        static const char text[] = "\"\\/\b\t\n\f\r\x01\x1f\x7f\0é\xe2\x80\xa8😀";
        Sheet sheet = sheet_open();

        json_write_text(sheet.output, text, sizeof text - 1, JSON_UTF8);
        sheet_assert(&sheet, "\"\\\"\\\\/\\b\\t\\n\\f\\r\\u0001\\u001f\x7f\\u0000é\xe2\x80\xa8😀\"");
}

static void test_other_bytes_are_marked(void **state)
{
        Sheet sheet = sheet_open();

        json_write_text(sheet.output,
                        "\xff"
                        "A",
                        2,
                        JSON_UTF8);
        json_write_text(sheet.output, NULL, 0, JSON_UTF8);
        json_write_blob(sheet.output, "\0\1", 2);
        json_write_blob(sheet.output, NULL, 0);
        json_write_text(sheet.output, "\x00\xd8", 2, JSON_UTF16LE);
        sheet_assert(&sheet, "{\"text\":\"/0E=\"}\"\"{\"blob\":\"AAE=\"}{\"blob\":\"\"}{\"text\":\"ANg=\"}");
}

static void test_utf16_becomes_utf8(void **state)
{
        Sheet sheet = sheet_open();

        json_write_text(sheet.output, "a\0\0\0\xe9\0\x3d\xd8\x00\xde\xff\xfe", 12, JSON_UTF16LE);
        json_write_text(sheet.output, "\0a\0\n", 4, JSON_UTF16BE);
        sheet_assert(&sheet, "\"a\\u0000é😀\xef\xbb\xbf\"\"a\\n\"");
}

static void test_long_utf16_is_converted_in_pieces(void **state)
{
        enum { N = 5000 };
        _cleanup_free_ char *units = malloc(2 * N), *expected = malloc(3 * N + 3);
        Sheet sheet = sheet_open();

        for (unsigned i = 0; i < N; i++) {
                memcpy(units + 2 * i, "\xac\x20", 2);
                memcpy(expected + 1 + 3 * i, "€", 3);
        }
        expected[0] = expected[3 * N + 1] = '"';
        expected[3 * N + 2] = '\0';
        json_write_text(sheet.output, units, 2 * N, JSON_UTF16LE);
        sheet_assert(&sheet, expected);
}

static void test_base64_in_pieces_is_that_of_the_whole(void **state)
{
        enum { N = 10000 };
        _cleanup_free_ char *bytes = calloc(1, N), *expected = calloc(1, N / 3 * 4 + 8);
        Sheet sheet = sheet_open();

        for (unsigned i = 0; i < (N + 2) / 3; i++)
                memcpy(expected + 4 * i, i < N / 3 ? "AAAA" : "AA==", 4);
        json_write_base64(sheet.output, bytes, N);
        sheet_assert(&sheet, expected);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_numbers),
                        cmocka_unit_test(test_text_is_escaped),
                        cmocka_unit_test(test_other_bytes_are_marked),
                        cmocka_unit_test(test_utf16_becomes_utf8),
                        cmocka_unit_test(test_long_utf16_is_converted_in_pieces),
                        cmocka_unit_test(test_base64_in_pieces_is_that_of_the_whole),
        };

        return cmocka_run_group_tests_name("database/json-writer", tests, NULL, NULL);
}
