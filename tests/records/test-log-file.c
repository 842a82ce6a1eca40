/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "log-fixture.h"

#include <sys/stat.h>

#include "records/log-file.h"
#include "records/log-page.h"
#include "records/log-writer.h"

static void test_rows_go_in_and_come_back(void **state)
{
        const char *path = fixture_path("audit.db");
        LogEntry system = log_system_entry(), access = log_access_entry();
        LogItem first = {.entry = &system}, second = {.entry = &access}, *items[] = {&first, &second};
        LogFilter filter = {.table = LOG_SYSTEM, .limit = 10};
        Connection *connection;
        struct stat status;
        LogPage page;

        /* The second time it is there. */
        for (int i = 0; i < 2; i++)
                assert_int_equal(log_file_prepare(path, NULL), 0);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 0777, 0600);
        connection = fixture_connect(path, CONNECTION_WRITE);
        assert_int_equal(log_write(connection, items, 2, NULL), 0);
        /* There are no users to refer to. */
        assert_int_equal(first.fault.code, FAULT_NONE);
        assert_int_equal(second.fault.code, FAULT_NONE);
        assert_int_equal(log_page_read(connection, &filter, &page, NULL), 0);
        assert_int_equal(page.n_rows, 1);
        assert_string_equal(page.rows[0].entry->message, system.message);
        log_page_done(&page);
        connection = connection_close(connection);
}

static void test_an_empty_file_is_filled(void **state)
{
        const char *path = fixture_path("audit.db");
        Connection *connection;
        int64_t n;

        fixture_write(path, "", 0);
        assert_int_equal(log_file_prepare(path, NULL), 0);
        connection = fixture_connect(path, CONNECTION_READ);
        assert_int_equal(connection_query_integer(connection, "SELECT count(*) FROM access_logs", &n, NULL),
                        0);
        connection = connection_close(connection);
}

static void test_its_damage_is_not_the_database_s(void **state)
{
        static const FaultCode codes[] = {FAULT_CORRUPT, FAULT_NOT_A_DATABASE};

        for (size_t i = 0; i < ELEMENTSOF(codes); i++) {
                Fault fault = {0};
                int r = fault_set(&fault, codes[i], "malformed");

                assert_int_equal(log_file_disguise("/x/audit.db", r, &fault), fault_errno(FAULT_FAILED));
                fixture_assert_fault(&fault, FAULT_FAILED, "/x/audit.db");
        }
        assert_int_equal(log_file_disguise("/x/audit.db", 0, NULL), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, log_setup, log_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_rows_go_in_and_come_back),
                        TEST(test_an_empty_file_is_filled),
                        TEST(test_its_damage_is_not_the_database_s),
        };

        return cmocka_run_group_tests_name("log-file", tests, NULL, NULL);
}
