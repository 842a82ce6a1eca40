/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "base/io.h"
#include "database/export/export.h"

/* The whole document as a text, owned by the caller. */
static char *export_text(const char *path, const ExportOptions *options, ExportResult *ret)
{
        _cleanup_close_ int fd = memfd_create("export", MFD_CLOEXEC);
        _cleanup_fault_ Fault fault = {0};
        char *text;
        size_t n;

        if (export_run(path, options, fd, NULL, ret, &fault) < 0)
                fail_msg("%s", fault.message);
        text = calloc(1, ret->bytes + 2);
        assert_non_null(text);
        assert_int_equal(io_read_full_at(fd, text, ret->bytes + 1, 0, &n), 0);
        assert_int_equal(n, ret->bytes);
        return text;
}

static void assert_export(const char *path, const ExportOptions *options, const char *expected)
{
        ExportResult result;
        _cleanup_free_ char *text = export_text(path, options, &result);

        assert_string_equal(text, expected);
}

static void create(const char *path, const char *sql)
{
        sqlite3 *application = fixture_open(path);

        fixture_execute(application, sql);
        fixture_close(application);
}

static void assert_refused(const char *path, const ExportOptions *options, FaultCode code, const char *words)
{
        _cleanup_close_ int fd = memfd_create("export", MFD_CLOEXEC);
        ExportResult result;
        Fault fault = {0};

        assert_int_equal(export_run(path, options, fd, NULL, &result, &fault), fault_errno(code));
        fixture_assert_fault(&fault, code, words);
        /* Nothing that could be taken for a document. */
        assert_int_equal(lseek(fd, 0, SEEK_END), 0);
}

#define TWO_TABLES                                                                                  \
        "CREATE TABLE a(id INTEGER PRIMARY KEY, x); CREATE TABLE empty(y); CREATE INDEX i ON a(x);" \
        "INSERT INTO a VALUES(1,'one'),(2,NULL); PRAGMA user_version=7; PRAGMA application_id=-8"

static void test_three_styles(void **state)
{
        const char *path = fixture_path("plain.db");

        create(path, TWO_TABLES);
        assert_export(path,
                        &(ExportOptions){.style = EXPORT_PRETTY},
                        "{\n"
                        "  \"format\": \"oracxpred-export\",\n"
                        "  \"version\": 1,\n"
                        "  \"redacted\": false,\n"
                        "  \"encoding\": \"UTF-8\",\n"
                        "  \"user_version\": 7,\n"
                        "  \"application_id\": -8,\n"
                        "  \"schema\": [\n"
                        "    {\"type\": \"table\", \"name\": \"a\", \"table\": \"a\", \"sql\": \"CREATE "
                        "TABLE a(id "
                        "INTEGER PRIMARY KEY, x)\"},\n"
                        "    {\"type\": \"table\", \"name\": \"empty\", \"table\": \"empty\", \"sql\": "
                        "\"CREATE "
                        "TABLE empty(y)\"},\n"
                        "    {\"type\": \"index\", \"name\": \"i\", \"table\": \"a\", \"sql\": \"CREATE "
                        "INDEX i ON "
                        "a(x)\"}\n"
                        "  ],\n"
                        "  \"tables\": {\n"
                        "    \"a\": {\n"
                        "      \"columns\": [\"id\", \"x\"],\n"
                        "      \"rows\": [\n"
                        "        [1, \"one\"],\n"
                        "        [2, null]\n"
                        "      ]\n"
                        "    },\n"
                        "    \"empty\": {\n"
                        "      \"columns\": [\"y\"],\n"
                        "      \"rows\": []\n"
                        "    }\n"
                        "  }\n"
                        "}\n");
#define HEADER                                                                                            \
        "{\"format\":\"oracxpred-export\",\"version\":1,\"redacted\":false,\"encoding\":\"UTF-8\","       \
        "\"user_version\":7,\"application_id\":-8,\"schema\":["                                           \
        "{\"type\":\"table\",\"name\":\"a\",\"table\":\"a\",\"sql\":\"CREATE TABLE a(id INTEGER PRIMARY " \
        "KEY, x)\"},"                                                                                     \
        "{\"type\":\"table\",\"name\":\"empty\",\"table\":\"empty\",\"sql\":\"CREATE TABLE empty(y)\"},"  \
        "{\"type\":\"index\",\"name\":\"i\",\"table\":\"a\",\"sql\":\"CREATE INDEX i ON a(x)\"}]"
        assert_export(path,
                        &(ExportOptions){.style = EXPORT_COMPACT},
                        HEADER
                        ",\"tables\":{\"a\":{\"columns\":[\"id\",\"x\"],\"rows\":[[1,\"one\"],[2,null]]},"
                        "\"empty\":{\"columns\":[\"y\"],\"rows\":[]}}}\n");
        assert_export(path,
                        &(ExportOptions){.style = EXPORT_LINES},
                        HEADER "}\n"
                               "{\"table\":\"a\",\"columns\":[\"id\",\"x\"]}\n"
                               "{\"row\":[1,\"one\"]}\n"
                               "{\"row\":[2,null]}\n"
                               "{\"table\":\"empty\",\"columns\":[\"y\"]}\n"
                               "{\"end\":{\"tables\":2,\"rows\":2}}\n");
}

