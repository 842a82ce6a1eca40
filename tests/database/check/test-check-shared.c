/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "event-vfs.h"
#include "fixture.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/time.h>

#include "database/check/check-pragma.h"
#include "database/check/check-shared.h"

#define PAGE_BYTES 1024

/* What databases have: rows that flow over, indexes of all kinds, tables without rowids, free pages, foreign
 * keys, triggers and views, and tables that belong to a virtual one. */
static const char content_sql[] =
                "PRAGMA page_size=1024; PRAGMA foreign_keys=OFF;"
                "CREATE TABLE parent(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);"
                "CREATE TABLE child(id INTEGER PRIMARY KEY, p INTEGER REFERENCES parent(id), body TEXT, n "
                "REAL,"
                " CHECK(n < 50));"
                "CREATE INDEX child_p ON child(p); CREATE INDEX child_n ON child(n DESC, body COLLATE "
                "NOCASE);"
                "CREATE INDEX child_part ON child(n) WHERE p > 50; CREATE INDEX child_expr ON "
                "child(length(body));"
                "CREATE TABLE w(k TEXT, v BLOB, PRIMARY KEY(k)) WITHOUT ROWID; CREATE INDEX w_v ON w(v);"
                "CREATE VIEW v AS SELECT * FROM child; CREATE TABLE empty(a, b UNIQUE);"
                "CREATE TABLE gone(b);"
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120)"
                " INSERT INTO parent SELECT i, printf('parent-%03d', i) FROM n;"
                "INSERT INTO child SELECT id, id, substr(replace(hex(zeroblob(900)), '0', name), 1, id * "
                "11),"
                " id * 0.25 FROM parent;"
                "INSERT INTO w SELECT name, randomblob(id * 9) FROM parent;"
                "INSERT INTO gone SELECT zeroblob(300000); DROP TABLE gone";

static void create(const char *path, const char *before, const char *after)
{
        sqlite3 *application = fixture_open(path);

        fixture_execute(application, before);
        fixture_execute(application, content_sql);
        fixture_execute(application, after);
        fixture_close(application);
}

/* What the shared check alone says; `connection` is opened as check_run() does it. */
static bool is_proved(const char *path, ConnectionMode mode, CheckDepth depth, unsigned n_threads)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(statement_finalizep) sqlite3_stmt *pin = NULL;
        CheckResult result = {0};
        bool proved;

        if (connection_open(path, mode, NULL, &connection, NULL) < 0 ||
                        connection_pin(connection, &pin, NULL) < 0)
                return false;
        proved = check_shared(connection, mode, depth, n_threads, &result);
        assert_null(result.first_finding);
        assert_int_equal(result.n_findings, 0);
        return proved;
}

/* By SQLite's own check. */
static bool is_sound(const char *path, ConnectionMode mode, CheckDepth depth, CheckResult *result)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        uint64_t rows;

        return connection_open(path, mode, NULL, &connection, NULL) >= 0 &&
               check_pragma_run(connection,
                               depth == CHECK_FULL ? "PRAGMA main.integrity_check"
                                                   : "PRAGMA main.quick_check",
                               result,
                               &rows,
                               NULL) >= 0 &&
               result->n_findings == 0;
}

static void check(
                const char *path, ConnectionMode mode, CheckDepth depth, unsigned threads, CheckResult *ret)
{
        _cleanup_fault_ Fault fault = {0};

        if (check_run(path, mode, depth, threads, NULL, ret, &fault) < 0)
                fail_msg("%s", fault.message);
}

static void assert_proved(const char *path, ConnectionMode mode, CheckDepth depth)
{
        for (unsigned n_threads = 1; n_threads <= 5; n_threads += 2)
                if (!is_proved(path, mode, depth, n_threads))
                        fail_msg("%s, %u threads: not proved", path, n_threads);
}

