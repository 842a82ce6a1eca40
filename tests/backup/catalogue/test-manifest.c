/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../database/fixture.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/catalogue/manifest.h"

#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define UPPER_CASE_DIGEST "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF"
#define FILE_NAME "backup_20260124_014621.db.gz"
#define MINIMAL "\"version\": 1, \"name\": \"backup_20260124_014621\", \"file\": \"" FILE_NAME "\""

static Manifest *make(void)
{
        Manifest *manifest;

        assert_int_equal(manifest_new(&manifest), 0);
        manifest->name = strdup("backup_20260124_014621");
        manifest->file = strdup(FILE_NAME);
        manifest->kind = BACKUP_MANUAL;
        manifest->label = strdup("avant la mise \xc3\xa0 jour \"2\"");
        manifest->source = strdup("/var/lib/oracxpred/data/oracxpred.db");
        manifest->host = strdup("server");
        manifest->tool_version = strdup("1");
        manifest->created_usec = UINT64_C(1769219181123456);
        manifest->duration_usec = 12;
        manifest->verified_usec = UINT64_C(1769219182000000);
        manifest->quick_check = true;
        manifest->page_size_bytes = 4096;
        manifest->pages = 3;
        manifest->database_bytes = 12288;
        manifest->stored_bytes = 800;
        (void) strcpy(manifest->blocks_sha256, DIGEST);
        (void) strcpy(manifest->index_sha256, DIGEST);
        (void) strcpy(manifest->stored_sha256, DIGEST);
        manifest->compression = COMPRESSION_GZIP;
        manifest->foreign_key_violations = 2;
        manifest->verification_fault = strdup("row 1 missing from index");
        manifest->tables = calloc(2, sizeof *manifest->tables);
        assert_non_null(manifest->tables);
        manifest->n_tables = 2;
        manifest->tables[0] = (TableCount){.name = strdup("alerts"), .rows = 0};
        manifest->tables[1] = (TableCount){.name = strdup("users"), .rows = UINT64_C(1) << 53};
        return manifest;
}

static void assert_same(const Manifest *a, const Manifest *b)
{
        assert_string_equal(a->name, b->name);
        assert_string_equal(a->file, b->file);
        assert_int_equal(a->kind, b->kind);
        assert_string_equal(a->label, b->label);
        assert_string_equal(a->source, b->source);
        assert_string_equal(a->host, b->host);
        assert_string_equal(a->tool_version, b->tool_version);
        assert_int_equal(a->created_usec, b->created_usec);
        assert_int_equal(a->duration_usec, b->duration_usec);
        assert_int_equal(a->verified_usec, b->verified_usec);
        assert_int_equal(a->quick_check, b->quick_check);
        assert_int_equal(a->page_size_bytes, b->page_size_bytes);
        assert_int_equal(a->pages, b->pages);
        assert_int_equal(a->database_bytes, b->database_bytes);
        assert_int_equal(a->stored_bytes, b->stored_bytes);
        assert_string_equal(a->blocks_sha256, b->blocks_sha256);
        assert_string_equal(a->index_sha256, b->index_sha256);
        assert_string_equal(a->stored_sha256, b->stored_sha256);
        assert_int_equal(a->compression, b->compression);
        assert_int_equal(a->encrypted, b->encrypted);
        assert_int_equal(a->foreign_key_violations, b->foreign_key_violations);
        assert_string_equal(a->verification_fault, b->verification_fault);
        assert_int_equal(a->adopted, b->adopted);
        assert_int_equal(a->n_tables, b->n_tables);
        for (size_t i = 0; i < a->n_tables; i++) {
                assert_string_equal(a->tables[i].name, b->tables[i].name);
                assert_int_equal(a->tables[i].rows, b->tables[i].rows);
        }
}

static Manifest *parse(const char *text)
{
        _cleanup_fault_ Fault fault = {0};
        Manifest *manifest = NULL;

        if (manifest_parse(text, strlen(text), &manifest, &fault) < 0)
                fail_msg("%s: %s", text, fault.message);
        return manifest;
}

static void assert_refused(const char *text, FaultCode code)
{
        _cleanup_fault_ Fault fault = {0};
        Manifest *manifest = NULL;

        if (manifest_parse(text, strlen(text), &manifest, &fault) >= 0)
                fail_msg("accepted: %s", text);
        assert_int_equal(fault.code, code);
        assert_non_null(fault.message);
        assert_null(manifest);
}