static void test_tables_with_the_names_of_pragmas_hide_nothing(void **state)
{
        const char *path = fixture_path("shadow.db");
        _cleanup_free_ char *text = NULL;
        ExportResult result;

        create(path,
                        FIXTURE_PRAGMA_NAMES "CREATE TABLE k(a PRIMARY KEY, b) WITHOUT ROWID;"
                                             "INSERT INTO k VALUES('one', 1)");
        text = export_text(path, &(ExportOptions){.style = EXPORT_COMPACT}, &result);
        assert_non_null(strstr(text, "\"k\":{\"columns\":[\"a\",\"b\"],\"rows\":[[\"one\",1]]}"));
}

static void test_empty_database(void **state)
{
        const char *path = fixture_path("empty.db");

        fixture_write(path, "", 0);
        assert_export(path,
                        &(ExportOptions){.style = EXPORT_COMPACT},
                        "{\"format\":\"oracxpred-export\",\"version\":1,\"redacted\":false,\"encoding\":"
                        "\"UTF-8\","
                        "\"user_version\":0,\"application_id\":0,\"schema\":[],\"tables\":{}}\n");
}

static void test_chosen_tables_with_their_indexes_only(void **state)
{
        static const char *const chosen[] = {"A", "a", NULL}, *const unknown[] = {"a", "nope", NULL};
        static const char *const none[] = {NULL}, *const view[] = {"v", NULL};
        const char *path = fixture_path("plain.db");
        ExportResult result;

        create(path,
                        TWO_TABLES "; CREATE VIEW v AS SELECT * FROM a;"
                                   "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM empty; END");
        {
                _cleanup_free_ char *text = export_text(
                                path, &(ExportOptions){.tables = chosen, .style = EXPORT_LINES}, &result);

                assert_int_equal(result.tables, 1);
                assert_int_equal(result.rows, 2);
                assert_non_null(strstr(text, "CREATE INDEX i"));
                assert_null(strstr(text, "empty"));
                assert_null(strstr(text, "CREATE VIEW"));
        }
        assert_refused(path, &(ExportOptions){.tables = unknown}, FAULT_NOT_FOUND, "nope");
        assert_refused(path, &(ExportOptions){.tables = view}, FAULT_NOT_FOUND, "no table v");
        assert_refused(path, &(ExportOptions){.tables = none}, FAULT_INVALID_ARGUMENT, "No table");
}