static void test_sound_databases_are_proved(void **state)
{
        static const struct {
                const char *name, *before, *after;
        } kinds[] = {
                        {"plain.db", "", ""},
                        {"utf16.db", "PRAGMA encoding='UTF-16le'", ""},
                        {"search.db",
                                        "",
                                        "CREATE VIRTUAL TABLE s USING fts5(a); INSERT INTO s VALUES('one "
                                        "two')"},
                        {"odd.db",
                                        "",
                                        "CREATE TABLE \"a 'b\"\"c\"(x UNIQUE); INSERT INTO \"a 'b\"\"c\" "
                                        "VALUES(1)"},
                        {"analyzed.db", "", "ANALYZE"},
                        {"large-pages.db", "PRAGMA page_size=65536; CREATE TABLE t(a)", ""},
        };

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                const char *path = fixture_path(kinds[i].name);

                create(path, kinds[i].before, kinds[i].after);
                assert_proved(path, CONNECTION_PRIVATE, CHECK_QUICK);
                assert_proved(path, CONNECTION_PRIVATE, CHECK_FULL);
        }
}

static void test_live_database_is_proved(void **state)
{
        const char *path = fixture_path("wal.db");
        sqlite3 *application;

        create(path, "PRAGMA journal_mode=WAL", "");
        application = fixture_open(path);
        fixture_execute(application, "UPDATE child SET n = n + 1");
        assert_proved(path, CONNECTION_READ, CHECK_FULL);
        fixture_close(application);
}

static void test_compressible_layouts_are_left_to_sqlite(void **state)
{
        static const char *const settings[] = {"FULL", "INCREMENTAL"};

        for (size_t i = 0; i < ELEMENTSOF(settings); i++) {
                const char *path = fixture_path(settings[i]);
                char *sql = sqlite3_mprintf("PRAGMA auto_vacuum=%s", settings[i]);

                create(path, sql, "");
                sqlite3_free(sql);
                assert_proved(path, CONNECTION_PRIVATE, CHECK_FULL);
                assert_false(is_proved(path, CONNECTION_PRIVATE, CHECK_QUICK, 2));
        }
}

/* In a rollback mode a second reader could wait for a writer who waits for the first. */
static void test_live_database_in_a_rollback_mode_is_not_taken_on(void **state)
{
        const char *path = fixture_path("rollback.db");

        create(path, "", "");
        assert_false(is_proved(path, CONNECTION_READ, CHECK_FULL, 2));
}

/* SQLite would read it as the number of findings, and check something else. */
static void test_name_like_a_number_is_not_taken_on(void **state)
{
        static const char *const names[] = {"7", "-7", "+7 days", "2026_matches"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                const char *path = fixture_path("number.db");
                char *sql = sqlite3_mprintf(
                                "DROP TABLE IF EXISTS \"%w\"; CREATE TABLE \"%w\"(a)", names[i], names[i]);

                (void) unlink(path);
                create(path, "", sql);
                sqlite3_free(sql);
                assert_false(is_proved(path, CONNECTION_PRIVATE, CHECK_FULL, 2));
        }
}

/* The bound of an answer, which can't be lifted for one table, could hide damage behind them. */
static void test_many_violations_are_not_the_end(void **state)
{
        const char *path = fixture_path("constraints.db");
        CheckResult result = {0};

        create(path,
                        "",
                        "CREATE TABLE a(id INTEGER PRIMARY KEY, name TEXT);"
                        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30)"
                        " INSERT INTO a SELECT i, NULL FROM n;"
                        "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET"
                        " sql='CREATE TABLE a(id INTEGER PRIMARY KEY, name TEXT NOT NULL)' WHERE name='a'");
        assert_proved(path, CONNECTION_PRIVATE, CHECK_FULL);
        check(path, CONNECTION_PRIVATE, CHECK_FULL, 2, &result);
        assert_int_equal(result.constraint_violations, 30);
        check_result_done(&result);

        create(fixture_path("more.db"),
                        "",
                        "CREATE TABLE a(id INTEGER PRIMARY KEY, name TEXT);"
                        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150)"
                        " INSERT INTO a SELECT i, NULL FROM n;"
                        "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET"
                        " sql='CREATE TABLE a(id INTEGER PRIMARY KEY, name TEXT NOT NULL)' WHERE name='a'");
        assert_false(is_proved(fixture_path("more.db"), CONNECTION_PRIVATE, CHECK_FULL, 2));
        check(fixture_path("more.db"), CONNECTION_PRIVATE, CHECK_FULL, 2, &result);
        assert_true(result.healthy);
        assert_int_equal(result.constraint_violations, 150);
        check_result_done(&result);
}

