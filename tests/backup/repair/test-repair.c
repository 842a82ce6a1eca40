/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "restore-fixture.h"

#include <string.h>

#include "backup/quarantine/quarantine.h"
#include "backup/repair/repair-intent.h"
#include "backup/repair/repair.h"

#define PAGE_BYTES 4096

/* What an application may have: a unique index, one by an expression, a table WITHOUT ROWID with a secondary
 * index, free pages, and rows whose rowids nothing declares. */
#define SCHEMA                                                                                            \
        "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c TEXT);"                                          \
        "CREATE UNIQUE INDEX t_b ON t(b); CREATE INDEX t_c ON t(lower(c));"                               \
        "CREATE TABLE w(k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID; CREATE INDEX w_v ON w(v);"             \
        "CREATE TABLE loose(x); CREATE TABLE gone(x);"                                                    \
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"                  \
        " INSERT INTO t SELECT i, 'b' || i, 'C' || i FROM n;"                                             \
        "INSERT INTO w SELECT b, c FROM t; INSERT INTO loose SELECT c FROM t; DELETE FROM loose WHERE x " \
        "LIKE '%7%';"                                                                                     \
        "INSERT INTO gone SELECT zeroblob(3000) FROM t LIMIT 200; DROP TABLE gone;"

/* As rows are, whatever their indexes say. */
#define DIGEST                                                                                              \
        "SELECT (SELECT total(a * length(b || c)) + count(*) FROM t NOT INDEXED) + (SELECT "                \
        "total(length(k || v)) + count(*) FROM w INDEXED BY sqlite_autoindex_w_1) + (SELECT total(rowid * " \
        "length(x)) FROM "                                                                                  \
        "loose)"

static const char *live(void)
{
        return fixture_path("state/live.db");
}

static void create(const char *pragmas)
{
        sqlite3 *handle = fixture_open(live());

        fixture_execute(handle, pragmas);
        fixture_execute(handle, SCHEMA);
        fixture_close(handle);
}

static void execute(const char *sql)
{
        sqlite3 *handle = fixture_open(live());

        fixture_execute(handle, sql);
        fixture_close(handle);
}

static int64_t query(const char *sql)
{
        sqlite3 *handle = fixture_open(live());
        int64_t value = fixture_integer(handle, sql);

        fixture_close(handle);
        return value;
}

static void checkpoint(void)
{
        (void) query("PRAGMA wal_checkpoint(TRUNCATE)");
}

/* An index that is away while the rows change, as one that another SQLite, or a lost write, has left. */
static void leave_behind(const char *index, const char *change)
{
        sqlite3 *handle = fixture_open(live());
        char *hide = sqlite3_mprintf(
                        "PRAGMA writable_schema=ON; CREATE TEMP TABLE saved AS SELECT * FROM "
                        "sqlite_schema WHERE name = %Q; DELETE FROM sqlite_schema WHERE name = %Q; "
                        "PRAGMA writable_schema=RESET;",
                        index,
                        index);

        fixture_execute(handle, hide);
        fixture_execute(handle, change);
        fixture_execute(handle,
                        "PRAGMA writable_schema=ON; INSERT INTO sqlite_schema SELECT * FROM saved; PRAGMA "
                        "writable_schema=RESET;");
        sqlite3_free(hide);
        fixture_close(handle);
}

static RepairRequest request(bool free_pages)
{
        return (RepairRequest){.state_directory_path = restore_fixture_state_directory(),
                        .database_path = live(),
                        .directory_fd = backup_fixture_fd(),
                        .directory_path = backup_fixture_directory(),
                        .quarantine_path = restore_fixture_quarantine(),
                        .free_pages = free_pages,
                        .busy_bound_usec = USEC_PER_SEC,
                        .now_usec = RESTORE_NOW_USEC};
}

static int repair(bool free_pages, RepairOutcome *ret, Fault *fault)
{
        RepairRequest asked = request(free_pages);
        Progress progress;
        int r;

        progress_init(&progress);
        r = repair_database(&asked, &progress, ret, fault);
        progress_done(&progress);
        return r;
}

