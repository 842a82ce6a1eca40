/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <string.h>

#include "database/connection/newer-format.h"

static void test_every_header(void **state)
{
        static const struct {
                size_t offset;
                unsigned char value;
                bool newer;
        } cases[] = {
                        {19, 2, false},
                        {19, 3, true},
                        {19, 10, true},
                        {19, 11, false},
                        {19, 255, false},
                        {47, 4, false},
                        {47, 5, true},
                        {47, 13, false},
                        {44, 5, false},
                        {18, 3, false},
        };
        static const size_t others[] = {0, 15, 16, 21, 23, 56, 72, 91};
        unsigned char sound[NEWER_FORMAT_HEADER_BYTES] = "SQLite format 3";

        sound[16] = 16;
        sound[18] = sound[19] = 1;
        memcpy(sound + 21, "\x40\x20\x20", 3);
        sound[47] = 4;
        sound[59] = 1;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                unsigned char header[NEWER_FORMAT_HEADER_BYTES];

                memcpy(header, sound, sizeof header);
                header[cases[i].offset] = cases[i].value;
                assert_int_equal(newer_format_in(header), cases[i].newer);
        }
        /* Something else is wrong as well: that is damage. */
        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                unsigned char header[NEWER_FORMAT_HEADER_BYTES];

                memcpy(header, sound, sizeof header);
                header[19] = 3;
                header[others[i]] ^= 0x81;
                assert_false(newer_format_in(header));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_every_header),
        };

        return cmocka_run_group_tests_name("newer-format", tests, NULL, NULL);
}