static void test_foreign_keys_are_counted(void **state)
{
        const char *path = fixture_path("keys.db");
        CheckResult result = {0};

        create(path, "", "DELETE FROM parent WHERE id % 10 = 0");
        check(path, CONNECTION_PRIVATE, CHECK_FULL, 3, &result);
        assert_true(result.healthy);
        assert_int_equal(result.foreign_key_violations, 12);
        check_result_done(&result);
        check(path, CONNECTION_PRIVATE, CHECK_QUICK, 3, &result);
        assert_int_equal(result.foreign_key_violations, 0);
        check_result_done(&result);
}

/* One that knows of no key would leave them to nobody. */
static void test_a_table_that_answers_for_a_pragma_is_not_taken_on(void **state)
{
        const char *path = fixture_path("shadow.db");
        CheckResult result = {0};

        create(path,
                        "",
                        "DELETE FROM parent WHERE id % 10 = 0;"
                        "CREATE VIRTUAL TABLE pragma_foreign_key_list USING fts4(a)");
        assert_false(is_proved(path, CONNECTION_PRIVATE, CHECK_FULL, 2));
        check(path, CONNECTION_PRIVATE, CHECK_FULL, 2, &result);
        assert_true(result.healthy);
        assert_int_equal(result.foreign_key_violations, 12);
        check_result_done(&result);
}

/* A small generator of its own, so that the same damage is done everywhere and at each run. */
static uint32_t next_random(uint32_t *seed)
{
        *seed = *seed * 1664525 + 1013904223;
        return *seed >> 8;
}

static void put4(char *at, uint32_t value)
{
        for (int i = 0; i < 4; i++)
                at[i] = (char) (value >> (24 - 8 * i));
}

/* One of the ways in which a file goes wrong, wherever in it. */
static void damage(char *image, size_t size, uint32_t seed)
{
        uint32_t n_pages = (uint32_t) (size / PAGE_BYTES), page = next_random(&seed) % n_pages;
        char *at = image + (size_t) page * PAGE_BYTES, *header = at + (page == 0 ? 100 : 0);
        uint32_t other = next_random(&seed) % n_pages;

        switch (next_random(&seed) % 8) {
        case 0: /* a bit anywhere */
                image[next_random(&seed) % size] ^= (char) (1 << next_random(&seed) % 8);
                break;
        case 1: /* the page's own header, or the database's */
                header[next_random(&seed) % 12] = (char) next_random(&seed);
                break;
        case 2: /* a cell pointer */
                header[8 + next_random(&seed) % 24] = (char) next_random(&seed);
                break;
        case 3: /* what chains and free pages begin with */
                put4(at + 4 * (next_random(&seed) % 4), other);
                break;
        case 4: /* a page that was never written */
                memset(at, 0, PAGE_BYTES);
                break;
        case 5: /* a page written to the wrong place */
                memcpy(at, image + (size_t) other * PAGE_BYTES, PAGE_BYTES);
                break;
        case 6: /* the fields of the database's header */
                put4(image + 16 + 4 * (next_random(&seed) % 21), other);
                break;
        default: /* the end of a page: the first cell's content */
                at[PAGE_BYTES - 1 - next_random(&seed) % 100] ^= (char) (1 + next_random(&seed) % 255);
        }
}

static void assert_no_finding_is_missed(const char *sound_path, ConnectionMode mode, unsigned n_times)
{
        const char *path = fixture_path("damaged.db");
        unsigned n_found = 0, n_doubted = 0;
        _cleanup_free_ char *sound = NULL;
        size_t size;

        sound = fixture_read(sound_path, &size);
        for (uint32_t seed = 1; seed <= n_times; seed++) {
                _cleanup_free_ char *image = malloc(size);

                assert_non_null(image);
                memcpy(image, sound, size);
                damage(image, size, seed * 2654435761U);
                /* A live one is not taken on for a quick check. */
                for (CheckDepth depth = mode == CONNECTION_READ ? CHECK_FULL : CHECK_QUICK;
                                depth <= CHECK_FULL;
                                depth++) {
                        CheckResult plain = {0};
                        bool healthy, proved;

                        fixture_write(path, image, size);
                        healthy = is_sound(path, mode, depth, &plain);
                        fixture_write(path, image, size);
                        proved = is_proved(path, mode, depth, 2);
                        if (proved && !healthy)
                                fail_msg("seed %u, depth %d: missed %s", seed, depth, plain.first_finding);
                        n_found += !healthy;
                        n_doubted += healthy && !proved;
                        check_result_done(&plain);
                }
                (void) unlink(fixture_path("damaged.db-wal"));
                (void) unlink(fixture_path("damaged.db-shm"));
        }
        /* Else the test is empty, or the shared check only a detour. */
        assert_true(n_found > n_times / 4);
        assert_int_equal(n_doubted, 0);
}

