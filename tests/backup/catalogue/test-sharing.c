/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../../database/fixture.h"

#include <string.h>

#include "backup/catalogue/backup-name.h"
#include "backup/catalogue/retention.h"
#include "backup/catalogue/sharing.h"

#define HOUR USEC_PER_HOUR

static const uint64_t now_usec = UINT64_C(1769219181) * USEC_PER_SEC;

/* One backup of the list, newest first. */
typedef struct Given {
        unsigned age_hours;
        unsigned chain; /* the number of the one that began it; its own: it was written in full */
        char as; /* 'v'erified, 'u'nverified, 'f'ailed its verification, 'a'dopted, of an 'o'ther database */
} Given;

#define GIVEN_MAX 12

typedef struct Case {
        const char *what;
        unsigned minimum;
        Given given[GIVEN_MAX]; /* ends with one of age 0 */
        size_t n_chains;
        bool over; /* for the one that is built on: the first that is verified */
} Case;

static const Case cases[] = {
                {"the first after the initial one", 1, {{1, 0, 'v'}}, 1, false},
                {"two chains are wanted, and there is one", 2, {{1, 0, 'v'}}, 1, true},
                {"one chain, however many it has",
                                3,
                                {{1, 3, 'v'}, {7, 3, 'v'}, {13, 3, 'v'}, {19, 3, 'v'}},
                                1,
                                true},
                {"three chains", 3, {{1, 0, 'v'}, {2, 1, 'v'}, {3, 2, 'v'}}, 3, false},
                {"three chains, and one goes on",
                                3,
                                {{1, 1, 'v'}, {2, 1, 'v'}, {3, 2, 'v'}, {4, 3, 'v'}},
                                3,
                                false},
                {"one of three has failed", 3, {{1, 0, 'v'}, {2, 1, 'f'}, {3, 2, 'v'}}, 2, true},
                {"one of three is of another database", 3, {{1, 0, 'v'}, {2, 1, 'o'}, {3, 2, 'v'}}, 2, true},
                {"what others made parts no chain",
                                3,
                                {{1, 2, 'v'}, {2, 1, 'a'}, {3, 2, 'v'}, {4, 3, 'v'}},
                                3,
                                false},
                {"a day, to the hour", 1, {{1, 1, 'v'}, {24, 1, 'v'}}, 1, false},
                {"more than a day", 1, {{1, 1, 'v'}, {25, 1, 'v'}}, 1, true},
                {"an old chain that is not built on", 1, {{1, 0, 'v'}, {99, 1, 'v'}}, 2, false},
                {"the one that began it has failed since", 1, {{1, 1, 'v'}, {25, 1, 'f'}}, 1, true},
                {"the one that began it is gone", 1, {{1, 7, 'v'}, {2, 7, 'v'}}, 1, false},
};

static Catalogue *make(const Given *given)
{
        Catalogue *catalogue;

        assert_int_equal(catalogue_new(&catalogue), 0);
        for (size_t i = 0; i < GIVEN_MAX && given[i].age_hours > 0; i++) {
                char name[32], chain[32];
                Manifest *manifest;

                (void) snprintf(name, sizeof name, "backup_20260101_0000%02zu", 20 - i);
                (void) snprintf(chain, sizeof chain, "backup_20260101_0000%02u", 20 - given[i].chain);
                assert_int_equal(manifest_new(&manifest), 0);
                manifest->kind = BACKUP_AUTOMATIC;
                manifest->file = backup_name_to_file(name, COMPRESSION_GZIP, false);
                manifest->chain = given[i].chain == i ? NULL : strdup(chain);
                manifest->created_usec = now_usec - given[i].age_hours * HOUR;
                manifest->verified_usec = given[i].as == 'u' ? 0 : manifest->created_usec;
                manifest->verification_fault = given[i].as == 'f' ? strdup("damaged") : NULL;
                manifest->adopted = given[i].as == 'a';
                assert_int_equal(catalogue_put(catalogue, manifest), 0);
                catalogue_find(catalogue, name)->other = given[i].as == 'o';
        }
        return catalogue;
}

static void test_when_a_backup_shares_nothing(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(catalogue_freep) Catalogue *catalogue = make(cases[i].given);
                const Manifest *older = catalogue_newest_reusable(catalogue)->manifest;

                if (sharing_is_over(catalogue, older, cases[i].minimum, now_usec) != cases[i].over)
                        fail_msg("%s", cases[i].what);
        }
}