static void test_secrets_are_left_out(void **state)
{
        static const char sql[] =
                        "CREATE TABLE Users(id INTEGER PRIMARY KEY, username, PASSWORD);"
                        "CREATE TABLE persistent_sessions(id INTEGER PRIMARY KEY, session_token, "
                        "session_data);"
                        "CREATE TABLE other(password);"
                        "INSERT INTO users VALUES(1,'ann','hash-0'); INSERT INTO other VALUES('kept');"
                        "INSERT INTO persistent_sessions VALUES(1,'token-0','data-0')";
        const char *path = fixture_path("secrets.db");

        create(path, sql);
        for (ExportStyle style = 0; style < _EXPORT_STYLE_MAX; style++) {
                ExportResult result;
                _cleanup_free_ char *text =
                                export_text(path, &(ExportOptions){.style = style, .redact = true}, &result);

                assert_null(strstr(text, "hash-0"));
                assert_null(strstr(text, "token-0"));
                assert_null(strstr(text, "data-0"));
                assert_non_null(strstr(text, "ann"));
                assert_non_null(strstr(text, "kept"));
                assert_non_null(strstr(
                                text, style == EXPORT_PRETTY ? "\"redacted\": true" : "\"redacted\":true"));
        }
}

/* That the word "table" is a blob, or in capitals, is nothing to SQLite, and integrity_check calls it sound.
 */
static void test_no_table_is_missed(void **state)
{
        static const char *const both[] = {"a", "empty", NULL};
        const char *plain = fixture_path("plain.db"), *path = fixture_path("blob.db");
        sqlite3 *application;
        ExportResult result;
        _cleanup_free_ char *expected = NULL;

        create(plain, TWO_TABLES ";CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END");
        create(path, TWO_TABLES ";CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END");
        application = fixture_open(path);
        fixture_blur_type(application, "a");
        fixture_execute(application,
                        "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET type='TABLE' WHERE "
                        "name='empty'");
        fixture_close(application);
        expected = export_text(plain, &(ExportOptions){.style = EXPORT_COMPACT}, &result);
        assert_int_equal(result.rows, 2);
        assert_export(path, &(ExportOptions){.style = EXPORT_COMPACT}, expected);
        free(expected);
        expected = export_text(plain, &(ExportOptions){.tables = both}, &result);
        assert_export(path, &(ExportOptions){.tables = both}, expected);
}

static void test_order_is_that_of_the_key(void **state)
{
        const char *path = fixture_path("order.db");

        /* The covering index would give another order, and be smaller than the table. */
        create(path,
                        "CREATE TABLE r(id INTEGER PRIMARY KEY, x, y AS (x || 'z'));"
                        "CREATE INDEX cover ON r(x, id);"
                        "INSERT INTO r VALUES(3,'a'),(1,'c'),(-2,'b');"
                        "CREATE TABLE w(a TEXT COLLATE NOCASE, b INTEGER, PRIMARY KEY(b DESC, a)) WITHOUT "
                        "ROWID;"
                        "CREATE INDEX coverw ON w(a, b);"
                        "INSERT INTO w VALUES('b',1),('A',1),('c',2);"
                        "CREATE TABLE hidden(rowid, oid, _rowid_, g VARCHAR(4000) AS (rowid));"
                        "CREATE INDEX coverh ON hidden(rowid, oid, _rowid_);"
                        "INSERT INTO hidden VALUES(9,1,1),(8,2,2)");
        {
                ExportResult result;
                _cleanup_free_ char *text =
                                export_text(path, &(ExportOptions){.style = EXPORT_COMPACT}, &result);

                assert_non_null(strstr(text,
                                "\"columns\":[\"id\",\"x\"],\"rows\":[[-2,\"b\"],[1,\"c\"],[3,\"a\"]]"));
                assert_non_null(strstr(text, "\"rows\":[[\"c\",2],[\"A\",1],[\"b\",1]]"));
                assert_non_null(strstr(text, "\"rows\":[[9,1,1],[8,2,2]]"));
        }
}

typedef struct Running {
        const char *path;
        int fd;
        Progress progress;
        ExportResult result;
        Fault fault;
        int r;
        pthread_t thread;
} Running;

