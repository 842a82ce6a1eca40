/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <string.h>
#include <sys/random.h>

#include "database/check/index-proof.h"
#include "table-opinion.h"

#define PAGE_BYTES 1024

/* Numbers at the edges of what integers and doubles hold, text with a NUL in it, and each of them twice. */
static const char values_sql[] =
                "CREATE TABLE v(x);"
                "INSERT INTO v VALUES(NULL),(0),(1),(-1),(1.0),(0.0),(-0.0),(1.5),(-1.5),(127),(128),(-129),"
                "(32768),(8388608),(-8388609),(2147483648),(140737488355328),(-140737488355329),"
                "(9007199254740991),(9007199254740992),(9007199254740993),(9007199254740992.0),"
                "(9007199254740994.0),(9223372036854775807),(-9223372036854775808),(9223372036854775807.0),"
                "(-9223372036854775808.0),(9.3e18),(-9.3e18),(1e308),(-1e308),(9e999),(-9e999),(9e999-9e999)"
                ","
                "(5e-324),(0.1),(2.5),(2),(3),(''),('a'),('a'||char(0)||'b'),('a'||char(0)),('ab'),('b'),"
                "('1'),('1.0'),(x''),(x'00'),(x'61'),(x'6100'),(x'ff'),(char(233)),(char(128512)),"
                "(printf('%0700d',1)),(printf('%0700d',2)),(zeroblob(3000)),(randomblob(90));"
                "INSERT INTO v SELECT x FROM v;";

static const char content_sql[] =
                "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b TEXT, n REAL, u INTEGER UNIQUE, PRE BLOB);"
                "CREATE INDEX t_a ON t(a); CREATE INDEX t_ab ON t(a, b); CREATE INDEX t_n ON t(n DESC, a);"
                "CREATE UNIQUE INDEX t_bn ON t(b, n); CREATE INDEX t_id ON t(id); CREATE INDEX t_p ON "
                "t(pre);"
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)"
                " INSERT INTO t SELECT i * 3, i % 40, CASE WHEN i % 9 THEN printf('text-%d', i * 7919 % 400)"
                " END, CASE i % 3 WHEN 0 THEN i / 4.0 WHEN 1 THEN i END, CASE WHEN i % 5 THEN i * 100000 "
                "END,"
                " CASE WHEN i % 50 = 0 THEN zeroblob(i * 6) END FROM n;";

static const char *create(const char *name, const char *sql, const char *more)
{
        const char *path = fixture_path(name);
        sqlite3 *application;

        (void) unlink(path);
        application = fixture_open(path);
        fixture_execute(application, "PRAGMA page_size=1024; PRAGMA auto_vacuum=NONE");
        fixture_execute(application, sql);
        fixture_execute(application, more);
        fixture_close(application);
        return path;
}

static bool is_taken_on(const char *path, const char *table)
{
        _cleanup_(connection_closep) Connection *connection = fixture_connect(path, CONNECTION_PRIVATE);
        IndexProof *proof = index_proof_new(connection, table);

        index_proof_free(proof);
        return proof != NULL;
}

static bool holds(Connection *connection, const char *table)
{
        IndexProof *proof = index_proof_new(connection, table);
        IndexProofVerdict verdict = INDEX_PROOF_DOUBTED;

        if (!proof)
                return false;
        for (unsigned n = index_proof_count_scans(proof); n-- > 0;) {
                verdict = index_proof_scan(proof, connection, n);
                assert_int_equal(verdict == INDEX_PROOF_OPEN, n > 0);
        }
        index_proof_free(proof);
        return verdict == INDEX_PROOF_SOUND;
}

typedef struct Opinion {
        bool proved;   /* with the quick check that it needs beside it */
        bool is_sound; /* by SQLite's own check */
} Opinion;