static void test_round_trip(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = make(), *again = NULL,
                                           *copy = manifest_copy(manifest);
        _cleanup_fault_ Fault fault = {0};
        _cleanup_free_ char *text = NULL, *text_again = NULL;

        assert_int_equal(manifest_format(manifest, &text, &fault), 0);
        again = parse(text);
        assert_same(manifest, again);
        assert_same(manifest, copy);
        assert_int_equal(manifest_format(again, &text_again, &fault), 0);
        assert_string_equal(text, text_again);
        assert_non_null(strstr(text, "\"created\": \"2026-01-24T01:46:21.123456Z\""));
        assert_non_null(strstr(text, "\"quick_check\""));
}

static void test_tables_are_sorted(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest =
                        parse("{" MINIMAL ", \"kind\": \"manual\", \"rows_per_table\": {\"users\": 3, "
                              "\"alerts\": 1, \"logs\": 2}}");

        assert_int_equal(manifest->n_tables, 3);
        for (uint64_t i = 0; i < 3; i++)
                assert_int_equal(manifest->tables[i].rows, i + 1);
        assert_string_equal(manifest->tables[0].name, "alerts");
}

static void test_unknown_fields_survive(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest =
                        parse("{" MINIMAL
                              ", \"kind\": \"manual\", \"label\": \"x\", \"later\": {\"a\": [1.50, null]},"
                              " \"rows_per_table\": {}}");
        _cleanup_fault_ Fault fault = {0};
        _cleanup_free_ char *text = NULL;

        assert_false(manifest->adopted);
        free(TAKE_PTR(manifest->label));
        assert_int_equal(manifest_format(manifest, &text, &fault), 0);
        assert_non_null(strstr(text, "\"later\""));
        assert_non_null(strstr(text, "1.50"));
        assert_null(strstr(text, "\"label\""));
}

static void test_foreign_document_is_adopted(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = parse(
                        "{\"timestamp\": \"2026-01-24T01:46:21\", \"tables\": [\"users\"], \"kind\": 7,"
                        " \"version\": \"1.0\", \"file\": \"oracxpred.db\"}");
        _cleanup_(manifest_freep) Manifest *again = NULL;
        _cleanup_fault_ Fault fault = {0};
        _cleanup_free_ char *text = NULL;

        assert_true(manifest->adopted);
        assert_null(manifest->file);
        manifest->name = strdup("backup_x");
        manifest->file = strdup("backup_x.db");
        manifest->kind = BACKUP_IMPORTED;
        assert_int_equal(manifest_format(manifest, &text, &fault), 0);
        assert_non_null(strstr(text, "\"timestamp\": \"2026-01-24T01:46:21\""));
        assert_non_null(strstr(text, "\"tables\""));
        again = parse(text);
        assert_string_equal(again->file, "backup_x.db");
        assert_true(again->adopted);
}