static void *run(void *userdata)
{
        Running *running = userdata;
        ExportOptions options = {.style = EXPORT_LINES, .stall_usec = USEC_PER_DAY};

        running->r = export_run(running->path,
                        &options,
                        running->fd,
                        &running->progress,
                        &running->result,
                        &running->fault);
        (void) close(running->fd);
        return NULL;
}

static int start(Running *running, const char *path)
{
        int fds[2];

        *running = (Running){.path = path};
        progress_init(&running->progress);
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        running->fd = fds[1];
        assert_int_equal(pthread_create(&running->thread, NULL, run, running), 0);
        return fds[0];
}

static void finish(Running *running, int fd)
{
        assert_int_equal(pthread_join(running->thread, NULL), 0);
        progress_done(&running->progress);
        (void) close(fd);
}

/* Two accounts whose sum never changes, far apart in the file; the writer moves money while the reader of
 * the export has seen the first one only. */
static void test_one_snapshot_under_a_writer(void **state)
{
        const char *path = fixture_path("live.db");
        _cleanup_free_ char *text = calloc(1, 8 * MIB);
        sqlite3 *application;
        Running running;
        size_t first = 0, rest = 0;
        int fd;

        fixture_create_with_wal(path,
                        "CREATE TABLE a(id INTEGER PRIMARY KEY, money); INSERT INTO a VALUES(1, 100);"
                        "CREATE TABLE filler(body); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
                        " FROM n WHERE i < 1000) INSERT INTO filler SELECT zeroblob(2000) FROM n;"
                        "CREATE TABLE b(id INTEGER PRIMARY KEY, money); INSERT INTO b VALUES(1, 200)");
        application = fixture_open(path);
        assert_int_equal(fixture_integer(application, "SELECT sum(money) FROM a"), 100);
        fd = start(&running, path);
        assert_int_equal(io_read_full(fd, text, 20000, &first), 0);
        assert_non_null(strstr(text, "{\"row\":[1,100]}"));

        fixture_execute(application,
                        "BEGIN IMMEDIATE; UPDATE a SET money = 0; UPDATE b SET money = 300; INSERT INTO b "
                        "VALUES(2, 5); COMMIT");
        fixture_close(application);

        assert_int_equal(io_read_full(fd, text + first, 8 * MIB - first - 1, &rest), 0);
        finish(&running, fd);
        assert_int_equal(running.r, 0);
        assert_int_equal(running.result.bytes, first + rest);
        assert_int_equal(running.result.rows, 1002);
        assert_non_null(strstr(text, "{\"row\":[1,200]}"));
        assert_null(strstr(text, "{\"row\":[2,5]}"));
}

static void test_cancel_while_the_reader_stalls(void **state)
{
        const char *path = fixture_path("large.db");
        Running running;
        char byte;
        int fd;

        fixture_create_large(path, 2 * MIB);
        fd = start(&running, path);
        assert_int_equal(read(fd, &byte, 1), 1);
        progress_cancel(&running.progress);
        finish(&running, fd);
        assert_int_equal(running.r, -ECANCELED);
        fixture_assert_fault(&running.fault, FAULT_CANCELLED, "ancelled");
}

static void test_reader_goes_away(void **state)
{
        const char *path = fixture_path("large.db");
        Running running;
        char byte;
        int fd;

        fixture_create_large(path, 2 * MIB);
        fd = start(&running, path);
        assert_int_equal(read(fd, &byte, 1), 1);
        (void) close(fd);
        finish(&running, -EBADF);
        assert_int_equal(running.r, fault_errno(FAULT_FAILED));
        fixture_assert_fault(&running.fault, FAULT_FAILED, "went away");
}

static void test_stalled_reader_does_not_hold_the_snapshot_for_good(void **state)
{
        const char *path = fixture_path("large.db");
        ExportResult result;
        Fault fault = {0};
        int fds[2];

        fixture_create_large(path, 2 * MIB);
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        assert_int_equal(export_run(path, &(ExportOptions){.stall_usec = 1}, fds[1], NULL, &result, &fault),
                        -EBUSY);
        fixture_assert_fault(&fault, FAULT_BUSY, "stopped reading");
        (void) close(fds[0]);
        (void) close(fds[1]);
}

