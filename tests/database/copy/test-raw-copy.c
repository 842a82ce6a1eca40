/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <endian.h>
#include <fcntl.h>
#include <string.h>

#include "database/copy/raw-copy.h"
#include "database/page/wal-index.h"
#include "event-vfs.h"

/* One way in which a database comes to be copied. `reader` sees what is there before `later`. */
typedef struct Scene {
        const char *name, *make, *later, *after_pin, *at_read;
        bool reader;
        int reserved_bytes;
} Scene;

#define ROWS(table, n)                                                                           \
        "CREATE TABLE " table "(id INTEGER PRIMARY KEY, n, body BLOB);"                          \
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " n ") INSERT" \
        " INTO " table " SELECT i, 0, randomblob(700) FROM n;"
#define WAL "PRAGMA journal_mode=WAL;"
#define PASSIVE "PRAGMA wal_checkpoint(PASSIVE);"
#define TRUNCATE "PRAGMA wal_checkpoint(TRUNCATE);"
#define SCATTERED "UPDATE t SET n = n + 1, body = randomblob(700) WHERE id % 37 = 0;"
#define OTHERS "UPDATE t SET n = n + 1, body = randomblob(700) WHERE id % 41 = 0;"
#define GROWTH "INSERT INTO t SELECT NULL, 5, randomblob(900) FROM t LIMIT 300;"

static const Scene scenes[] = {
                {.name = "delete", .make = ROWS("t", "400")},
                {.name = "truncate", .make = "PRAGMA journal_mode=TRUNCATE;" ROWS("t", "400")},
                {.name = "persist", .make = "PRAGMA journal_mode=PERSIST;" ROWS("t", "400") SCATTERED},
                {.name = "memory", .make = "PRAGMA journal_mode=MEMORY;" ROWS("t", "400")},
                {.name = "auto_vacuum", .make = "PRAGMA auto_vacuum=FULL;" WAL ROWS("t", "400") SCATTERED},
                {.name = "reserved bytes", .make = WAL ROWS("t", "400"), .reserved_bytes = 24},
                {.name = "no frame", .make = WAL ROWS("t", "400") TRUNCATE},
                {.name = "nothing backfilled", .make = WAL ROWS("t", "400") SCATTERED},
                {.name = "frames over the file", .make = WAL ROWS("t", "400") TRUNCATE SCATTERED OTHERS},
                {.name = "all backfilled", .make = WAL ROWS("t", "400") SCATTERED PASSIVE},
                {.name = "begun anew", .make = WAL ROWS("t", "400") PASSIVE SCATTERED},
                {.name = "some backfilled",
                                .make = WAL ROWS("t", "400") TRUNCATE SCATTERED,
                                .later = SCATTERED OTHERS PASSIVE,
                                .reader = true},
                {.name = "vacuumed, file too long",
                                .make = WAL ROWS("t", "400") ROWS("u", "20") TRUNCATE
                                "DROP TABLE t; VACUUM;"},
                {.name = "vacuumed and grown",
                                .make = WAL ROWS("u", "400") ROWS("t", "20") TRUNCATE
                                "DROP TABLE u; VACUUM;" GROWTH},
                {.name = "grown, file too short", .make = WAL ROWS("t", "300") TRUNCATE GROWTH GROWTH},
                {.name = "commit after the pin", .make = WAL ROWS("t", "400"), .after_pin = SCATTERED},
                {.name = "growth after the pin", .make = WAL ROWS("t", "400"), .after_pin = GROWTH PASSIVE},
                {.name = "begun anew after the pin",
                                .make = WAL ROWS("t", "400") PASSIVE,
                                .after_pin = SCATTERED GROWTH},
                {.name = "truncated after the pin",
                                .make = WAL ROWS("t", "400") PASSIVE,
                                .after_pin = TRUNCATE},
                {.name = "truncated after the pin, and a commit",
                                .make = WAL ROWS("t", "400") PASSIVE,
                                .after_pin = TRUNCATE SCATTERED PASSIVE},
                {.name = "begun anew while it is read",
                                .make = WAL ROWS("t", "400") PASSIVE,
                                .at_read = SCATTERED OTHERS PASSIVE TRUNCATE},
                {.name = "checkpoints while it is read",
                                .make = WAL ROWS("t", "400") TRUNCATE SCATTERED OTHERS,
                                .at_read = PASSIVE TRUNCATE SCATTERED PASSIVE},
                {.name = "commits after the pin, checkpoints while it is read",
                                .make = WAL ROWS("t", "400") TRUNCATE SCATTERED,
                                .after_pin = OTHERS GROWTH,
                                .at_read = SCATTERED PASSIVE TRUNCATE OTHERS PASSIVE},
                {.name = "some backfilled, checkpoints while it is read",
                                .make = WAL ROWS("t", "400") TRUNCATE SCATTERED,
                                .later = SCATTERED OTHERS PASSIVE,
                                .after_pin = SCATTERED,
                                .at_read = PASSIVE OTHERS PASSIVE TRUNCATE,
                                .reader = true},
};