static void assert_repaired(bool free_pages, const char *objects)
{
        int64_t before = query(DIGEST);
        _cleanup_(repair_outcome_done) RepairOutcome outcome = {0};
        _cleanup_(remedies_done) Remedies remedies = {0};
        _cleanup_(remedy_done) Remedy intent = {0};
        _cleanup_fault_ Fault fault = {0};
        char found[256] = "";

        if (repair(free_pages, &outcome, &fault) < 0)
                fail_msg("%s", fault.message);
        assert_true(outcome.check.healthy);
        for (size_t i = 0; outcome.objects[i]; i++)
                (void) snprintf(found + strlen(found),
                                sizeof found - strlen(found),
                                "%s%s",
                                i > 0 ? ", " : "",
                                outcome.objects[i]);
        assert_string_equal(found, objects);
        assert_int_equal(query(DIGEST), before);
        assert_int_equal(query("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
                        1);
        assert_int_equal(restore_fixture_n_quarantined(), 1);
        assert_int_equal(remedies_load(restore_fixture_state_directory(), &remedies, &fault), 0);
        assert_int_equal(remedies.n_items, 1);
        assert_string_equal(remedies.items[0].quarantine, outcome.quarantine);
        repair_intent_load(restore_fixture_state_directory(), &intent);
        assert_int_equal(intent.usec, 0);
}

static const char *const modes[] = {"PRAGMA journal_mode=WAL", "PRAGMA journal_mode=DELETE"};

static void test_exactly_the_damaged_indexes_are_made_anew(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                if (i > 0) {
                        (void) restore_fixture_teardown(state);
                        (void) restore_fixture_setup(state);
                }
                create(modes[i]);
                leave_behind("t_c", "INSERT INTO t VALUES(9001, 'x', 'Y'); DELETE FROM t WHERE a = 5");
                leave_behind("w_v", "INSERT INTO w VALUES('x', 'y')");
                assert_repaired(false, "the index t_c of t, the index w_v of w");
        }
}

static void test_connected_process_goes_on(void **state)
{
        FixtureChild child;

        create(modes[0]);
        leave_behind("t_c", "INSERT INTO t VALUES(9001, 'x', 'Y')");
        child = fixture_start_connection(live());
        assert_repaired(false, "the index t_c of t");
        fixture_stop_connection(child);
}

/* The first trunk page of the freelist says that it has more leaves than fit. */
static void damage_freelist(void)
{
        static const unsigned char many[] = {0xff, 0xff, 0xff, 0xff};
        _cleanup_free_ char *file = NULL;
        size_t size;
        uint32_t trunk;

        checkpoint();
        file = fixture_read(live(), &size);
        trunk = (uint32_t) (unsigned char) file[34] << 8 | (unsigned char) file[35];
        assert_true(trunk > 0);
        fixture_overwrite(live(), (uint64_t) (trunk - 1) * PAGE_BYTES + 4, many, sizeof many);
}

static void test_freelist_is_made_anew(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                if (i > 0) {
                        (void) restore_fixture_teardown(state);
                        (void) restore_fixture_setup(state);
                }
                create(modes[i]);
                damage_freelist();
                assert_repaired(true, "the free pages");
                backup_fixture_assert_names("");
        }
}

static void test_pointer_map_is_made_anew(void **state)
{
        static const char rubbish[100] = "rubbish";

        create("PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL");
        checkpoint();
        fixture_overwrite(live(), PAGE_BYTES, rubbish, sizeof rubbish);
        assert_repaired(true, "the free pages");
        assert_int_equal(query("PRAGMA auto_vacuum"), 2);
}

/* REINDEX would walk into them. */
static void test_damaged_pages_of_an_index_are_made_anew(void **state)
{
        static const char rubbish[PAGE_BYTES / 2] = "rubbish";
        int64_t page;

        create(modes[0]);
        checkpoint();
        page = query("SELECT max(pageno) FROM dbstat WHERE name = 't_c' AND pagetype = 'leaf'");
        fixture_overwrite(live(), (uint64_t) (page - 1) * PAGE_BYTES, rubbish, sizeof rubbish);
        assert_repaired(false, "the pages of indexes");
}

