/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <string.h>

#include "database/check/page-proof.h"

#define PAGE_BYTES 4096

/* Each kind of tree, overflow chains, and free pages. */
static void create(const char *path, const char *pragmas)
{
        sqlite3 *application = fixture_open(path);

        fixture_execute(application, "PRAGMA page_size=4096");
        fixture_execute(application, pragmas);
        fixture_execute(application,
                        "CREATE TABLE t(id INTEGER PRIMARY KEY, body TEXT); CREATE INDEX t_body ON t(body);"
                        "CREATE TABLE w(k PRIMARY KEY, v) WITHOUT ROWID;"
                        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
                        " INSERT INTO t SELECT i, printf('%050d', i) FROM n;"
                        "INSERT INTO w SELECT id, body FROM t;"
                        "INSERT INTO t SELECT 4000 + i * 8, zeroblob(i * 3000)"
                        " FROM (SELECT 1 AS i UNION SELECT 2 UNION SELECT 12);"
                        "CREATE TABLE gone(b); INSERT INTO gone VALUES(zeroblob(6000000)); DROP TABLE gone");
        fixture_close(application);
}

static void prove(const char *path, ConnectionMode mode, PageProof *ret)
{
        _cleanup_(connection_closep) Connection *connection = fixture_connect(path, mode);
        _cleanup_(statement_finalizep) sqlite3_stmt *pin = NULL;
        _cleanup_fault_ Fault fault = {0};

        if (connection_pin_pages(connection, &pin, &fault) < 0 ||
                        page_proof_run(connection, true, ret, &fault) < 0)
                fail_msg("%s", fault.message);
        assert_int_not_equal(ret->n_trees, 0);
}

/* By name; the first is sqlite_schema. */
static const ProvedTree *tree_of(const PageProof *proof, const char *name)
{
        size_t i = proof->n_trees - 1;

        while (i > 0 && strcmp(proof->trees[i].name, name) != 0)
                i--;
        assert_string_equal(proof->trees[i].name, name);
        return proof->trees + i;
}

static void assert_whole(const char *path, ConnectionMode mode)
{
        _cleanup_(page_proof_done) PageProof proof = {0};

        prove(path, mode, &proof);
        for (size_t i = 0; i < proof.n_trees; i++)
                if (proof.trees[i].finding)
                        fail_msg("%s: %s", path, proof.trees[i].finding);
        if (proof.free_finding)
                fail_msg("%s: %s", path, proof.free_finding);
        assert_int_equal(tree_of(&proof, "t")->n_entries, 3003);
        assert_int_equal(tree_of(&proof, "w")->n_entries, 3000);
        assert_int_equal(tree_of(&proof, "t_body")->n_entries, 3003);
        assert_true(tree_of(&proof, "t_body")->is_index);
        assert_false(tree_of(&proof, "w")->is_index);
        assert_string_equal(page_proof_owner(&proof, 1)->name, "sqlite_schema");
        assert_null(page_proof_owner(&proof, 0));
        assert_null(page_proof_owner(&proof, proof.n_pages + 1));
}

static void test_sound_databases_are_whole(void **state)
{
        static const char *const pragmas[] = {"",
                        "PRAGMA auto_vacuum=FULL",
                        "PRAGMA auto_vacuum=INCREMENTAL",
                        "PRAGMA encoding='UTF-16le'",
                        "PRAGMA encoding='UTF-16be'",
                        "PRAGMA page_size=512",
                        "PRAGMA page_size=65536",
                        "PRAGMA journal_mode=WAL"};

        for (size_t i = 0; i < ELEMENTSOF(pragmas); i++) {
                _cleanup_free_ char *file = NULL;
                const char *path;

                assert_true(asprintf(&file, "sound-%zu.db", i) > 0);
                path = fixture_path(file);
                create(path, pragmas[i]);
                assert_whole(path, CONNECTION_READ);
                assert_whole(path, CONNECTION_PRIVATE);
        }
}

/* What the main file lacks is read in the -wal, while an application is connected. */
static void test_pages_in_the_wal_count(void **state)
{
        const char *path = fixture_path("wal.db");
        sqlite3 *application;

        create(path, "PRAGMA journal_mode=WAL");
        application = fixture_open(path);
        fixture_execute(application,
                        "PRAGMA wal_autocheckpoint=0; UPDATE t SET body = body || 'x' WHERE id < 4000");
        assert_whole(path, CONNECTION_READ);
        fixture_close(application);
}

static void test_damage_is_told_with_its_tree(void **state)
{
        static const struct {
                const char *tree;
                size_t offset;
                unsigned char bytes[2];
        } cases[] = {
                        {"t", 0, {0, 0}},        /* no kind of page */
                        {"t", 0, {2, 0}},        /* an index's */
                        {"t", 3, {0xff, 0xff}},  /* how many cells */
                        {"t", 12, {0xff, 0xff}}, /* where the first cell is */
                        {"t", 8, {0x7f, 0xff}},  /* the last child */
                        {"t_body", 0, {5, 0}},
                        {"t_body", 12, {0, 1}},
                        {"w", 8, {0x7f, 0xff}},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(page_proof_done) PageProof proof = {0};
                _cleanup_free_ char *file = NULL;
                const ProvedTree *tree;
                const char *path;

                assert_true(asprintf(&file, "damaged-%zu.db", i) > 0);
                path = fixture_path(file);
                create(path, "");
                prove(path, CONNECTION_PRIVATE, &proof);
                fixture_overwrite(path,
                                (uint64_t) (tree_of(&proof, cases[i].tree)->root - 1) * PAGE_BYTES +
                                                cases[i].offset,
                                cases[i].bytes,
                                2);
                page_proof_done(&proof);
                prove(path, CONNECTION_PRIVATE, &proof);
                tree = tree_of(&proof, cases[i].tree);
                if (!tree->finding)
                        fail_msg("case %zu is not found", i);
                assert_non_null(strstr(tree->finding, cases[i].tree));
                for (size_t k = 0; k < proof.n_trees; k++)
                        if (proof.trees + k != tree && proof.trees[k].finding)
                                fail_msg("case %zu: %s", i, proof.trees[k].finding);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_sound_databases_are_whole),
                        TEST(test_pages_in_the_wal_count),
                        TEST(test_damage_is_told_with_its_tree),
        };

        return cmocka_run_group_tests_name("database/page-proof", tests, NULL, NULL);
}