static void test_full_disk(void **state)
{
        const char *path = fixture_path("large.db"), *directory = fixture_mount_small(MIB);
        _cleanup_free_ char *document = NULL;
        _cleanup_close_ int fd = -EBADF;
        ExportResult result;
        Fault fault = {0};

        fixture_create_large(path, 2 * MIB);
        assert_true(asprintf(&document, "%s/export.json", directory) > 0);
        fd = open(document, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(export_run(path, &(ExportOptions){0}, fd, NULL, &result, &fault), -ENOSPC);
        fixture_assert_fault(&fault, FAULT_NO_SPACE, "not a whole document");
}

static void test_corrupt_database_is_told(void **state)
{
        const char *path = fixture_path("large.db");
        _cleanup_close_ int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
        char page[4096] = {0};
        ExportResult result;
        Fault fault = {0};

        fixture_create_large(path, 2 * MIB);
        fixture_overwrite(path, 100 * sizeof page, page, sizeof page);
        assert_int_equal(export_run(path, &(ExportOptions){0}, fd, NULL, &result, &fault),
                        fault_errno(FAULT_CORRUPT));
        fixture_assert_fault(&fault, FAULT_CORRUPT, "restore a backup");
}

/* Values of 32 MiB, blob, text and bytes that are no text, beside small ones in the same row: SQLite's heap
 * stays far below one of them. */
static void test_memory_is_bounded_by_no_value(void **state)
{
        const char *path = fixture_path("huge.db");
        _cleanup_close_ int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
        sqlite3_int64 highest;
        ExportResult result;
        Fault fault = {0};

        create(path,
                        "CREATE TABLE t(a, b);"
                        "INSERT INTO t VALUES('first', 1),(zeroblob(33554432), 'small');"
                        "INSERT INTO t VALUES(2, printf('%.*c', 33554432, 'x'));"
                        "INSERT INTO t VALUES(zeroblob(33554432), CAST(randomblob(33554432) AS TEXT));"
                        "INSERT INTO t VALUES('last', 3); ALTER TABLE t ADD COLUMN c DEFAULT 'later'");
        (void) sqlite3_memory_highwater(1);
        if (export_run(path, &(ExportOptions){0}, fd, NULL, &result, &fault) < 0)
                fail_msg("%s", fault.message);
        highest = sqlite3_memory_highwater(0);
        assert_int_equal(result.rows, 5);
        assert_true(result.bytes > 4 * (uint64_t) 33554432);
        assert_in_range(highest, 1, 8 * MIB);
}

static void test_style_names(void **state)
{
        for (ExportStyle style = 0; style < _EXPORT_STYLE_MAX; style++)
                assert_int_equal(export_style_from_string(export_style_to_string(style)), style);
        assert_int_equal(export_style_from_string("Pretty"), _EXPORT_STYLE_INVALID);
        assert_null(export_style_to_string(_EXPORT_STYLE_INVALID));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_three_styles),
                        TEST(test_empty_database),
                        TEST(test_tables_with_the_names_of_pragmas_hide_nothing),
                        TEST(test_chosen_tables_with_their_indexes_only),
                        TEST(test_secrets_are_left_out),
                        TEST(test_no_table_is_missed),
                        TEST(test_order_is_that_of_the_key),
                        TEST(test_one_snapshot_under_a_writer),
                        TEST(test_cancel_while_the_reader_stalls),
                        TEST(test_reader_goes_away),
                        TEST(test_stalled_reader_does_not_hold_the_snapshot_for_good),
                        TEST(test_full_disk),
                        TEST(test_corrupt_database_is_told),
                        TEST(test_memory_is_bounded_by_no_value),
                        TEST(test_style_names),
        };

        (void) signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests_name("database/export", tests, NULL, NULL);
}