static void test_equal_rows_are_named_and_nothing_is_lost(void **state)
{
        _cleanup_(repair_outcome_done) RepairOutcome outcome = {0};
        _cleanup_fault_ Fault fault = {0};

        create(modes[0]);
        leave_behind("t_b", "INSERT INTO t VALUES(9001, 'b17', 'Y')");
        assert_int_equal(repair(false, &outcome, &fault), 0);
        assert_false(outcome.check.healthy);
        assert_non_null(strstr(outcome.left.message, "t_b"));
        assert_non_null(strstr(outcome.left.message, "17 and 9001"));
        assert_int_equal(query("SELECT count(*) FROM t NOT INDEXED"), 3001);
        assert_int_equal(restore_fixture_n_quarantined(), 0);

        execute("DROP INDEX t_b; DELETE FROM t WHERE a = 9001; CREATE UNIQUE INDEX t_b ON t(b)");
        repair_outcome_done(&outcome);
        fault_done(&fault);
        assert_int_equal(repair(false, &outcome, &fault), 0);
        assert_true(outcome.check.healthy);
}

static void test_the_same_is_not_repaired_twice(void **state)
{
        _cleanup_(repair_outcome_done) RepairOutcome outcome = {0}, again = {0};
        _cleanup_(remedies_done) Remedies list = {0};
        RepairRequest later = request(false);
        _cleanup_fault_ Fault fault = {0};
        Progress progress;

        create(modes[0]);
        leave_behind("t_c", "INSERT INTO t VALUES(9001, 'x', 'Y')");
        assert_int_equal(repair(false, &outcome, &fault), 0);
        leave_behind("t_c", "INSERT INTO t VALUES(9002, 'y', 'Y')");
        assert_int_equal(repair(false, &again, &fault), fault_errno(FAULT_FAILED));
        fixture_assert_fault(&fault, FAULT_FAILED, "acknowledge");
        assert_int_equal(restore_fixture_n_quarantined(), 1);

        assert_int_equal(remedies_acknowledge(later.state_directory_path, UINT64_MAX, &list, NULL), 0);
        later.now_usec += REPAIR_LOOP_GUARD_USEC;
        progress_init(&progress);
        assert_int_equal(repair_database(&later, &progress, &again, &fault), 0);
        assert_true(again.check.healthy);
        progress_done(&progress);
}

static void test_sound_database_is_left_alone(void **state)
{
        _cleanup_(repair_outcome_done) RepairOutcome outcome = {0};
        _cleanup_fault_ Fault fault = {0};

        create(modes[0]);
        assert_int_equal(repair(false, &outcome, &fault), 0);
        assert_true(outcome.check.healthy);
        assert_null(outcome.objects);
        assert_int_equal(restore_fixture_n_quarantined(), 0);
}

/* A table that can't be read in full is no matter for a repair. */
static void test_damaged_table_is_not_touched(void **state)
{
        static const char rubbish[PAGE_BYTES / 2] = "rubbish";
        _cleanup_(repair_outcome_done) RepairOutcome outcome = {0};
        _cleanup_free_ char *before = NULL, *after = NULL;
        _cleanup_fault_ Fault fault = {0};
        size_t size, size_after;
        int64_t page;

        create(modes[1]);
        page = query("SELECT max(pageno) FROM dbstat WHERE name = 't' AND pagetype = 'leaf'");
        fixture_overwrite(live(), (uint64_t) (page - 1) * PAGE_BYTES, rubbish, sizeof rubbish);
        before = fixture_read(live(), &size);
        assert_true(repair(true, &outcome, &fault) < 0);
        assert_int_equal(fault.code, FAULT_CORRUPT);
        after = fixture_read(live(), &size_after);
        assert_int_equal(size, size_after);
        assert_memory_equal(before, after, size);
        assert_int_equal(restore_fixture_n_quarantined(), 0);
        backup_fixture_assert_names("");
}

static int64_t digest_before;
static bool free_pages_damaged;