static Opinion ask(const char *path, const char *table)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(statement_finalizep) sqlite3_stmt *pin = NULL;

        if (connection_open(path, CONNECTION_PRIVATE, NULL, &connection, NULL) < 0 ||
                        connection_pin(connection, &pin, NULL) < 0)
                return (Opinion){0};
        return (Opinion){.proved = table_says_ok(connection, "quick_check", table) &&
                                   holds(connection, table),
                        .is_sound = table_says_ok(connection, "integrity_check", table)};
}

static void assert_sound(const char *path, const char *table)
{
        Opinion opinion = ask(path, table);

        if (!opinion.is_sound || !opinion.proved)
                fail_msg("%s: sound %d, proved %d", path, opinion.is_sound, opinion.proved);
}

/* Each is wrong by SQLite's word, too: else the test tests nothing. */
static void assert_doubted(const char *path, const char *table)
{
        Opinion opinion = ask(path, table);

        if (opinion.is_sound || opinion.proved)
                fail_msg("%s: sound %d, proved %d", path, opinion.is_sound, opinion.proved);
}

static void test_sound_tables_are_proved(void **state)
{
        static const struct {
                const char *name, *sql;
        } tables[] = {
                        {"any", "CREATE TABLE t(x); INSERT INTO t SELECT x FROM v; CREATE INDEX i ON t(x)"},
                        {"late", "CREATE TABLE t(x); CREATE INDEX i ON t(x); INSERT INTO t SELECT x FROM v"},
                        {"descending",
                                        "CREATE TABLE t(x, y); CREATE INDEX i ON t(x DESC, y); INSERT INTO t"
                                        " SELECT a.x, b.x FROM v AS a, v AS b WHERE length(b.x) < 4"},
                        {"real",
                                        "CREATE TABLE t(x REAL, y REAL UNIQUE); CREATE INDEX i ON t(x);"
                                        "INSERT INTO t(x) SELECT x FROM v; INSERT INTO t SELECT 7, rowid "
                                        "FROM v"},
                        {"integer",
                                        "CREATE TABLE t(x INTEGER); CREATE INDEX i ON t(x);"
                                        "INSERT INTO t SELECT x FROM v"},
                        {"text",
                                        "CREATE TABLE t(x TEXT, y NUMERIC); CREATE INDEX i ON t(x, y);"
                                        "INSERT INTO t SELECT x, x FROM v"},
                        {"unique",
                                        "CREATE TABLE t(x UNIQUE, y, UNIQUE(y, x)); INSERT INTO t"
                                        " SELECT DISTINCT x, 1 FROM v; INSERT INTO t VALUES(NULL, 1),(NULL, "
                                        "1)"},
        };

        for (size_t i = 0; i < ELEMENTSOF(tables); i++)
                assert_sound(create(tables[i].name, values_sql, tables[i].sql), "t");
        assert_sound(create("content", content_sql, ""), "t");
        assert_sound(create("empty", "CREATE TABLE t(a UNIQUE, b); CREATE INDEX i ON t(b, a)", ""), "t");
        assert_sound(create("primary",
                                     values_sql,
                                     "CREATE TABLE t(x PRIMARY KEY, y);"
                                     "INSERT INTO t SELECT DISTINCT x, 1 FROM v"),
                        "t");
        assert_sound(create("alias",
                                     values_sql,
                                     "CREATE TABLE t(y, _rowid_ TEXT, id INTEGER PRIMARY KEY);"
                                     "CREATE INDEX i ON t(y, id); CREATE INDEX j ON t(_rowid_, id);"
                                     "INSERT INTO t(y, _rowid_) SELECT x, x FROM v;"
                                     "UPDATE t SET id = id - 60"),
                        "t");
        assert_sound(create("added",
                                     content_sql,
                                     "ALTER TABLE t ADD COLUMN late TEXT;"
                                     "CREATE INDEX i ON t(late, u)"),
                        "t");
}