typedef struct Meddler {
        sqlite3 *application;
        const char *sql;
        unsigned n_reads;
} Meddler;

/* At every read of the main file. What a checkpoint can't have now, it goes without. */
static int meddle(EventVfsCall call, void *userdata)
{
        Meddler *meddler = userdata;
        const char *sql = meddler->sql;

        if (call != EVENT_VFS_READ || !sql)
                return SQLITE_OK;
        meddler->sql = NULL; /* its own reads are no occasion */
        meddler->n_reads++;
        (void) sqlite3_exec(meddler->application, sql, NULL, NULL, NULL);
        meddler->sql = sql;
        return SQLITE_OK;
}

static sqlite3 *open_application(const char *path, const char *first)
{
        sqlite3 *handle = fixture_open(path);

        fixture_execute(handle, first);
        fixture_execute(handle,
                        "PRAGMA busy_timeout=0; PRAGMA synchronous=OFF; PRAGMA wal_autocheckpoint=0");
        return handle;
}

/* Of what a connection of the application sees now, SQLite's own way. */
static void copy_by_page(sqlite3 *handle, const char *target)
{
        sqlite3 *to = fixture_open(target);
        sqlite3_backup *backup = sqlite3_backup_init(to, "main", handle, "main");

        assert_non_null(backup);
        assert_int_equal(sqlite3_backup_step(backup, -1), SQLITE_DONE);
        assert_int_equal(sqlite3_backup_finish(backup), SQLITE_OK);
        fixture_close(to);
}

/* Every byte, but for the file versions, counters and cookies that sqlite3_backup sets itself. */
static void assert_same_pages(const char *name, const char *path, const char *expected_path)
{
        size_t size, expected_size;
        _cleanup_free_ char *bytes = fixture_read(path, &size),
                            *expected = fixture_read(expected_path, &expected_size);

        if (size != expected_size)
                fail_msg("%s: %zu bytes in place of %zu", name, size, expected_size);
        for (size_t i = 0; i < size; i++) {
                bool may_differ = i == 18 || i == 19 || (i >= 24 && i < 28) || (i >= 40 && i < 44) ||
                                  (i >= 92 && i < 100);

                if (!may_differ && bytes[i] != expected[i])
                        fail_msg("%s: byte %zu of %zu differs", name, i, size);
        }
}

/* What the next copies are made of; NULL: of what SQLite reads. */
static DiskRead *disk;