static void test_chains_are_counted(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(catalogue_freep) Catalogue *catalogue = make(cases[i].given);
                const Manifest *last = NULL;
                size_t n_chains = 0;

                for (size_t j = 0; j < catalogue->n_entries; j++)
                        if (strchr("va", cases[i].given[j].as))
                                n_chains += chain_begins(&last, catalogue->entries[j].manifest);
                if (n_chains != cases[i].n_chains)
                        fail_msg("%s: %zu", cases[i].what, n_chains);
        }
}

static void test_in_doubt_it_shares_nothing(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = make(cases[0].given);

        /* By a clock that was set back. */
        assert_true(sharing_is_over(catalogue, catalogue->entries[0].manifest, 1, now_usec - 2 * HOUR));
        assert_false(sharing_is_over(catalogue, catalogue->entries[0].manifest, 0, now_usec));
}

typedef struct Keeping {
        const char *what;
        Given given[GIVEN_MAX];
        const char *kept; /* 'k' for each that stays */
} Keeping;

#define OLD 1000 /* hours; much longer than anything is kept for its age */

static const Keeping keepings[] = {
                {"the last three, and the newest of two more chains",
                                {{OLD, 4, 'v'},
                                                {OLD, 4, 'v'},
                                                {OLD, 4, 'v'},
                                                {OLD, 4, 'v'},
                                                {OLD, 4, 'v'},
                                                {OLD, 6, 'v'},
                                                {OLD, 6, 'v'},
                                                {OLD, 7, 'v'},
                                                {OLD, 8, 'v'}},
                                "kkk..k.k."},
                {"one that is found rotten is of no chain",
                                {{OLD, 3, 'v'},
                                                {OLD, 3, 'v'},
                                                {OLD, 3, 'v'},
                                                {OLD, 3, 'v'},
                                                {OLD, 4, 'f'},
                                                {OLD, 6, 'v'},
                                                {OLD, 6, 'v'},
                                                {OLD, 7, 'v'},
                                                {OLD, 8, 'v'}},
                                "kkk..k.k."},
                {"nor is one of another database, which stays for another reason",
                                {{OLD, 3, 'v'},
                                                {OLD, 3, 'v'},
                                                {OLD, 3, 'v'},
                                                {OLD, 3, 'v'},
                                                {OLD, 4, 'o'},
                                                {OLD, 6, 'v'},
                                                {OLD, 6, 'v'},
                                                {OLD, 7, 'v'},
                                                {OLD, 8, 'v'}},
                                "kkk.kk.k."},
                {"each by itself", {{OLD, 0, 'v'}, {OLD, 1, 'v'}, {OLD, 2, 'v'}, {OLD, 3, 'v'}}, "kkk."},
                {"too few chains: what is not verified stands in",
                                {{OLD, 3, 'v'},
                                                {OLD, 3, 'v'},
                                                {OLD, 3, 'v'},
                                                {OLD, 3, 'v'},
                                                {OLD, 4, 'u'},
                                                {OLD, 5, 'u'},
                                                {OLD, 6, 'u'}},
                                "kkk.kk."},
};

/* One bad block may take a chain. */
static void test_chains_stay_as_backups_do(void **state)
{
        const RetentionPolicy policy = {.keep_usec = 7 * USEC_PER_DAY, .minimum_verified = 3};

        for (size_t i = 0; i < ELEMENTSOF(keepings); i++) {
                _cleanup_(catalogue_freep) Catalogue *catalogue = make(keepings[i].given);
                RetentionReason reasons[GIVEN_MAX];

                assert_int_equal(catalogue->n_entries, strlen(keepings[i].kept));
                retention_plan(catalogue, &policy, now_usec, reasons);
                for (size_t j = 0; j < catalogue->n_entries; j++)
                        if (retention_keeps(reasons[j]) != (keepings[i].kept[j] == 'k'))
                                fail_msg("%s: the backup of number %zu", keepings[i].what, j);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_when_a_backup_shares_nothing),
                        cmocka_unit_test(test_chains_are_counted),
                        cmocka_unit_test(test_chains_stay_as_backups_do),
                        cmocka_unit_test(test_in_doubt_it_shares_nothing),
        };

        return cmocka_run_group_tests_name("sharing", tests, NULL, NULL);
}