/* A column that was added with a default is not in the rows from before: what that is, is left to SQLite. */
static void test_what_is_not_plain_is_left_to_sqlite(void **state)
{
        static const char *const tables[] = {
                        "CREATE TABLE t(a)",
                        "CREATE TABLE t(a COLLATE NOCASE UNIQUE)",
                        "CREATE TABLE t(a, b); CREATE INDEX i ON t(a) WHERE b",
                        "CREATE TABLE t(a, b); CREATE INDEX i ON t(a + b)",
                        "CREATE TABLE t(a UNIQUE, b AS (a + 1))",
                        "CREATE TABLE t(a PRIMARY KEY, b UNIQUE) WITHOUT ROWID",
                        "CREATE VIRTUAL TABLE t USING fts5(a)",
                        "CREATE VIEW t AS SELECT 1",
                        /* may answer in the place of a pragma */
                        "CREATE TABLE t(a UNIQUE); CREATE VIEW Pragma_other AS SELECT 1",
                        "CREATE TABLE t(a,b,c,d,e,f,g,h,i,j,k,l,m, UNIQUE(a,b,c,d,e,f,g,h,i,j,k,l,m))",
        };

        for (size_t i = 0; i < ELEMENTSOF(tables); i++)
                if (is_taken_on(create("other", tables[i], ""), "t"))
                        fail_msg("%s", tables[i]);
        assert_false(is_taken_on(
                        create("utf16", "PRAGMA encoding='UTF-16le'; CREATE TABLE t(a UNIQUE)", ""), "t"));
        assert_false(ask(create("default",
                                         content_sql,
                                         "ALTER TABLE t ADD COLUMN late TEXT DEFAULT 'x';"
                                         "CREATE INDEX i ON t(late)"),
                        "t")
                                        .proved);
}

/* SQLite does to the table what it is told, and knows of no index while its row is away. */
static const char *damage_index(const char *content, const char *index, const char *statements)
{
        const char *path = create("damaged", content, "");
        char *away = sqlite3_mprintf("PRAGMA writable_schema=ON; CREATE TABLE kept AS SELECT * FROM"
                                     " sqlite_schema WHERE name=%Q; DELETE FROM sqlite_schema WHERE name=%Q",
                        index,
                        index);
        sqlite3 *application = fixture_open(path);

        fixture_execute(application, away);
        sqlite3_free(away);
        fixture_close(application);
        application = fixture_open(path);
        fixture_execute(application, statements);
        fixture_execute(application,
                        "PRAGMA writable_schema=ON; INSERT INTO sqlite_schema SELECT * FROM kept;"
                        "DROP TABLE kept");
        fixture_close(application);
        return path;
}

/* That there are as many needs no count beside the sums: the hashes of what is missing or too many would
 * have to add up to 0, as rare an accident as any. */
static void test_index_that_is_not_its_tables_is_doubted(void **state)
{
        static const struct {
                const char *index, *statements;
        } damages[] = {
                        {"t_a", "INSERT INTO t(id, a) VALUES(5, 7)"},   /* one missing */
                        {"t_a", "DELETE FROM t WHERE id = 30"},         /* one too many */
                        {"t_a", "DELETE FROM t"},                       /* nothing but too many */
                        {"t_a", "UPDATE t SET id = 31 WHERE id = 30"},  /* another rowid */
                        {"t_a", "UPDATE t SET a = 41 WHERE id = 30"},   /* another value */
                        {"t_a", "UPDATE t SET a = 10.5 WHERE id = 30"}, /* nearly the same */
                        {"t_a", "UPDATE t SET a = '10' WHERE id = 30"}, /* of another type */
                        {"t_ab", "UPDATE t SET b = CAST(b AS BLOB) WHERE id = 30"}, /* of another type */
                        {"t_ab", "UPDATE t SET b = b || char(0) WHERE id = 30"},    /* a byte longer */
                        {"t_a", "UPDATE t SET a = 1 - a WHERE a < 2"},              /* exchanged in pairs */
                        {"t_id", "UPDATE t SET id = 31 WHERE id = 30"},             /* the rowid twice */
                        {"t_p", "UPDATE t SET pre = zeroblob(2399) WHERE id = 1200"}, /* far in its chain */
        };

        for (size_t i = 0; i < ELEMENTSOF(damages); i++)
                assert_doubted(damage_index(content_sql, damages[i].index, damages[i].statements), "t");
        assert_sound(damage_index(content_sql, "t_a", "UPDATE t SET a = a * 1.0"), "t");
}