static void test_damaged_documents_are_corrupt(void **state)
{
        static const char *const texts[] = {
                        "",
                        " ",
                        "null",
                        "[]",
                        "7",
                        "{",
                        "{" MINIMAL ", \"kind\": \"manual\"",
                        "{" MINIMAL ", \"kind\": \"manual\"} x",
                        "{" MINIMAL ", \"kind\": \"manual\"}{}",
                        "{" MINIMAL ", \"kind\": \"manual\", \"kind\": \"initial\"}",
                        "{" MINIMAL ", \"kind\": \"manual\", \"later\": [{\"a\": 1, \"a\": 2}]}",
                        "{" MINIMAL ", \"kind\": \"manual\", \"label\": \"\xff\"}",
                        "{" MINIMAL ", \"kind\": \"manual\", \"x\": [[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]}",
                        "{" MINIMAL ", \"kind\": \"manual\",}",
                        "{'version': 1}",
                        "{\"a\": NaN}",
                        "{\"a\": -Infinity}",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_refused(texts[i], FAULT_CORRUPT);
}

static void test_a_zero_byte_is_not_the_end(void **state)
{
        static const char text[] = "{\"a\": 1}\0 rubbish";
        _cleanup_fault_ Fault fault = {0};
        Manifest *manifest = NULL;

        assert_int_equal(manifest_parse(text, sizeof text - 1, &manifest, &fault),
                        fault_errno(FAULT_CORRUPT));
}

static void test_impossible_values_are_corrupt(void **state)
{
        static const char *const values[] = {
                        "\"kind\": 1",
                        "\"kind\": \"weekly\"",
                        "\"label\": 1",
                        "\"label\": \"two\\nlines\"",
                        "\"label\": \"cut\\u0000short\"",
                        "\"created_usec\": -1",
                        "\"created_usec\": 9007199254740993",
                        "\"created_usec\": 99999999999999999999999999",
                        "\"created_usec\": 1.5",
                        "\"created_usec\": \"1\"",
                        "\"created_usec\": true",
                        "\"page_size_bytes\": 1000",
                        "\"page_size_bytes\": 256",
                        "\"page_size_bytes\": 131072",
                        "\"stored_sha256\": \"abc\"",
                        "\"stored_sha256\": \"" UPPER_CASE_DIGEST "\"",
                        "\"database_blocks_sha256\": 5",
                        "\"compression\": \"none\"",
                        "\"compression\": \"zstd\"",
                        "\"encrypted\": true",
                        "\"encrypted\": 0",
                        "\"adopted\": \"yes\"",
                        "\"checks\": {}",
                        "\"checks\": [1]",
                        "\"rows_per_table\": []",
                        "\"rows_per_table\": {\"users\": -1}",
                        "\"rows_per_table\": {\"users\": null}",
        };

        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                _cleanup_free_ char *text = NULL;

                assert_true(asprintf(&text,
                                            "{" MINIMAL ", %s%s}",
                                            strncmp(values[i], "\"kind\"", 6) == 0
                                                            ? ""
                                                            : "\"kind\": \"manual\", ",
                                            values[i]) > 0);
                assert_refused(text, FAULT_CORRUPT);
        }
        assert_refused("{" MINIMAL "}", FAULT_CORRUPT); /* no kind */
        assert_refused("{\"version\": 1, \"name\": \"a\", \"kind\": \"manual\", \"file\": "
                       "\"../backup_x.db\"}",
                        FAULT_CORRUPT);
        assert_refused("{\"version\": 1, \"name\": \"a/b\", \"kind\": \"manual\", \"file\": "
                       "\"backup_x.db\"}",
                        FAULT_CORRUPT);
        assert_refused("{\"version\": 0, \"name\": \"a\", \"kind\": \"manual\", \"file\": \"backup_x.db\"}",
                        FAULT_CORRUPT);
}

static void test_later_version_is_not_supported(void **state)
{
        assert_refused("{\"version\": 2, \"file\": \"" FILE_NAME "\"}", FAULT_NOT_SUPPORTED);
}

static void test_sizes_are_bounded(void **state)
{
        _cleanup_free_ char *text = malloc(MANIFEST_MAX_BYTES + 2);
        _cleanup_(manifest_freep) Manifest *manifest = make();
        _cleanup_fault_ Fault fault = {0};
        _cleanup_free_ char *formatted = NULL;

        assert_non_null(text);
        memset(text, ' ', MANIFEST_MAX_BYTES + 1);
        text[0] = '{';
        text[MANIFEST_MAX_BYTES] = '}';
        text[MANIFEST_MAX_BYTES + 1] = '\0';
        assert_refused(text, FAULT_CORRUPT);

        /* A table list that could not be read again is left out, not the manifest. */
        free(manifest->tables[0].name);
        memset(text, 'a', MANIFEST_MAX_BYTES + 1);
        manifest->tables[0].name = TAKE_PTR(text);
        assert_int_equal(manifest_format(manifest, &formatted, &fault), 0);
        assert_true(strlen(formatted) < 4096);
        assert_null(strstr(formatted, "rows_per_table"));
}

static void test_text_that_is_not_utf8_stays_readable(void **state)
{
        _cleanup_(manifest_freep) Manifest *manifest = make(), *again = NULL;
        _cleanup_fault_ Fault fault = {0};
        _cleanup_free_ char *text = NULL;

        free(manifest->tables[0].name);
        manifest->tables[0].name = strdup("t\xe9l\xe9");
        assert_int_equal(manifest_format(manifest, &text, &fault), 0);
        again = parse(text);
        assert_string_equal(again->tables[0].name, "t?l?");
}

static void test_labels(void **state)
{
        char label[BACKUP_LABEL_MAX_BYTES + 2];

        memset(label, 'x', sizeof label);
        label[BACKUP_LABEL_MAX_BYTES] = '\0';
        assert_true(backup_label_is_valid(label));
        label[BACKUP_LABEL_MAX_BYTES] = 'x';
        label[BACKUP_LABEL_MAX_BYTES + 1] = '\0';
        assert_false(backup_label_is_valid(label));
        assert_true(backup_label_is_valid("avant la mise \xc3\xa0 jour"));
        assert_false(backup_label_is_valid("tab\t"));
        assert_false(backup_label_is_valid("\xc3"));
}

