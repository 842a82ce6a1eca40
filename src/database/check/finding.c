/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/check/finding.h"

#include <string.h>

/* What a line, or what follows a number in it, begins with. */
typedef struct Words {
        const char *words;
        FindingKind kind;
} Words;

static const Words table[] = {
                {"NULL value in ", FINDING_RULE},
                {"NUMERIC value in ", FINDING_RULE},
                {"TEXT value in ", FINDING_RULE},
                {"CHECK constraint failed in ", FINDING_RULE},
                /* Both entries are there, and both rows. One that lost its row has a finding of its own. */
                {"non-unique entry in index ", FINDING_RULE},
                {"Main freelist: ", FINDING_FREE_PAGES},
                {"Freelist: ", FINDING_FREE_PAGES},
                {"max rootpage (", FINDING_FREE_PAGES},
                {"incremental_vacuum enabled ", FINDING_FREE_PAGES},
                {"Pointer map page ", FINDING_FREE_PAGES},
                {"Bad ptr map entry ", FINDING_FREE_PAGES},
                {"Failed to read ptrmap ", FINDING_FREE_PAGES},
                {"wrong # of entries in index ", FINDING_INDEX},
                {"malformed inverted index for FTS", FINDING_INDEX},
                {"row not in PRIMARY KEY order for ", FINDING_ORDER},
                {"unable to validate the inverted index for FTS", FINDING_UNCHECKED},
                /* The content of a module's own tables, whose pages and rows are checked as any other's. */
                {"In RTree ", FINDING_UNCHECKED},
};

/* Lines that carry the number of something; what follows the number tells. */
static const Words numbered_table[] = {
                {" missing from index ", FINDING_INDEX},
                {" values differ from index ", FINDING_INDEX},
                {" is never used", FINDING_FREE_PAGES},
                {": never used", FINDING_FREE_PAGES},
                {": pointer map referenced", FINDING_FREE_PAGES},
};

static bool fits(const Words *words, const char *text, size_t length)
{
        size_t n = strlen(words->words);

        return length >= n && memcmp(text, words->words, n) == 0;
}

/* "non-INT value in t.c", in STRICT tables. */
static bool is_wrong_type(const char *text, size_t length)
{
        const char *value = memmem(text, length, " value in ", strlen(" value in "));

        return length > 4 && memcmp(text, "non-", 4) == 0 && value &&
               !memchr(text, ' ', (size_t) (value - text));
}

/* The number behind these words, if the line begins with them; *at is what follows it then. */
static bool take_number(const char **at, const char *end, const char *words, uint32_t *ret)
{
        size_t n = strlen(words);
        const char *digit = *at + n;
        uint64_t number = 0;

        if ((size_t) (end - *at) <= n || memcmp(*at, words, n) != 0 || *digit < '0' || *digit > '9')
                return false;
        for (; digit < end && *digit >= '0' && *digit <= '9'; digit++)
                number = MIN_OF(number * 10 + (uint64_t) (*digit - '0'), (uint64_t) UINT32_MAX);
        *at = digit;
        *ret = (uint32_t) number;
        return true;
}

/* "On tree page 5 cell 3: …" of 3.40 and "Tree 4 page 5 cell 3: …" since, and what names the page last. */
static bool names_page(const char *text, size_t length, uint32_t *ret)
{
        static const char *const last[] = {"Multiple uses for byte ", "Fragmentation of "};
        const char *at = text, *end = text + length, *page;
        uint32_t tree;

        if (take_number(&at, end, "On tree page ", ret) || take_number(&at, end, "On page ", ret) ||
                        take_number(&at, end, "Page ", ret))
                return true;
        if (take_number(&at, end, "Tree ", &tree))
                return take_number(&at, end, " page ", ret);
        for (size_t i = 0; i < ELEMENTSOF(last); i++)
                if (take_number(&at, end, last[i], &tree) &&
                                (page = memmem(at, (size_t) (end - at), " page ", strlen(" page "))))
                        return take_number(&page, end, " page ", ret);
        return false;
}

static FindingKind look_up(
                const Words *words, size_t n, const char *text, size_t length, FindingKind otherwise)
{
        for (size_t i = 0; i < n; i++)
                if (fits(words + i, text, length))
                        return words[i].kind;
        return otherwise;
}

Finding finding_read(const char *text, size_t length)
{
        const char *at = text, *end = text + length;
        Finding finding = {.kind = look_up(table, ELEMENTSOF(table), text, length, FINDING_CONTENT)};
        uint32_t number, page;

        if (finding.kind != FINDING_CONTENT)
                return finding;
        if (is_wrong_type(text, length))
                return (Finding){.kind = FINDING_RULE};
        if (take_number(&at, end, "row ", &number) || take_number(&at, end, "Page ", &number))
                finding.kind = look_up(numbered_table,
                                ELEMENTSOF(numbered_table),
                                at,
                                (size_t) (end - at),
                                FINDING_CONTENT);
        at = text;
        if (take_number(&at, end, "rowid not at end-of-record for row ", &number))
                finding.kind = FINDING_INDEX;
        if (finding.kind != FINDING_CONTENT || !names_page(text, length, &page))
                return finding;
        /* Words about the pointer map stand behind those about the place. */
        if (memmem(text, length, " ptr map entry ", 15) || memmem(text, length, "read ptrmap ", 12))
                return (Finding){.kind = FINDING_FREE_PAGES};
        return (Finding){.kind = FINDING_PAGE, .page = page};
}