/* Draws what the proof takes for its secret, in the place of the C library's. */
ssize_t getrandom(void *buffer, size_t size, unsigned flags)
{
        memset(buffer, 'k', size);
        return (ssize_t) size;
}

/* A one moves from a word of the blob to the one that XXH3 adds up with it. With this secret the factors of
 * their products are 0, and its sums stay the same; another secret would only take other words. */
static void test_long_keys_with_the_same_sums_are_told_apart(void **state)
{
        static const char table[] = "CREATE TABLE t(id INTEGER PRIMARY KEY, a); CREATE INDEX i ON t(a);"
                                    "INSERT INTO t VALUES(1, CAST(zeroblob(55) || x'00000000' || 'kkkk' ||"
                                    " zeroblob(56) || x'01000000' || 'kkkk' || zeroblob(300) AS BLOB))";

        assert_sound(create("long", table, ""), "t");
        assert_doubted(damage_index(table,
                                       "i",
                                       "UPDATE t SET a = CAST(zeroblob(55) || x'01000000' || 'kkkk' ||"
                                       " zeroblob(56) || x'00000000' || 'kkkk' || zeroblob(300) AS BLOB)"),
                        "t");
}

/* An index that was made as one that allows it is said to be unique. */
static void assert_unique_is_doubted(const char *table, const char *rows)
{
        const char *path = create("unique", table, "CREATE INDEX i ON t(a, b)");
        sqlite3 *application = fixture_open(path);

        fixture_execute(application, rows);
        fixture_execute(application,
                        "PRAGMA writable_schema=ON; UPDATE sqlite_schema"
                        " SET sql='CREATE UNIQUE INDEX i ON t(a, b)' WHERE name='i'");
        fixture_close(application);
        assert_doubted(path, "t");
}

static void test_two_of_a_unique_key_are_doubted(void **state)
{
        assert_unique_is_doubted("CREATE TABLE t(a, b)", "INSERT INTO t VALUES(1, 'x'),(2, 'x'),(1, 'x')");
        assert_unique_is_doubted("CREATE TABLE t(a, b)", "INSERT INTO t VALUES(1, 'x'),(2, 'x'),(1.0, 'x')");
}

/* A NULL where the table now wants none is a violation only, but two of them are not unique. */
static void test_null_where_there_may_be_none_is_not_unique(void **state)
{
        const char *path = create("null", "CREATE TABLE t(a, b); CREATE INDEX i ON t(a, b)", "");
        sqlite3 *application = fixture_open(path);

        fixture_execute(application,
                        "INSERT INTO t VALUES(NULL, 1),(NULL, 1); PRAGMA writable_schema=ON;"
                        "UPDATE sqlite_schema SET sql='CREATE UNIQUE INDEX i ON t(a, b)' WHERE name='i';"
                        "UPDATE sqlite_schema SET sql='CREATE TABLE t(a NOT NULL, b)' WHERE name='t'");
        fixture_close(application);
        assert_doubted(path, "t");
}

/* Puts other bytes in the place of the only ones of their kind. */
static void replace(const char *path, const char *before, const char *after, size_t n_bytes)
{
        size_t size;
        _cleanup_free_ char *image = fixture_read(path, &size);
        char *at = memmem(image, size, before, n_bytes);

        assert_non_null(at);
        assert_null(memmem(at + 1, size - (size_t) (at + 1 - image), before, n_bytes));
        memcpy(at, after, n_bytes);
        fixture_write(path, image, size);
}

