/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <string.h>

#include "database/check/finding.h"

static const struct {
        const char *text;
        FindingKind kind;
        uint32_t page;
} cases[] = {
                /* a row that breaks a rule */
                {"NULL value in t.a", FINDING_RULE, 0},
                {"non-INT value in t.a", FINDING_RULE, 0},
                {"NUMERIC value in t.a", FINDING_RULE, 0},
                {"TEXT value in t.a", FINDING_RULE, 0},
                {"CHECK constraint failed in t", FINDING_RULE, 0},
                {"NULL value in Page 3.On tree page 4", FINDING_RULE, 0},
                /* indexes */
                {"row 3 missing from index i", FINDING_INDEX, 0},
                {"row 3 values differ from index i", FINDING_INDEX, 0},
                {"rowid not at end-of-record for row 7 of index i", FINDING_INDEX, 0},
                {"wrong # of entries in index sqlite_autoindex_t_1", FINDING_INDEX, 0},
                {"non-unique entry in index i", FINDING_RULE, 0},
                {"malformed inverted index for FTS5 table main.words", FINDING_INDEX, 0},
                {"malformed inverted index for FTS4 table main.words", FINDING_INDEX, 0},
                {"row 3 missing from index is never used", FINDING_INDEX, 0},
                /* free pages, in the words of 3.40 and those since */
                {"Main freelist: invalid page number 99", FINDING_FREE_PAGES, 0},
                {"Main freelist: size is 2 but should be 3", FINDING_FREE_PAGES, 0},
                {"Freelist: freelist leaf count too big on page 9", FINDING_FREE_PAGES, 0},
                {"Page 17 is never used", FINDING_FREE_PAGES, 0},
                {"Page 17: never used", FINDING_FREE_PAGES, 0},
                {"Pointer map page 2 is referenced", FINDING_FREE_PAGES, 0},
                {"Page 2: pointer map referenced", FINDING_FREE_PAGES, 0},
                {"max rootpage (4) disagrees with header (7)", FINDING_FREE_PAGES, 0},
                {"incremental_vacuum enabled with a max rootpage of zero", FINDING_FREE_PAGES, 0},
                {"Bad ptr map entry key=3 expected=(1,0) got=(2,0)", FINDING_FREE_PAGES, 0},
                {"On tree page 5 cell 3: Bad ptr map entry key=9 expected=(3,5) got=(0,0)",
                                FINDING_FREE_PAGES,
                                0},
                {"Tree 4 page 5 cell 3: Failed to read ptrmap key=9", FINDING_FREE_PAGES, 0},
                /* a page of something */
                {"On tree page 5 cell 3: Rowid 12 out of order", FINDING_PAGE, 5},
                {"On tree page 5 cell 3: 2nd reference to page 9", FINDING_PAGE, 5},
                {"On page 5 at right child: invalid page number 900", FINDING_PAGE, 5},
                {"Page 5: btreeInitPage() returns error code 11", FINDING_PAGE, 5},
                {"Page 5: free space corruption", FINDING_PAGE, 5},
                {"Tree 4 page 5 cell 3: Offset 9000 out of range 3..4096", FINDING_PAGE, 5},
                {"Tree 4 page 5 right child: Child page depth differs", FINDING_PAGE, 5},
                {"Tree 4 page 5: btreeInitPage() returns error code 11", FINDING_PAGE, 5},
                {"Multiple uses for byte 300 of page 5", FINDING_PAGE, 5},
                {"Fragmentation of 3 bytes reported as 0 on page 5", FINDING_PAGE, 5},
                {"Tree 4 page 5: Multiple uses for byte 300 of page 5", FINDING_PAGE, 5},
                /* what SQLite lacks */
                {"unable to validate the inverted index for FTS5 table main.w: SQL logic error",
                                FINDING_UNCHECKED,
                                0},
                {"In RTree main.r:", FINDING_UNCHECKED, 0},
                /* the rest */
                {"row not in PRIMARY KEY order for t", FINDING_ORDER, 0},
                {"row 3 is on fire", FINDING_CONTENT, 0},
                {"database disk image is malformed", FINDING_CONTENT, 0},
                {"Page 99999999999999999999 burns", FINDING_PAGE, UINT32_MAX},
                {"Page", FINDING_CONTENT, 0},
                {"", FINDING_CONTENT, 0},
};

static void test_every_line_has_its_kind(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Finding finding = finding_read(cases[i].text, strlen(cases[i].text));

                if (finding.kind != cases[i].kind || finding.page != cases[i].page)
                        fail_msg("\"%s\" is %d on page %u", cases[i].text, finding.kind, finding.page);
        }
}

/* An answer has several lines in one text. */
static void test_nothing_behind_the_line_is_read(void **state)
{
        static const char text[] = "Page 5 is never used";

        assert_int_equal(finding_read(text, strlen("Page 5")).kind, FINDING_PAGE);
        assert_int_equal(finding_read(text, strlen("Page ")).kind, FINDING_CONTENT);
        assert_int_equal(finding_read("row 3 missing from index i", strlen("row 3 missing")).kind,
                        FINDING_CONTENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_every_line_has_its_kind),
                        cmocka_unit_test(test_nothing_behind_the_line_is_read),
        };

        return cmocka_run_group_tests_name("database/finding", tests, NULL, NULL);
}
