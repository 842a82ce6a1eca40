/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../base/room.h"

#include <string.h>
#include <sys/stat.h>

#include "daemon/configuration/configuration.h"

static Configuration load(const char *text)
{
        _cleanup_free_ char *file = strdup(room_path("oracxpred.conf"));
        Configuration configuration;

        room_write("oracxpred.conf", text);
        assert_int_equal(configuration_load(file, true, room_path("none.d"), &configuration, NULL), 0);
        return configuration;
}

static void assert_defaults(const Configuration *configuration)
{
        assert_null(configuration->database_path);
        assert_int_equal(configuration->backup_group, BACKUP_GROUP_NONE);
        assert_int_equal(configuration->compression, COMPRESSION_GZIP);
        assert_int_equal(configuration->effort.compression_level, 2);
        assert_in_range(configuration->effort.threads, 1, 16);
        assert_false(configuration->quick_check);
        assert_int_equal(configuration->effort.bytes_per_second, 0);
        assert_int_equal(configuration->retention_usec, 7 * USEC_PER_DAY);
        assert_int_equal(configuration->retention_minimum_verified, 3);
        assert_int_equal(configuration->log_retention_usec, UINT64_MAX);
        assert_false(configuration->log_retention_all);
        assert_int_equal(configuration->schema, SCHEMA_CHOICE_AUTOMATIC);
        assert_int_equal(configuration->journal_mode, JOURNAL_CHOICE_AUTOMATIC);
        assert_int_equal(configuration->cadence_usec, 6 * USEC_PER_HOUR);
        assert_int_equal(configuration->check_interval_usec, USEC_PER_DAY);
        assert_int_equal(configuration->low_disk_space_bytes, GIB);
        assert_int_equal(configuration->restore_max_bytes, 0);
        assert_int_equal(configuration->quarantine_max_bytes, 10 * GIB);
        assert_int_equal(configuration->bcrypt_cost, 12);
        assert_int_equal(configuration->prediction_cache_entries, 1024);
        assert_int_equal(configuration->prediction_cache_bytes, 4 * MIB);
        assert_true(configuration->auto_restore);
        assert_int_equal(configuration->n_application_units, 0);
}

static void test_nothing_means_the_defaults(void **state)
{
        _cleanup_(configuration_done) Configuration empty = load(""), comments = {0}, missing = {0};

        assert_defaults(&empty);
        assert_int_equal(empty.n_faults, 0);
        comments = load("# one\n  ; two\n\n[Persistence]\n");
        assert_defaults(&comments);
        assert_int_equal(comments.n_faults, 0);
        assert_int_equal(configuration_load("/nonexistent/a", false, "/nonexistent/b", &missing, NULL), 0);
        assert_defaults(&missing);
}

static void test_every_setting(void **state)
{
        _cleanup_(configuration_done) Configuration configuration =
                        load("[Persistence]\n"
                             "Database=/srv/site.db\n"
                             "BackupGroup=root\n"
                             "Compression = none\n"
                             "CompressionLevel=9\n"
                             "Threads=16\n"
                             "IntegrityCheck=quick\n"
                             "BandwidthLimit=20M\n"
                             "\tRetention=2w 1d\n"
                             "RetentionMinimumVerified=5\n"
                             "LogRetentionSec=30d\n"
                             "LogRetentionAll=yes\n"
                             "Schema=none\n"
                             "JournalMode=keep\n"
                             "Cadence=90min\n"
                             "CheckInterval=12h\n"
                             "LowDiskSpace=512M\n"
                             "RestoreMaxSize=20G\n"
                             "QuarantineMaxSize=infinity\n"
                             "BcryptCost=14\n"
                             "PredictionCacheEntries=0\n"
                             "PredictionCacheSize=64K\n"
                             "AutoRestore=no\n"
                             "ApplicationUnits=web.socket web@1.service\n"
                             "ApplicationUnits=jobs.service");

        assert_int_equal(configuration.n_faults, 0);
        assert_string_equal(configuration.database_path, "/srv/site.db");
        assert_int_equal(configuration.backup_group, 0);
        assert_int_equal(configuration.compression, COMPRESSION_NONE);
        assert_int_equal(configuration.effort.compression_level, 9);
        assert_int_equal(configuration.effort.threads, 16);
        assert_true(configuration.quick_check);
        assert_int_equal(configuration.effort.bytes_per_second, 20 * MIB);
        assert_int_equal(configuration.retention_usec, 15 * USEC_PER_DAY);
        assert_int_equal(configuration.retention_minimum_verified, 5);
        assert_int_equal(configuration.log_retention_usec, 30 * USEC_PER_DAY);
        assert_true(configuration.log_retention_all);
        assert_int_equal(configuration.schema, SCHEMA_CHOICE_NONE);
        assert_int_equal(configuration.journal_mode, JOURNAL_CHOICE_KEEP);
        assert_int_equal(configuration.cadence_usec, 90 * USEC_PER_MINUTE);
        assert_int_equal(configuration.check_interval_usec, 12 * USEC_PER_HOUR);
        assert_int_equal(configuration.low_disk_space_bytes, 512 * MIB);
        assert_int_equal(configuration.restore_max_bytes, 20 * GIB);
        assert_true(configuration.quarantine_max_bytes == UINT64_MAX);
        assert_int_equal(configuration.bcrypt_cost, 14);
        assert_int_equal(configuration.prediction_cache_entries, 0);
        assert_int_equal(configuration.prediction_cache_bytes, 64 * KIB);
        assert_false(configuration.auto_restore);
        assert_int_equal(configuration.n_application_units, 3);
        assert_string_equal(configuration.application_units[0], "web.socket");
        assert_string_equal(configuration.application_units[1], "web@1.service");
        assert_string_equal(configuration.application_units[2], "jobs.service");
}