/* What a SELECT takes for the same, and a look-up does not. */
static void test_record_that_only_a_select_reads_is_doubted(void **state)
{
        static const struct {
                const char *before, *after;
        } records[] = {
                        /* size, header, types of NULL, a small and a large integer: another kind of nothing
                         */
                        {"\x07\x04\x00\x01\x02\x05\x01\x2c", "\x07\x04\x0b\x01\x02\x05\x01\x2c"},
                        /* the same length as a header of one field more, and none where the NULL was */
                        {"\x07\x04\x00\x01\x02\x05\x01\x2c", "\x07\x04\x01\x02\x00\x05\x01\x2c"},
                        /* a type in a longer form than it needs */
                        {"\x07\x04\x00\x01\x02\x05\x01\x2c", "\x07\x04\x80\x00\x02\x05\x01\x2c"},
                        /* an unknown kind of header */
                        {"\x07\x04\x00\x01\x02\x05\x01\x2c", "\x07\x80\x04\x01\x02\x05\x01\x2c"},
        };

        for (size_t i = 0; i < ELEMENTSOF(records); i++) {
                const char *path = create("record",
                                "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); CREATE INDEX i ON t(a, b);"
                                "INSERT INTO t VALUES(300, NULL, 5)",
                                "");

                replace(path, records[i].before, records[i].after, 8);
                assert_doubted(path, "t");
        }
}

/* The same of records as long as they should be that hold fewer bytes of text: by SQLite's own word not all
 * are wrong, but none is what SQLite writes. */
static void test_record_of_another_form_is_doubted(void **state)
{
        static const char before[] = "\x0c\x04\x00\x19\x02"
                                     "abcdef\x01\x2c";
        static const struct {
                const char *statement, *after;
        } records[] = {
                        /* a longer form of a type */
                        {"UPDATE t SET b = 'abcde'",
                                        "\x0c\x05\x80\x00\x17\x02"
                                        "abcde\x01\x2c"},
                        /* a field too many */
                        {"UPDATE t SET b = 'abcde'",
                                        "\x0c\x05\x00\x17\x02\x08"
                                        "abcde\x01\x2c"},
                        /* more than its fields */
                        {"UPDATE t SET b = 'abcde'",
                                        "\x0c\x04\x00\x17\x02"
                                        "abcde\x01\x2c"
                                        "f"},
                        /* a rowid of 300.0 */
                        {"UPDATE t SET b = ''", "\x0c\x04\x00\x0d\x07\x40\x72\xc0\x00\x00\x00\x00\x00"},
        };

        for (size_t i = 0; i < ELEMENTSOF(records); i++) {
                const char *path = damage_index(
                                "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); CREATE INDEX i ON t(a, b);"
                                "INSERT INTO t VALUES(300, NULL, 'abcdef')",
                                "i",
                                records[i].statement);
                Opinion opinion;

                replace(path, before, records[i].after, sizeof before - 1);
                opinion = ask(path, "t");
                assert_false(opinion.proved);
                assert_int_equal(opinion.is_sound, i > 0);
        }
}

static uint32_t next_random(uint32_t *seed)
{
        *seed = *seed * 1664525 + 1013904223;
        return *seed >> 8;
}

