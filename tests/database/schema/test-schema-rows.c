/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <string.h>

#include "database/schema/schema-rows.h"

static void read_rows(const char *path, SchemaRows *ret)
{
        _cleanup_(connection_closep) Connection *connection = fixture_connect(path, CONNECTION_READ);
        _cleanup_(statement_finalizep) sqlite3_stmt *pin = NULL;
        _cleanup_(page_file_done) PageFile file = {0};

        assert_int_equal(connection_pin_pages(connection, &pin, NULL), 0);
        assert_int_equal(page_file_open_live(connection, &file, NULL), 1);
        assert_int_equal(schema_rows_read(&file, ret), 0);
}

static void test_rows_are_read_without_being_understood(void **state)
{
        static const char *const encodings[] = {"UTF-8", "UTF-16le", "UTF-16be"};

        for (size_t i = 0; i < ELEMENTSOF(encodings); i++) {
                _cleanup_(schema_rows_done) SchemaRows rows = {0};
                char *sql = sqlite3_mprintf("PRAGMA encoding=%Q", encodings[i]);
                const char *path = fixture_path(encodings[i]);
                sqlite3 *application = fixture_open(path);

                fixture_execute(application, sql);
                sqlite3_free(sql);
                fixture_execute(application,
                                "CREATE TABLE t(a UNIQUE); CREATE TABLE w(k PRIMARY KEY) without rowid;"
                                "CREATE VIEW v AS SELECT 1; PRAGMA writable_schema=ON;"
                                "UPDATE sqlite_schema SET sql='CREATE VIEW v AS SELECT 1_000' WHERE "
                                "name='v'");
                fixture_close(application);
                read_rows(path, &rows);
                assert_int_equal(rows.n_rows, 4);
                assert_true(rows.is_whole);
                assert_string_equal(rows.rows[0].name, "t");
                assert_false(rows.rows[0].is_index);
                assert_false(rows.rows[0].is_without_rowid);
                assert_int_equal(rows.rows[0].root, 2);
                assert_string_equal(rows.rows[1].name, "sqlite_autoindex_t_1");
                assert_true(rows.rows[1].is_index);
                assert_true(rows.rows[2].is_without_rowid);
                assert_int_equal(rows.rows[3].root, 0);
                for (size_t k = 0; k < rows.n_rows; k++)
                        assert_true(rows.rows[k].is_written);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_rows_are_read_without_being_understood),
        };

        return cmocka_run_group_tests_name("database/schema-rows", tests, NULL, NULL);
}