static void test_empty_value_brings_the_default_back(void **state)
{
        _cleanup_(configuration_done) Configuration configuration = load(
                        "[Persistence]\nDatabase=/"
                        "a\nDatabase=\nRetention=1d\nRetention=\nCompression=none\nCompression=\n"
                        "AutoRestore=no\nAutoRestore=\nApplicationUnits=a.service\nApplicationUnits=\n");

        assert_int_equal(configuration.n_faults, 0);
        assert_defaults(&configuration);
}

/* Each wrong line is told with its number, and changes nothing. */
static void test_wrong_lines(void **state)
{
        static const char *const lines[] = {
                        "Retentoin=7d",
                        "retention=7d",
                        "Retention=sevendays",
                        "Retention=0",
                        "Retention=101 years",
                        "Cadence=-6h",
                        "CheckInterval=0",
                        "CheckInterval=never",
                        "AutoRestore=maybe",
                        "ApplicationUnits=web",
                        "ApplicationUnits=web.service ../x.service",
                        "Compression=zip",
                        "CompressionLevel=0",
                        "CompressionLevel=10",
                        "Threads=17",
                        "IntegrityCheck=none",
                        "BandwidthLimit=1K",
                        "BandwidthLimit=fast",
                        "Threads=-1",
                        "BackupGroup=no such group",
                        "RetentionMinimumVerified=0",
                        "RetentionMinimumVerified=-1",
                        "RetentionMinimumVerified=3x",
                        "RetentionMinimumVerified=99999999999999999999",
                        "LogRetentionSec=0",
                        "LogRetentionSec=never",
                        "LogRetentionAll=maybe",
                        "Schema=mine",
                        "JournalMode=delete",
                        "LowDiskSpace=1X",
                        "RestoreMaxSize=0",
                        "RestoreMaxSize=much",
                        "BcryptCost=9",
                        "BcryptCost=15",
                        "PredictionCacheEntries=-1",
                        "PredictionCacheEntries=1000001",
                        "PredictionCacheSize=2G",
                        "BackupDirectory=backups",
                        "BackupDirectory=/srv/",
                        "Database=data/oracxpred.db",
                        "Database=/srv/",
                        "Database=/srv/\xff.db",
                        "Retention",
                        "=7d",
                        "[Persistence",
                        "[Other]\nRetention=1d",
        };

        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                _cleanup_(configuration_done) Configuration configuration = {0};
                _cleanup_free_ char *text = NULL, *place = NULL;

                assert_true(asprintf(&text, "[Persistence]\n\n%s\n", lines[i]) > 0);
                assert_true(asprintf(&place,
                                            "%s:%u: ",
                                            room_path("oracxpred.conf"),
                                            strchr(lines[i], '\n') ? 4U : 3U) > 0);
                configuration = load(text);
                assert_defaults(&configuration);
                assert_int_equal(configuration.n_faults, 1);
                assert_ptr_equal(strstr(configuration.faults[0], place), configuration.faults[0]);
                assert_null(configuration.faults[1]);
        }
}

static void test_setting_before_any_section_is_told(void **state)
{
        _cleanup_(configuration_done) Configuration configuration = load("Retention=1d\n");

        assert_int_equal(configuration.n_faults, 1);
        assert_defaults(&configuration);
}