static void prepare_index(void)
{
        void *state = NULL;

        (void) restore_fixture_teardown(&state);
        (void) restore_fixture_setup(&state);
        create(modes[0]);
        leave_behind("t_c", "INSERT INTO t VALUES(9001, 'x', 'Y')");
        leave_behind("w_v", "INSERT INTO w VALUES('x', 'y')");
        free_pages_damaged = false;
        digest_before = query(DIGEST);
}

static void prepare_freelist(void)
{
        void *state = NULL;

        (void) restore_fixture_teardown(&state);
        (void) restore_fixture_setup(&state);
        create(modes[0]);
        damage_freelist();
        free_pages_damaged = true;
        digest_before = query(DIGEST);
}

static void work(void)
{
        _cleanup_(repair_outcome_done) RepairOutcome outcome = {0};
        _cleanup_fault_ Fault fault = {0};

        if (repair(free_pages_damaged, &outcome, &fault) < 0)
                (void) fprintf(stderr, "%s\n", fault.message);
}

/* After any kill no row is lost, another repair mends what is left, and the full check makes it a remedy. */
static void check_killed(const char *point)
{
        _cleanup_(repair_outcome_done) RepairOutcome outcome = {0};
        _cleanup_(check_result_done) CheckResult result = {0};
        _cleanup_(remedies_done) Remedies list = {0}, stored = {0};
        _cleanup_fault_ Fault fault = {0};

        assert_int_equal(query(DIGEST), digest_before);
        assert_int_equal(quarantine_clean_up(restore_fixture_quarantine(), &fault), 0);
        assert_int_equal(check_run(live(), CONNECTION_READ, CHECK_FULL, 1, NULL, &result, &fault), 0);
        assert_false(result.damage & DAMAGE_CONTENT);
        if (!result.healthy && repair(free_pages_damaged, &outcome, &fault) < 0)
                fail_msg("%s: %s", point, fault.message);
        assert_int_equal(repair_intent_settle(restore_fixture_state_directory(), &list, &fault), 0);
        assert_int_equal(remedies_load(restore_fixture_state_directory(), &stored, &fault), 0);
        if (stored.n_items != 1)
                fail_msg("killed at %s there are %zu remedies", point, stored.n_items);
        assert_int_equal(query(DIGEST), digest_before);
        /* Nobody knows yet of a copy that is whole when the kill comes, and nothing is deleted unknown. */
        assert_in_range(restore_fixture_n_quarantined(), 1, 2);
        assert_int_equal(query("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
                        1);
}

static void test_killed_anywhere_no_row_is_lost(void **state)
{
        backup_fixture_kill_everywhere(prepare_index, work, check_killed);
        backup_fixture_kill_everywhere(prepare_freelist, work, check_killed);
}

static void commit_meanwhile(void)
{
        execute("INSERT INTO t VALUES(9100, 'during', 'D')");
}

/* The copy is stale then, and is made again. */
static void test_commit_during_a_repair_is_kept(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                if (i > 0) {
                        (void) restore_fixture_teardown(state);
                        (void) restore_fixture_setup(state);
                }
                create(modes[i]);
                damage_freelist();
                free_pages_damaged = true;
                (void) backup_fixture_stop_at("repair-copy-rebuilt", work, commit_meanwhile);
                assert_int_equal(query("SELECT count(*) FROM t WHERE a = 9100"), 1);
                assert_int_equal(query("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = "
                                       "'ok'"),
                                1);
        }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, restore_fixture_setup, restore_fixture_teardown)
        const struct CMUnitTest tests[] = {
                        TEST(test_exactly_the_damaged_indexes_are_made_anew),
                        TEST(test_connected_process_goes_on),
                        TEST(test_freelist_is_made_anew),
                        TEST(test_pointer_map_is_made_anew),
                        TEST(test_damaged_pages_of_an_index_are_made_anew),
                        TEST(test_equal_rows_are_named_and_nothing_is_lost),
                        TEST(test_the_same_is_not_repaired_twice),
                        TEST(test_sound_database_is_left_alone),
                        TEST(test_damaged_table_is_not_touched),
                        TEST(test_commit_during_a_repair_is_kept),
                        TEST(test_killed_anywhere_no_row_is_lost),
        };

        return cmocka_run_group_tests_name("repair", tests, NULL, NULL);
}
