/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <string.h>

#include "database/page/page-map.h"

#define PAGE_BYTES 4096

static bool adds_up(const char *path)
{
        _cleanup_(connection_closep) Connection *connection = fixture_connect(path, CONNECTION_PRIVATE);
        _cleanup_(statement_finalizep) sqlite3_stmt *pin = NULL;
        Fault fault = {0};

        if (connection_pin(connection, &pin, &fault) < 0)
                fail_msg("%s", fault.message);
        return page_map_adds_up(connection);
}

/* Interior pages of both kinds, chains of one page and of many, and more free pages than one trunk holds. */
static const char *create(void)
{
        const char *path = fixture_path("pages.db");
        sqlite3 *application = fixture_open(path);

        fixture_execute(application,
                        "PRAGMA page_size=4096; CREATE TABLE t(id INTEGER PRIMARY KEY, body TEXT);"
                        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
                        " INSERT INTO t SELECT i, printf('%050d', i) FROM n;"
                        "INSERT INTO t SELECT 4000 + i * 8, zeroblob(i * 3000)"
                        " FROM (SELECT 1 AS i UNION SELECT 2 UNION SELECT 12);"
                        "CREATE INDEX t_body ON t(body);"
                        "CREATE TABLE gone(b); INSERT INTO gone VALUES(zeroblob(6000000)); DROP TABLE gone");
        assert_true(fixture_integer(application, "PRAGMA freelist_count") > 1024);
        fixture_close(application);
        return path;
}

static uint32_t get4(const char *image, size_t offset)
{
        const unsigned char *at = (const unsigned char *) image + offset;

        return (uint32_t) at[0] << 24 | (uint32_t) at[1] << 16 | (uint32_t) at[2] << 8 | at[3];
}

static void put4(const char *path, uint64_t offset, uint32_t value)
{
        unsigned char bytes[4] = {(unsigned char) (value >> 24),
                        (unsigned char) (value >> 16),
                        (unsigned char) (value >> 8),
                        (unsigned char) value};

        fixture_overwrite(path, offset, bytes, sizeof bytes);
}

static uint32_t root_of(const char *path, const char *name)
{
        char *sql = sqlite3_mprintf("SELECT rootpage FROM sqlite_schema WHERE name=%Q", name);
        sqlite3 *application = fixture_open(path);
        uint32_t page = (uint32_t) fixture_integer(application, sql);

        sqlite3_free(sql);
        fixture_close(application);
        return page;
}

static void test_sound_file_adds_up(void **state)
{
        assert_true(adds_up(create()));
}

/* Each change alone makes a page used twice, by nobody, or not there. */
static void test_what_does_not_add_up(void **state)
{
        const char *path = create();
        uint64_t root = (uint64_t) (root_of(path, "t") - 1) * PAGE_BYTES;
        _cleanup_free_ char *image = NULL;
        uint32_t trunk, n_pages;
        size_t size;

        image = fixture_read(path, &size);
        n_pages = (uint32_t) (size / PAGE_BYTES);
        trunk = get4(image, 32);
        {
                const struct {
                        uint64_t offset;
                        uint32_t value;
                } changes[] = {
                                {32, get4(image, (uint64_t) (trunk - 1) * PAGE_BYTES)}, /* a trunk is skipped
                                                                                         */
                                {32, 0},
                                {32, n_pages + 1},
                                {36, get4(image, 36) - 1},
                                {36, get4(image, 36) + 1},
                                {52, 3}, /* auto_vacuum's own pages are not known here */
                                {64, 1},
                                {(uint64_t) (trunk - 1) * PAGE_BYTES + 4, 0x7fffffff},
                                {(uint64_t) (trunk - 1) * PAGE_BYTES + 8, root_of(path, "t")},
                                {(uint64_t) (trunk - 1) * PAGE_BYTES + 8, 0},
                                {(uint64_t) (trunk - 1) * PAGE_BYTES, trunk}, /* a circle */
                                {root + 8, root_of(path, "t_body")},          /* the rightmost child */
                                {root + 8, root_of(path, "t")},
                                {root + 8, n_pages + 7},
                };

                for (size_t i = 0; i < ELEMENTSOF(changes); i++) {
                        put4(path, changes[i].offset, changes[i].value);
                        if (adds_up(path))
                                fail_msg("change %zu adds up", i);
                        put4(path, changes[i].offset, get4(image, changes[i].offset));
                        assert_true(adds_up(path));
                }
        }
}

static void test_page_of_an_unknown_kind_does_not_add_up(void **state)
{
        const char *path = create();
        char kind = 77;

        fixture_overwrite(path, (uint64_t) (root_of(path, "t") - 1) * PAGE_BYTES, &kind, 1);
        assert_false(adds_up(path));
}

static void test_cancelled_does_not_add_up(void **state)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(statement_finalizep) sqlite3_stmt *pin = NULL;
        Progress progress;

        progress_init(&progress);
        assert_int_equal(connection_open(create(), CONNECTION_PRIVATE, &progress, &connection, NULL), 0);
        assert_int_equal(connection_pin(connection, &pin, NULL), 0);
        assert_true(page_map_adds_up(connection));
        progress_cancel(&progress);
        assert_false(page_map_adds_up(connection));
        (void) sqlite3_finalize(TAKE_PTR(pin));
        connection = connection_close(connection);
        progress_done(&progress);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_sound_file_adds_up),
                        TEST(test_what_does_not_add_up),
                        TEST(test_page_of_an_unknown_kind_does_not_add_up),
                        TEST(test_cancelled_does_not_add_up),
        };

        return cmocka_run_group_tests_name("database/page-map", tests, NULL, NULL);
}