static void test_over_long_line_is_one_fault(void **state)
{
        _cleanup_(configuration_done) Configuration configuration = {0};
        _cleanup_free_ char *text = calloc(1, 6000);

        (void) strcpy(text, "[Persistence]\nDatabase=/");
        (void) memset(text + strlen(text), 'x', 5000);
        (void) strcat(text, "\nRetention=1d\nnonsense\n");
        configuration = load(text);
        assert_int_equal(configuration.n_faults, 2);
        assert_non_null(strstr(configuration.faults[0], ":2: "));
        assert_non_null(strstr(configuration.faults[1], ":4: "));
        assert_null(configuration.database_path);
        assert_int_equal(configuration.retention_usec, USEC_PER_DAY);
}

static void test_as_many_recipients_on_a_line_as_there_may_be(void **state)
{
        _cleanup_(configuration_done) Configuration configuration = {0};
        _cleanup_free_ char *text = calloc(1, 2000);

        (void) strcpy(text, "[Persistence]\nEncryptionRecipients=");
        for (size_t i = 0; i < AGE_RECIPIENTS_MAX; i++) {
                AgeIdentity identity;

                assert_int_equal(age_identity_generate(&identity, NULL), 0);
                age_recipient_format(&identity.recipient, text + strlen(text));
                (void) strcat(text, " ");
        }
        configuration = load(text);
        assert_int_equal(configuration.n_faults, 0);
        assert_int_equal(configuration.recipients.n_items, AGE_RECIPIENTS_MAX);
}

/* All that is told of the configuration, everybody can read. */
static void test_a_secret_in_the_wrong_place_is_not_repeated(void **state)
{
        static const char *const lines[] = {
                        "EncryptionRecipients=AGE-SECRET-KEY-1HORSE",
                        "EncryptionRecipients=correct HORSE",
                        "EncryptionRecipients=age1x HORSE",
                        "AGE-SECRET-KEY-1HORSE",
                        "Identity=AGE-SECRET-KEY-1HORSE",
        };

        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                _cleanup_(configuration_done) Configuration configuration = {0};
                _cleanup_free_ char *text = NULL;

                assert_true(asprintf(&text, "[Persistence]\n%s\n", lines[i]) > 0);
                configuration = load(text);
                assert_int_equal(configuration.n_faults, 1);
                assert_null(strstr(configuration.faults[0], "HORSE"));
                assert_string_equal(configuration.encryption_fault, configuration.faults[0]);
        }
}

/* Among as many right ones as there may be. */
static void test_a_misspelt_recipient_is_named(void **state)
{
        _cleanup_(configuration_done) Configuration configuration = {0};
        _cleanup_free_ char *text = calloc(1, 2000);
        AgeIdentity identity;

        assert_int_equal(age_identity_generate(&identity, NULL), 0);
        (void) strcpy(text, "[Persistence]\nEncryptionRecipients=");
        for (size_t i = 1; i < AGE_RECIPIENTS_MAX; i++) {
                age_recipient_format(&identity.recipient, text + strlen(text));
                (void) strcat(text, " ");
        }
        (void) strcat(text, "age1misspelt HORSE\n");
        configuration = load(text);
        assert_non_null(strstr(
                        configuration.encryption_fault, ":2: EncryptionRecipients=age1misspelt is not"));
        assert_null(strstr(configuration.encryption_fault, "HORSE"));
}

static void test_remarks_and_what_editors_add(void **state)
{
        _cleanup_(configuration_done) Configuration configuration =
                        load("\xef\xbb\xbf[Persistence] ; a remark\r\n Retention = 1d\t; "
                             "another\r\nCadence=1h\r\n");

        assert_int_equal(configuration.n_faults, 0);
        assert_int_equal(configuration.retention_usec, USEC_PER_DAY);
        assert_int_equal(configuration.cadence_usec, USEC_PER_HOUR);
}

/* A line that begins with a space would go on with the setting before it in other formats. */
static void test_indented_line_is_a_line_of_its_own(void **state)
{
        _cleanup_(configuration_done) Configuration configuration =
                        load("[Persistence]\nRetention=1d\n  nonsense\n  Cadence=1h\n");

        assert_int_equal(configuration.n_faults, 1);
        assert_non_null(strstr(configuration.faults[0], ":3: "));
        assert_int_equal(configuration.retention_usec, USEC_PER_DAY);
        assert_int_equal(configuration.cadence_usec, USEC_PER_HOUR);
}