static void test_no_damage_of_a_copy_is_missed(void **state)
{
        const char *path = fixture_path("sound.db");

        create(path, "", "");
        assert_proved(path, CONNECTION_PRIVATE, CHECK_FULL);
        assert_no_finding_is_missed(path, CONNECTION_PRIVATE, 500);
}

static void test_no_damage_of_a_live_database_is_missed(void **state)
{
        const char *path = fixture_path("sound.db");

        create(path, "PRAGMA journal_mode=WAL", "");
        assert_proved(path, CONNECTION_READ, CHECK_FULL);
        assert_no_finding_is_missed(path, CONNECTION_READ, 150);
}

/* To SQLite it is one, whatever the type of the word that says so; and its index is not its own. */
static void test_no_table_is_missed(void **state)
{
        static const char *const types[] = {"\x16", "\x17"}; /* a blob and a text of five bytes */

        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                const char *path = fixture_path(i == 0 ? "blob.db" : "text.db");
                sqlite3 *application = fixture_open(path);
                _cleanup_free_ char *bytes = NULL;
                CheckResult result = {0};
                unsigned cell;
                size_t size;

                fixture_execute(application,
                                "PRAGMA page_size=1024; CREATE TABLE a(n UNIQUE); INSERT INTO a "
                                "VALUES('entry')");
                fixture_close(application);
                bytes = fixture_read(path, &size);
                /* The first cell: size, rowid, size of the header, type of the first field. */
                cell = (unsigned) (unsigned char) bytes[108] * 256 + (unsigned char) bytes[109];
                assert_int_equal(bytes[cell + 3], 0x17);
                fixture_overwrite(path, cell + 3, types[i], 1);
                assert_true(is_proved(path, CONNECTION_PRIVATE, CHECK_FULL, 1));
                fixture_overwrite(path, 3 * PAGE_BYTES - 5, "E", 1);
                assert_false(is_sound(path, CONNECTION_PRIVATE, CHECK_FULL, &result));
                assert_false(is_proved(path, CONNECTION_PRIVATE, CHECK_FULL, 1));
                check_result_done(&result);
        }
}

/* Two rows of the schema with one rowid, and a table that can't be read. */
static void test_list_of_tables_has_an_end(void **state)
{
        const char *path = fixture_path("twice.db");
        sqlite3 *application = fixture_open(path);
        unsigned char pointer[2], nothing[PAGE_BYTES] = {0};
        _cleanup_free_ char *bytes = NULL;
        CheckResult result = {0};
        const struct itimerval bound = {.it_value.tv_sec = 30}, none = {0};
        int64_t root;
        size_t size;

        fixture_execute(application, "PRAGMA page_size=1024; CREATE TABLE a(n UNIQUE); CREATE TABLE b(n)");
        root = fixture_integer(application, "SELECT rootpage FROM sqlite_schema WHERE name = 'b'");
        fixture_close(application);
        bytes = fixture_read(path, &size);
        assert_int_equal(size, 4 * PAGE_BYTES);
        /* The second cell: one byte of size, then the rowid. */
        memcpy(pointer, bytes + 100 + 8 + 2, sizeof pointer);
        fixture_overwrite(path, (uint64_t) pointer[0] * 256 + pointer[1] + 1, "\3", 1);
        fixture_overwrite(path, (uint64_t) (root - 1) * PAGE_BYTES, nothing, sizeof nothing);
        /* Of the CPU's time: ends the test before a list without an end has taken all memory. */
        (void) setitimer(ITIMER_PROF, &bound, NULL);
        assert_false(is_proved(path, CONNECTION_PRIVATE, CHECK_FULL, 1));
        check(path, CONNECTION_PRIVATE, CHECK_FULL, 2, &result);
        (void) setitimer(ITIMER_PROF, &none, NULL);
        assert_false(result.healthy);
        check_result_done(&result);
}