/* Somewhere in a page of the kind that has the table's or the indexes' records. */
static void damage_page(char *page, uint32_t seed)
{
        uint32_t n_cells = (uint32_t) (unsigned char) page[3] << 8 | (unsigned char) page[4];
        bool is_interior = page[0] == 2 || page[0] == 5;
        char *pointers = page + (is_interior ? 12 : 8), *cell;
        uint32_t a = next_random(&seed) % n_cells, b = next_random(&seed) % n_cells;

        cell = page +
               ((unsigned) (unsigned char) pointers[2 * a] << 8 | (unsigned char) pointers[2 * a + 1]);
        cell += is_interior ? 4 : 0;
        switch (next_random(&seed) % 5) {
        case 0: /* two entries swapped */
                for (unsigned i = 0; i < 2; i++) {
                        char kept = pointers[2 * a + i];

                        pointers[2 * a + i] = pointers[2 * b + i];
                        pointers[2 * b + i] = kept;
                }
                break;
        case 1: /* a bit of a record's header */
                cell[next_random(&seed) % 5] ^= (char) (1 << next_random(&seed) % 8);
                break;
        case 2: /* a small number in it */
                cell[next_random(&seed) % 5] = (char) (next_random(&seed) % 16);
                break;
        case 3: /* a bit of a record */
                cell[next_random(&seed) % 16] ^= (char) (1 << next_random(&seed) % 8);
                break;
        default: /* an entry that is gone, and one that is there twice */
                memcpy(pointers + 2 * (size_t) a, pointers + 2 * (size_t) b, 2);
        }
}

static void test_no_damage_is_missed(void **state)
{
        const char *path = fixture_path("random.db");
        unsigned n_damaged = 0, n_doubted = 0;
        _cleanup_free_ char *sound = NULL;
        size_t size;

        sound = fixture_read(create("content", content_sql, ""), &size);
        for (uint32_t seed = 1; seed <= 3000; seed++) {
                _cleanup_free_ char *image = malloc(size);
                uint32_t random = seed * 2654435761U;
                char *page;
                Opinion opinion;

                assert_non_null(image);
                memcpy(image, sound, size);
                do
                        page = image + (1 + next_random(&random) % (size / PAGE_BYTES - 1)) * PAGE_BYTES;
                while (page[0] != 2 && page[0] != 10 && page[0] != 13);
                damage_page(page, random);
                fixture_write(path, image, size);
                opinion = ask(path, "t");
                if (opinion.proved && !opinion.is_sound)
                        fail_msg("seed %u: missed", seed);
                n_damaged += !opinion.is_sound;
                n_doubted += opinion.is_sound && !opinion.proved;
        }
        assert_true(n_damaged > 1500);
        /* Rare forms of a NULL or a number that SQLite never writes, but reads. */
        assert_true(n_doubted < 60);
}

static void test_cancelled_is_doubted(void **state)
{
        const char *path = create("content", content_sql, "");
        _cleanup_(connection_closep) Connection *connection = NULL;
        Progress progress;

        progress_init(&progress);
        assert_int_equal(connection_open(path, CONNECTION_PRIVATE, &progress, &connection, NULL), 0);
        assert_true(holds(connection, "t"));
        {
                IndexProof *proof = index_proof_new(connection, "t");

                assert_non_null(proof);
                progress_cancel(&progress);
                for (unsigned n = index_proof_count_scans(proof); n-- > 0;)
                        assert_int_equal(index_proof_scan(proof, connection, n),
                                        n > 0 ? INDEX_PROOF_OPEN : INDEX_PROOF_DOUBTED);
                index_proof_free(proof);
        }
        connection = connection_close(connection);
        progress_done(&progress);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_sound_tables_are_proved),
                        TEST(test_what_is_not_plain_is_left_to_sqlite),
                        TEST(test_index_that_is_not_its_tables_is_doubted),
                        TEST(test_long_keys_with_the_same_sums_are_told_apart),
                        TEST(test_two_of_a_unique_key_are_doubted),
                        TEST(test_null_where_there_may_be_none_is_not_unique),
                        TEST(test_record_that_only_a_select_reads_is_doubted),
                        TEST(test_record_of_another_form_is_doubted),
                        TEST(test_no_damage_is_missed),
                        TEST(test_cancelled_is_doubted),
        };

        return cmocka_run_group_tests_name("database/index-proof", tests, NULL, NULL);
}
