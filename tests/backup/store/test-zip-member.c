/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-fixture.h"

#include <fcntl.h>
#include <string.h>

#include "backup/store/zip-member.h"

/* Packs files of these names; each holds its own name, or (NAME=BYTES) as much of that, and dots, as given.
 */
static void make_archive(const char *names)
{
        fixture_run("cd %s && python3 -c '\n"
                    "import sys, zipfile\n"
                    "with zipfile.ZipFile(\"given.zip\", \"w\", zipfile.ZIP_DEFLATED) as archive:\n"
                    "    for name in sys.argv[1:]:\n"
                    "        name, _, length = name.partition(\"=\")\n"
                    "        archive.writestr(name, name.ljust(int(length), \".\")[: int(length)] if length "
                    "else name)\n"
                    "' %s",
                        backup_fixture_directory(),
                        names);
}

static int extract_within(uint64_t max_bytes, Fault *fault)
{
        _cleanup_close_ int source_fd = open(backup_fixture_path("given.zip"), O_RDONLY | O_CLOEXEC);
        _cleanup_close_ int target_fd =
                        open(backup_fixture_path("taken"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(source_fd >= 0 && target_fd >= 0);
        return zip_member_extract(source_fd,
                        target_fd,
                        backup_fixture_directory(),
                        max_bytes,
                        &backup_fixture_progress,
                        fault);
}

static int extract(Fault *fault)
{
        return extract_within(0, fault);
}

static void assert_taken(const char *names, const char *wanted)
{
        _cleanup_free_ char *text = NULL;
        Fault fault = {0};
        size_t size;

        make_archive(names);
        if (extract(&fault) < 0)
                fail_msg("%s: %s", names, fault.message);
        text = fixture_read(backup_fixture_path("taken"), &size);
        assert_int_equal(size, strlen(wanted));
        assert_memory_equal(text, wanted, size);
}

static void assert_refused(const char *names, FaultCode code, const char *words)
{
        Fault fault = {0};

        make_archive(names);
        assert_true(extract(&fault) < 0);
        fixture_assert_fault(&fault, code, words);
}

static void test_the_database_is_found(void **state)
{
        assert_taken("oracxpred.db backups/backup_20260124_014621.db", "oracxpred.db");
        assert_taken("backups/oracxpred.db notes.txt data/oracxpred.db", "data/oracxpred.db");
        assert_taken("a/b/oracxpred.db a/oracxpred.db other.db", "a/oracxpred.db");
        assert_taken("site.db backups/initial_backup.db", "site.db");
        assert_taken("oracxpred.db oracxpred.db-wal oracxpred.db-journal=0", "oracxpred.db");
}

static void test_nothing_is_guessed(void **state)
{
        assert_refused("one.db two.db", FAULT_INVALID_ARGUMENT, "holds no oracxpred.db");
        assert_refused("backups/oracxpred.db", FAULT_INVALID_ARGUMENT, "holds no oracxpred.db");
        assert_refused("oracxpred.db/notes.txt", FAULT_INVALID_ARGUMENT, "holds no oracxpred.db");
}

static void test_changes_beside_it_are_not_lost(void **state)
{
        assert_refused("oracxpred.db oracxpred.db-wal=4152", FAULT_INVALID_ARGUMENT, "oracxpred.db-wal");
        assert_refused("data/oracxpred.db data/oracxpred.db-journal=512",
                        FAULT_INVALID_ARGUMENT,
                        "data/oracxpred.db-journal");
}

static void test_more_than_the_bound_is_not_unpacked(void **state)
{
        Fault fault = {0};

        make_archive("oracxpred.db");
        assert_int_equal(extract_within(1, &fault), fault_errno(FAULT_NO_SPACE));
        fixture_assert_fault(&fault, FAULT_NO_SPACE, "RestoreMaxSize=");
        assert_int_equal(fixture_file_size(backup_fixture_path("taken")), 0);
        assert_int_equal(extract_within(64 * KIB, &fault), 0);
}

static void test_encrypted_is_told_with_the_way_out(void **state)
{
        Fault fault = {0};
        size_t size;
        _cleanup_free_ char *archive = NULL;
        char *central;

        make_archive("oracxpred.db");
        archive = fixture_read(backup_fixture_path("given.zip"), &size);
        central = memmem(archive, size, "PK\1\2", 4);
        assert_non_null(central);
        /* The bit that says so, in the header of the member and in the directory. */
        archive[6] |= 1;
        central[8] |= 1;
        fixture_write(backup_fixture_path("given.zip"), archive, size);
        assert_true(extract(&fault) < 0);
        fixture_assert_fault(&fault,
                        FAULT_NOT_SUPPORTED,
                        "oracxpred.db in the zip archive is encrypted; unpack it");
}

static void test_damage_is_noticed(void **state)
{
        size_t size;
        _cleanup_free_ char *archive = NULL;

        make_archive("oracxpred.db=100000");
        archive = fixture_read(backup_fixture_path("given.zip"), &size);
        for (size_t i = 0; i < size; i++) {
                _cleanup_fault_ Fault fault = {0};

                archive[i] ^= 0x10;
                fixture_write(backup_fixture_path("given.zip"), archive, size);
                archive[i] ^= 0x10;
                if (extract(&fault) >= 0) {
                        size_t taken_bytes;
                        _cleanup_free_ char *taken =
                                        fixture_read(backup_fixture_path("taken"), &taken_bytes);

                        /* In a field that nobody needs, such as the time. */
                        assert_int_equal(taken_bytes, 100000);
                        assert_memory_equal(taken, "oracxpred.db...", strlen("oracxpred.db..."));
                }
        }
        for (size_t length = 0; length < size; length++) {
                _cleanup_fault_ Fault fault = {0};

                fixture_write(backup_fixture_path("given.zip"), archive, length);
                assert_true(extract(&fault) < 0);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, backup_fixture_setup, backup_fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_the_database_is_found),
                        TEST(test_nothing_is_guessed),
                        TEST(test_changes_beside_it_are_not_lost),
                        TEST(test_more_than_the_bound_is_not_unpacked),
                        TEST(test_encrypted_is_told_with_the_way_out),
                        TEST(test_damage_is_noticed),
        };

        return cmocka_run_group_tests_name("zip-member", tests, NULL, NULL);
}