static void test_first_finding_is_that_of_one_thread(void **state)
{
        const char *path = fixture_path("index.db");

        create(path,
                        "",
                        "PRAGMA writable_schema=ON;"
                        "UPDATE sqlite_schema SET sql='CREATE INDEX child_p ON child(n)' WHERE "
                        "name='child_p';"
                        "UPDATE sqlite_schema SET sql='CREATE INDEX w_v ON w(k)' WHERE name='w_v'");
        for (CheckDepth depth = CHECK_QUICK; depth <= CHECK_FULL; depth++) {
                CheckResult one = {0}, four = {0};

                check(path, CONNECTION_PRIVATE, depth, 1, &one);
                check(path, CONNECTION_PRIVATE, depth, 4, &four);
                assert_int_equal(one.healthy, four.healthy);
                assert_int_equal(one.n_findings, four.n_findings);
                if (one.first_finding)
                        assert_string_equal(one.first_finding, four.first_finding);
                check_result_done(&one);
                check_result_done(&four);
        }
}

typedef struct Canceller {
        Progress progress;
        unsigned cancel_at;
        _Atomic unsigned n_reads; /* of all threads */
} Canceller;

static int cancel_at_read(EventVfsCall call, void *userdata)
{
        Canceller *canceller = userdata;

        if (call == EVENT_VFS_READ && atomic_fetch_add(&canceller->n_reads, 1) + 1 == canceller->cancel_at)
                progress_cancel(&canceller->progress);
        return SQLITE_OK;
}

/* Whenever it comes, all threads stop, and nothing is said of the content. */
static void test_cancel_ends_all_threads(void **state)
{
        static const unsigned moments[] = {1, 100, 5000, 10000};
        const char *path = fixture_path("large.db");
        sqlite3 *application;

        fixture_create_large(path, 48 * MIB);
        application = fixture_open(path);
        fixture_execute(application, "CREATE INDEX filler_body ON filler(body)");
        fixture_close(application);
        for (size_t i = 0; i < ELEMENTSOF(moments); i++) {
                Canceller canceller = {.cancel_at = moments[i]};
                CheckResult result = {.n_findings = 7};
                Fault fault = {0};

                progress_init(&canceller.progress);
                event_vfs_set_hook(cancel_at_read, &canceller);
                assert_int_equal(check_run(path,
                                                 CONNECTION_PRIVATE,
                                                 CHECK_FULL,
                                                 3,
                                                 &canceller.progress,
                                                 &result,
                                                 &fault),
                                -ECANCELED);
                event_vfs_set_hook(NULL, NULL);
                fixture_assert_fault(&fault, FAULT_CANCELLED, "ancelled");
                assert_int_equal(result.n_findings, 7);
                assert_null(canceller.progress.interrupts);
                progress_done(&canceller.progress);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_sound_databases_are_proved),
                        TEST(test_live_database_is_proved),
                        TEST(test_compressible_layouts_are_left_to_sqlite),
                        TEST(test_live_database_in_a_rollback_mode_is_not_taken_on),
                        TEST(test_name_like_a_number_is_not_taken_on),
                        TEST(test_many_violations_are_not_the_end),
                        TEST(test_foreign_keys_are_counted),
                        TEST(test_a_table_that_answers_for_a_pragma_is_not_taken_on),
                        TEST(test_no_damage_of_a_copy_is_missed),
                        TEST(test_no_damage_of_a_live_database_is_missed),
                        TEST(test_no_table_is_missed),
                        TEST(test_list_of_tables_has_an_end),
                        TEST(test_first_finding_is_that_of_one_thread),
                        TEST(test_cancel_ends_all_threads),
        };

        return cmocka_run_group_tests_name("database/check-shared", tests, NULL, NULL);
}