static int copy_raw(Connection *connection, const char *target_path, const char **ret_doubt)
{
        _cleanup_close_ int fd = open(target_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        const CopyTarget target = {.fd = fd, .path = target_path};
        _cleanup_fault_ Fault fault = {0};
        int64_t page_bytes = 0, n_pages = 0;
        int r;

        assert_true(fd >= 0);
        assert_int_equal(connection_query_integer(connection, "PRAGMA page_size", &page_bytes, NULL), 0);
        assert_int_equal(connection_query_integer(connection, "PRAGMA page_count", &n_pages, NULL), 0);
        r = raw_copy(connection,
                        (uint64_t) page_bytes,
                        (uint64_t) n_pages,
                        &target,
                        disk,
                        ret_doubt,
                        &fault);
        if (r < 0)
                fail_msg("%s", fault.message);
        return r;
}

static void play(const Scene *scene, unsigned page_bytes)
{
        const char *path = fixture_path("app.db"), *target = fixture_path("copy.db"),
                   *expected = fixture_path("expected.db"), *doubt = NULL;
        char first[64];
        sqlite3 *application, *reader = NULL;
        Connection *connection;
        sqlite3_stmt *pin;
        Meddler meddler = {0};

        (void) snprintf(first, sizeof first, "PRAGMA page_size=%u", page_bytes);
        event_vfs_set_hook(meddle, &meddler);
        application = open_application(path, first);
        if (scene->reserved_bytes) {
                int n = scene->reserved_bytes;

                (void) sqlite3_file_control(application, "main", SQLITE_FCNTL_RESERVE_BYTES, &n);
        }
        fixture_execute(application, scene->make);
        if (scene->reader) {
                reader = open_application(path, "PRAGMA cell_size_check");
                fixture_execute(reader, "BEGIN");
                (void) fixture_integer(reader, "SELECT count(*) FROM t");
        }
        if (scene->later)
                fixture_execute(application, scene->later);

        connection = fixture_connect(path, CONNECTION_READ);
        assert_int_equal(connection_pin(connection, &pin, NULL), 0);
        if (scene->after_pin)
                fixture_execute(application, scene->after_pin);
        copy_by_page(application, expected);
        meddler.application = application;
        meddler.sql = scene->at_read;
        if (copy_raw(connection, target, &doubt) != 1)
                fail_msg("%s, pages of %u: %s", scene->name, page_bytes, doubt);
        meddler.sql = NULL;
        if (scene->at_read && !disk)
                assert_true(meddler.n_reads >= 1);
        (void) sqlite3_finalize(pin);
        (void) connection_close(connection);
        if (reader)
                fixture_close(reader);
        fixture_close(application);
        event_vfs_set_hook(NULL, NULL);
        assert_same_pages(scene->name, target, expected);
        fixture_run("rm %s* %s", path, expected);
}

static void test_every_state_is_copied_as_sqlite_copies_it(void **state)
{
        for (unsigned page_bytes = 512; page_bytes <= 65536; page_bytes *= 2)
                for (size_t i = 0; i < ELEMENTSOF(scenes); i++)
                        play(&scenes[i], page_bytes);
}

static void test_every_state_is_copied_from_the_disk_as_well(void **state)
{
        DiskRead read = {0};

        disk = &read;
        for (unsigned page_bytes = 512; page_bytes <= 65536; page_bytes *= 2)
                for (size_t i = 0; i < ELEMENTSOF(scenes); i++)
                        if (!scenes[i].at_read)
                                play(&scenes[i], page_bytes);
        disk = NULL;
        assert_false(read.failed);
}

/* Refused for exactly this reason; `meddle_with` gets the application, which stays open, before the copy. */
static void assert_doubt(const char *make,
                const char *connection_sql,
                void (*meddle_with)(const char *path),
                const char *reason)
{
        const char *path = fixture_path("app.db"), *doubt = NULL;
        sqlite3 *application = open_application(path, "PRAGMA page_size=512");
        Connection *connection;
        sqlite3_stmt *pin;

        fixture_execute(application, make);
        if (connection_sql)
                fixture_close(application);
        connection = fixture_connect(path, CONNECTION_READ);
        if (connection_sql)
                fixture_execute(connection->handle, connection_sql);
        assert_int_equal(connection_pin(connection, &pin, NULL), 0);
        if (meddle_with)
                meddle_with(path);
        assert_int_equal(copy_raw(connection, fixture_path("copy.db"), &doubt), 0);
        assert_string_equal(doubt, reason);
        (void) sqlite3_finalize(pin);
        (void) connection_close(connection);
        if (!connection_sql)
                fixture_close(application);
        fixture_run("rm %s*", path);
}

static void overwrite(const char *path, const char *suffix, uint64_t offset, const void *data, size_t size)
{
        char name[256];

        (void) snprintf(name, sizeof name, "%s%s", path, suffix);
        fixture_overwrite(name, offset, data, size);
}

static void tear_index(const char *path)
{
        overwrite(path, "-shm", 48 + 16, "\xff", 1);
}

static void backfill_too_much(const char *path)
{
        overwrite(path, "-shm", 96, "\xff\xff\xff\x7f", 4);
}

/* A size that has its checksum, and that no commit has come by. */
static void claim_pages(const char *path)
{
        unsigned char header[48];
        uint32_t n_pages = 0x4000, sum[2] = {0};
        _cleanup_free_ char *index = NULL;
        char name[256];
        size_t size;

        (void) snprintf(name, sizeof name, "%s-shm", path);
        index = fixture_read(name, &size);
        memcpy(header, index, sizeof header);
        memcpy(header + 20, &n_pages, sizeof n_pages);
        wal_checksum(__BYTE_ORDER == __BIG_ENDIAN, header, 40, sum);
        memcpy(header + 40, sum, sizeof sum);
        overwrite(path, "-shm", 0, header, sizeof header);
        overwrite(path, "-shm", sizeof header, header, sizeof header);
}

static void change_frame(const char *path)
{
        overwrite(path, "-wal", 32 + 24 + 100, "\xa5\xa5\xa5\xa5", 4);
}

static void change_checksum(const char *path)
{
        overwrite(path, "-wal", 32 + 16, "\xa5\xa5\xa5\xa5", 4);
}

static void change_salt(const char *path)
{
        overwrite(path, "-wal", 32 + 8, "\xa5\xa5\xa5\xa5", 4);
}

static void cut_wal(const char *path)
{
        char name[256];

        (void) snprintf(name, sizeof name, "%s-wal", path);
        assert_int_equal(truncate(name, 32 + 600), 0);
}

/* As a writer leaves it that doesn't know of the size in the header. */
static void age_header(const char *path)
{
        overwrite(path, "", 92, "\xa5\xa5\xa5\xa5", 4);
}

static void test_what_is_not_understood_is_left_to_sqlite(void **state)
{
        _cleanup_free_ char *many = NULL;
        size_t size;
        FILE *stream = open_memstream(&many, &size);

        assert_true(fprintf(stream, WAL "CREATE TABLE t(n); INSERT INTO t VALUES(0);") > 0);
        for (unsigned i = 0; i < 4200; i++)
                assert_true(fprintf(stream, "UPDATE t SET n = n + 1;") > 0);
        assert_int_equal(fclose(stream), 0);

        assert_doubt(WAL ROWS("t", "99"), NULL, tear_index, "the wal-index can't be read");
        assert_doubt(WAL ROWS("t", "99"), NULL, backfill_too_much, "the -wal is being begun anew");
        assert_doubt(WAL ROWS("t", "99"),
                        NULL,
                        claim_pages,
                        "the wal-index has more pages than there can be");
        assert_doubt(WAL ROWS("t", "99"), NULL, change_frame, "the -wal is not what its index says");
        assert_doubt(WAL ROWS("t", "99"), NULL, change_checksum, "the -wal is not what its index says");
        assert_doubt(WAL ROWS("t", "99"), NULL, change_salt, "the -wal is not what its index says");
        assert_doubt(WAL ROWS("t", "99"), NULL, cut_wal, "the -wal is not what its index says");
        assert_doubt(ROWS("t", "99"), NULL, age_header, "the header has another number of pages");
        assert_doubt(many, NULL, NULL, "the -wal is longer than the database");
        assert_doubt("PRAGMA user_version", NULL, NULL, "there is no page");
        assert_doubt(WAL ROWS("t", "99"),
                        "PRAGMA locking_mode=EXCLUSIVE",
                        NULL,
                        "the locking or journal mode is not the usual one");
        assert_doubt(ROWS("t", "99"),
                        "PRAGMA journal_mode=PERSIST",
                        NULL,
                        "the locking or journal mode is not the usual one");
        event_vfs_set_hook(NULL, NULL);
        event_vfs_show_itself();
        assert_doubt(WAL ROWS("t", "99"), NULL, NULL, "the VFS is not plain");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_every_state_is_copied_as_sqlite_copies_it),
                        TEST(test_every_state_is_copied_from_the_disk_as_well),
                        TEST(test_what_is_not_understood_is_left_to_sqlite),
        };

        return cmocka_run_group_tests_name("database/raw-copy", tests, NULL, NULL);
}