static void test_faults_are_bounded_and_are_single_lines(void **state)
{
        _cleanup_(configuration_done) Configuration configuration = {0};
        _cleanup_free_ char *text = calloc(1, 20000);

        for (size_t i = 0; i < 1000; i++)
                (void) strcat(text, "\x1b\xff=1\n");
        configuration = load(text);
        assert_int_equal(configuration.n_faults, 64);
        for (size_t i = 0; i < configuration.n_faults; i++)
                for (const char *c = configuration.faults[i]; *c; c++)
                        assert_true(*c >= ' ');
}

static void test_drop_ins_in_their_order(void **state)
{
        _cleanup_free_ char *file = strdup(room_path("settings"));
        _cleanup_(configuration_done) Configuration configuration = {0};

        room_write("settings", "[Persistence]\nRetention=1d\nCadence=1h\n");
        room_write("20-late.conf", "[Persistence]\nRetention=3d\nRetention=never\n");
        room_write("10-early.conf", "[Persistence]\nRetention=2d\n");
        room_write("30-late.conf.bak", "[Persistence]\nRetention=9d\n");
        room_write(".40-hidden.conf", "[Persistence]\nRetention=9d\n");
        assert_int_equal(configuration_load(file, true, room_path("."), &configuration, NULL), 0);
        assert_int_equal(configuration.retention_usec, 3 * USEC_PER_DAY);
        assert_int_equal(configuration.n_faults, 1);
        assert_non_null(strstr(configuration.faults[0], "20-late.conf:3: "));
}

static void test_file_that_cannot_be_read(void **state)
{
        _cleanup_free_ char *file = strdup(room_path("missing.conf"));
        _cleanup_fault_ Fault fault = {0};
        Configuration configuration;

        assert_true(configuration_load(file, true, room_path("none.d"), &configuration, &fault) < 0);
        assert_int_equal(fault.code, FAULT_CONFIGURATION);
        assert_non_null(strstr(fault.message, file));
        fault_done(&fault);
        assert_int_equal(mkdir(file, 0700), 0);
        assert_true(configuration_load(file, false, room_path("none.d"), &configuration, &fault) < 0);
        assert_int_equal(fault.code, FAULT_CONFIGURATION);
}

/* Read on the loop, and by a reload while the service runs. */
static void test_what_is_no_file_is_refused_and_not_waited_for(void **state)
{
        static const char *const targets[] = {"/dev/zero", "/dev/tty"};
        _cleanup_free_ char *file = strdup(room_path("strange"));
        _cleanup_(configuration_done) Configuration configuration = {0};
        _cleanup_fault_ Fault fault = {0};

        assert_int_equal(mkfifo(file, 0600), 0);
        assert_true(configuration_load(file, false, room_path("none.d"), &configuration, &fault) < 0);
        assert_int_equal(fault.code, FAULT_CONFIGURATION);
        assert_int_equal(unlink(file), 0);
        for (size_t i = 0; i < ELEMENTSOF(targets); i++) {
                assert_int_equal(symlink(targets[i], file), 0);
                assert_true(configuration_load(file, false, room_path("none.d"), &configuration, NULL) < 0);
                assert_int_equal(unlink(file), 0);
        }
        room_write("strange", "[Persistence]\nRetention=2d\n");
        assert_int_equal(truncate(file, INT64_C(1) << 40), 0);
        assert_true(configuration_load(file, false, room_path("none.d"), &configuration, &fault) < 0);
        assert_int_equal(fault.code, FAULT_CONFIGURATION);
        assert_int_equal(unlink(file), 0);
        /* What systemd takes for masked is empty. */
        assert_int_equal(symlink("/dev/null", file), 0);
        assert_int_equal(configuration_load(file, true, room_path("none.d"), &configuration, NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, room_setup, room_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_nothing_means_the_defaults),
                        TEST(test_every_setting),
                        TEST(test_empty_value_brings_the_default_back),
                        TEST(test_wrong_lines),
                        TEST(test_setting_before_any_section_is_told),
                        TEST(test_over_long_line_is_one_fault),
                        TEST(test_as_many_recipients_on_a_line_as_there_may_be),
                        TEST(test_a_secret_in_the_wrong_place_is_not_repeated),
                        TEST(test_a_misspelt_recipient_is_named),
                        TEST(test_remarks_and_what_editors_add),
                        TEST(test_indented_line_is_a_line_of_its_own),
                        TEST(test_faults_are_bounded_and_are_single_lines),
                        TEST(test_drop_ins_in_their_order),
                        TEST(test_file_that_cannot_be_read),
                        TEST(test_what_is_no_file_is_refused_and_not_waited_for),
        };

        return cmocka_run_group_tests_name("configuration", tests, NULL, NULL);
}