static void test_store_and_load(void **state)
{
        _cleanup_close_ int directory_fd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(manifest_freep) Manifest *manifest = make(), *again = NULL, *missing = NULL;
        _cleanup_fault_ Fault fault = {0};
        struct stat status;

        assert_int_equal(manifest_load(directory_fd, FILE_NAME, &missing, &fault),
                        fault_errno(FAULT_NOT_FOUND));
        fault_done(&fault);
        assert_int_equal(manifest_store(directory_fd, manifest, &fault), 0);
        assert_int_equal(manifest_store(directory_fd, manifest, &fault), 0);
        assert_int_equal(manifest_load(directory_fd, FILE_NAME, &again, &fault), 0);
        assert_same(manifest, again);
        assert_int_equal(fstatat(directory_fd, FILE_NAME ".meta", &status, 0), 0);
        assert_int_equal(status.st_mode & 07777, 0600);

        assert_int_equal(manifest_store_as(directory_fd, manifest, "marker", &fault), 0);
        assert_int_equal(manifest_store_as(directory_fd, manifest, "marker", &fault),
                        fault_errno(FAULT_INVALID_ARGUMENT));
        fault_done(&fault);

        /* A manifest that was renamed to belong to another file. */
        assert_int_equal(renameat(directory_fd, FILE_NAME ".meta", directory_fd, "backup_x.db.gz.meta"), 0);
        assert_int_equal(manifest_load(directory_fd, "backup_x.db.gz", &missing, &fault),
                        fault_errno(FAULT_CORRUPT));
        fixture_assert_fault(&fault, FAULT_CORRUPT, FILE_NAME);
}

static void test_load_names_a_foreign_manifest(void **state)
{
        _cleanup_close_ int directory_fd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(manifest_freep) Manifest *manifest = NULL, *missing = NULL;
        _cleanup_fault_ Fault fault = {0};

        fixture_write(fixture_path("backup_x.db.meta"), "{}", 2);
        assert_int_equal(manifest_load(directory_fd, "backup_x.db", &manifest, &fault), 0);
        assert_string_equal(manifest->name, "backup_x");
        assert_string_equal(manifest->file, "backup_x.db");
        assert_int_equal(manifest->kind, BACKUP_IMPORTED);
        assert_true(manifest->adopted);

        assert_int_equal(mkfifoat(directory_fd, "backup_y.db.meta", 0600), 0);
        assert_int_equal(manifest_load(directory_fd, "backup_y.db", &missing, &fault),
                        fault_errno(FAULT_CORRUPT));
}

static void test_names_of_kinds(void **state)
{
        for (BackupKind kind = 0; kind < _BACKUP_KIND_MAX; kind++)
                assert_int_equal(backup_kind_from_string(backup_kind_to_string(kind)), kind);
        for (Compression compression = 0; compression < _COMPRESSION_MAX; compression++)
                assert_int_equal(compression_from_string(compression_to_string(compression)), compression);
        assert_int_equal(backup_kind_from_string("weekly"), _BACKUP_KIND_INVALID);
        assert_int_equal(compression_from_string(""), _COMPRESSION_INVALID);
        assert_null(backup_kind_to_string(_BACKUP_KIND_MAX));
        assert_null(compression_to_string(_COMPRESSION_INVALID));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_round_trip),
                        cmocka_unit_test(test_tables_are_sorted),
                        cmocka_unit_test(test_unknown_fields_survive),
                        cmocka_unit_test(test_foreign_document_is_adopted),
                        cmocka_unit_test(test_damaged_documents_are_corrupt),
                        cmocka_unit_test(test_a_zero_byte_is_not_the_end),
                        cmocka_unit_test(test_impossible_values_are_corrupt),
                        cmocka_unit_test(test_later_version_is_not_supported),
                        cmocka_unit_test(test_sizes_are_bounded),
                        cmocka_unit_test(test_text_that_is_not_utf8_stays_readable),
                        cmocka_unit_test(test_labels),
                        cmocka_unit_test_setup_teardown(
                                        test_store_and_load, fixture_setup, fixture_teardown),
                        cmocka_unit_test_setup_teardown(
                                        test_load_names_a_foreign_manifest, fixture_setup, fixture_teardown),
                        cmocka_unit_test(test_names_of_kinds),
        };

        return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
