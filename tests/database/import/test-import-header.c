/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "import-fixture.h"

#include <string.h>

#include "database/import/import.h"

static void test_no_export_at_all(void **state)
{
        (void) import_assert_refused("", FAULT_INVALID_ARGUMENT, "expected an export");
        (void) import_assert_refused("[]", FAULT_INVALID_ARGUMENT, "expected an export");
        (void) import_assert_refused("SQLite format 3", FAULT_INVALID_ARGUMENT, "not JSON");
        (void) import_assert_refused("{}", FAULT_INVALID_ARGUMENT, "\"format\" is missing");
        (void) import_assert_refused("{\"format\":\"other\"}", FAULT_INVALID_ARGUMENT, "no export");
        (void) import_assert_refused("{\"format\":1}", FAULT_INVALID_ARGUMENT, "expected the name");
}

static void test_header_is_strict(void **state)
{
        static const struct {
                const char *text, *words;
        } wrong[] = {
                        {"{\"format\":\"oracxpred-export\",\"version\":0}", "no such version"},
                        {"{\"format\":\"oracxpred-export\",\"version\":\"1\"}", "expected the version"},
                        {"{\"format\":\"oracxpred-export\",\"version\":1.0}", "expected the version"},
                        {"{\"redacted\":null}", "true or false"},
                        {"{\"encoding\":\"latin1\"}", "no such encoding"},
                        {"{\"user_version\":2147483648}", "32 bits"},
                        {"{\"application_id\":-2147483649}", "32 bits"},
                        {"{\"user_version\":1,\"user_version\":1}", "comes twice"},
                        {"{\"comment\":\"x\"}", "unknown member"},
                        {"{\"schema\":{}}", "list of the schema"},
                        {"{\"schema\":[1]}", "is an object"},
                        {"{\"schema\":[{}]}", "a schema entry has"},
                        {"{\"schema\":[{\"type\":\"table\",\"type\":\"table\"}]}", "comes twice"},
                        {"{\"schema\":[{\"rootpage\":2}]}", "unknown member"},
                        {"{\"schema\":[{\"type\":2}]}", "expected a string"},
                        {"{\"schema\":[{\"sql\":\"CREATE TABLE t(a)\\u0000\"}]}", "zero character"},
                        {IMPORT_HEADER ",\"tables\":{}}", "\"schema\" is missing"},
                        {IMPORT_HEADER "}", "\"schema\" is missing"},
                        {IMPORT_HEADER ",\"schema\":[],\"tables\":[]}", "expected the tables"},
                        {IMPORT_HEADER ",\"schema\":[],\"tables\":{}", "cut short"},
                        {IMPORT_HEADER ",\"schema\":[],\"tables\":{}}{}", "expected the end"},
                        {IMPORT_HEADER ",\"schema\":[],\"tables\":{}} x", "not JSON"},
                        {IMPORT_HEADER ",\"schema\":[],\"tables\":{},\"more\":1}",
                                        "nothing after the tables"},
        };

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
                assert_non_null(strstr(
                                import_assert_refused(wrong[i].text, FAULT_INVALID_ARGUMENT, wrong[i].words),
                                "column"));
}

static void test_newer_version_is_not_supported(void **state)
{
        (void) import_assert_refused(
                        "{\"format\":\"oracxpred-export\",\"version\":3,", FAULT_NOT_SUPPORTED, "newer one");
}

static void test_redacted_is_not_supported(void **state)
{
        (void) import_assert_refused("{\"format\":\"oracxpred-export\",\"version\":1,\"redacted\":true",
                        FAULT_NOT_SUPPORTED,
                        "export again without redaction");
}

/* The only part that is kept in memory as a whole. */
static void test_schema_is_bounded(void **state)
{
        static const char beginning[] = "{\"schema\":[",
                          entry[] = "{\"type\":\"\",\"name\":\"\",\"table\":\"\",\"sql\":\"\"},";
        size_t n = IMPORT_SCHEMA_MAX_BYTES / 32;
        _cleanup_free_ char *many = malloc(sizeof beginning + n * sizeof entry);
        _cleanup_free_ char *large = malloc(IMPORT_SCHEMA_MAX_BYTES + 64);
        char *position = stpcpy(many, beginning);

        for (size_t i = 0; i < n; i++)
                position = stpcpy(position, entry);
        (void) import_assert_refused(many, FAULT_INVALID_ARGUMENT, "too large");

        position = stpcpy(large, "{\"schema\":[{\"sql\":\"");
        memset(position, 'x', IMPORT_SCHEMA_MAX_BYTES);
        position[IMPORT_SCHEMA_MAX_BYTES] = '\0';
        (void) import_assert_refused(large, FAULT_INVALID_ARGUMENT, "longer than");
}

/* Any order, and any space, as another program may have written it. */
static void test_order_within_the_header_does_not_matter(void **state)
{
        (void) import_assert_taken(
                        "\n{ \"schema\" : [ ] , \"application_id\":0,\r\n\t\"encoding\":\"UTF-8\","
                        "\"redacted\":false,\"user_version\":0,\"version\":1,"
                        "\"format\":\"oracxpred-export\", \"tables\" : { } }\n\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_no_export_at_all),
                        TEST(test_header_is_strict),
                        TEST(test_newer_version_is_not_supported),
                        TEST(test_redacted_is_not_supported),
                        TEST(test_schema_is_bounded),
                        TEST(test_order_within_the_header_does_not_matter),
        };

        return cmocka_run_group_tests_name("database/import-header", tests, NULL, NULL);
}
