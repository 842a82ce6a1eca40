/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-fixture.h"

#include <string.h>

#define EARLIER "backup_20260101_000000"
#define NAME "backup_20260124_014621"
#define EARLIER_FILES EARLIER ".db.gz " EARLIER ".db.gz.meta "
#define BOTH_FILES EARLIER_FILES NAME ".db.gz " NAME ".db.gz.meta "

static void prepare_earlier(void)
{
        manifest_free(backup_fixture_create(EARLIER, COMPRESSION_GZIP));
}

/* Exits with the fault's exit code. */
static void create_and_tell(void)
{
        CreateRequest request = backup_fixture_request(NAME, COMPRESSION_GZIP);
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        Fault fault = {0};

        (void) create_backup(&request, &backup_fixture_progress, &manifest, &fault);
        _exit(fault_exit_code(fault.code));
}

static void damage_stored(void)
{
        backup_fixture_damage("." NAME ".db.gz.tmp");
}

/* In the time of a gzip header, which no reader looks at. */
static void damage_stored_a_little(void)
{
        fixture_overwrite(backup_fixture_path("." NAME ".db.gz.tmp"), 4, "T", 1);
}

/* The disk gives back something else than was written to it; that says nothing about the database. */
static void test_what_reads_back_otherwise_is_not_published(void **state)
{
        prepare_earlier();
        assert_int_equal(backup_fixture_stop_at("create-stored", create_and_tell, damage_stored),
                        fault_exit_code(FAULT_IO));
        assert_int_equal(backup_fixture_stop_at("create-stored", create_and_tell, damage_stored_a_little),
                        fault_exit_code(FAULT_IO));
        backup_fixture_assert_names(EARLIER_FILES);
}

static void assert_made_from(const Manifest *earlier, bool wanted_damaged)
{
        CreateRequest request = backup_fixture_request(NAME, COMPRESSION_GZIP);
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        _cleanup_fault_ Fault fault = {0};
        bool damaged = false;

        request.older = earlier;
        request.ret_older_damaged = &damaged;
        if (create_backup(&request, &backup_fixture_progress, &manifest, &fault) < 0)
                fail_msg("%s", fault.message);
        assert_int_equal(damaged, wanted_damaged);
        backup_fixture_assert_restorable(manifest);
}

/* Neither rot of the older one nor its absence costs the new one anything. */
static void test_an_older_backup_that_rots_is_not_built_upon(void **state)
{
        _cleanup_(manifest_freep) Manifest *earlier = backup_fixture_create(EARLIER, COMPRESSION_GZIP);
        _cleanup_free_ char *digest = NULL;

        assert_made_from(earlier, false);
        digest = strdup(backup_fixture_digest(NAME ".db.gz"));
        assert_string_equal(digest, backup_fixture_digest(EARLIER ".db.gz"));

        backup_fixture_clear();
        prepare_earlier();
        backup_fixture_damage(EARLIER ".db.gz");
        assert_made_from(earlier, true);
        backup_fixture_assert_names(BOTH_FILES);

        backup_fixture_clear();
        assert_made_from(earlier, false);
}

/* What is not known to be the index that was proved is not even looked at. */
static void test_an_older_backup_of_another_index_is_not_built_upon(void **state)
{
        _cleanup_(manifest_freep) Manifest *earlier = backup_fixture_create(EARLIER, COMPRESSION_GZIP);

        earlier->index_sha256[0] ^= 1; /* another digit */
        assert_made_from(earlier, true);

        backup_fixture_clear();
        prepare_earlier();
        backup_fixture_damage(EARLIER ".db.gz");
        earlier->index_sha256[0] = '\0';
        assert_made_from(earlier, false);
}

/* An identity that does not open it is told, and is no reason to be without a backup. */
static void test_encrypted_for_somebody_else(void **state)
{
        CreateRequest request = backup_fixture_request("backup_20260124_014621", COMPRESSION_NONE);
        _cleanup_(age_identities_freep) AgeIdentities *identities = NULL;
        _cleanup_(manifest_freep) Manifest *manifest = NULL, *second = NULL;
        _cleanup_fault_ Fault key_fault = {0}, fault = {0};
        AgeRecipients recipients = {.n_items = 1};
        AgeIdentity own, other;
        char text[AGE_IDENTITY_TEXT_MAX];

        assert_int_equal(age_identity_generate(&own, NULL), 0);
        assert_int_equal(age_identity_generate(&other, NULL), 0);
        age_identity_format(&own, text);
        assert_int_equal(age_identities_new(&identities, NULL), 0);
        assert_int_equal(age_identities_parse(identities, text, strlen(text), NULL), 0);
        request.recipients = &recipients;
        request.identities = identities;
        request.ret_key_fault = &key_fault;
        recipients.items[0] = own.recipient;
        assert_int_equal(create_backup(&request, &backup_fixture_progress, &manifest, &fault), 0);
        assert_int_equal(key_fault.code, FAULT_NONE);
        recipients.items[0] = other.recipient;
        request.name = "backup_20260124_014622";
        assert_int_equal(create_backup(&request, &backup_fixture_progress, &second, &fault), 0);
        assert_int_equal(key_fault.code, FAULT_KEY_UNAVAILABLE);
        assert_true(second->encrypted);
        assert_string_equal(second->file, "backup_20260124_014622.db.age");
        assert_true(manifest_is_verified(second));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, backup_fixture_setup, backup_fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_what_reads_back_otherwise_is_not_published),
                        TEST(test_an_older_backup_that_rots_is_not_built_upon),
                        TEST(test_an_older_backup_of_another_index_is_not_built_upon),
                        TEST(test_encrypted_for_somebody_else),
        };

        return cmocka_run_group_tests_name("store-proved", tests, NULL, NULL);
}
