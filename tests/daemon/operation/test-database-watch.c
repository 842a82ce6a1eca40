/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../base/room.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/job/job.h"
#include "daemon/job/operation.h"
#include "daemon/operation/database-watch.h"
#include "manager-fixture.h"

/* With a file of the test's in place of its database. The loop doesn't run: the looks are the test's. */
typedef struct Bench {
        Manager manager;
        char *database_path;
} Bench;

static Bench *bench;

static int setup(void **state)
{
        assert_int_equal(room_setup(state), 0);
        bench = calloc(1, sizeof(Bench));
        bench->database_path = strdup(room_path("oracxpred.db"));
        manager_fixture_begin(&bench->manager, bench->database_path, JOBS_MAX);
        bench->manager.started = true;
        return 0;
}

static int teardown(void **state)
{
        manager_fixture_end(&bench->manager);
        free(bench->database_path);
        free(bench);
        return room_teardown(state);
}

/* Longer or shorter, with other bytes at its beginning, as a commit writes into the header. */
static void write_file(uint64_t size_bytes)
{
        static unsigned char n_written;
        _cleanup_close_ int fd = open(bench->database_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        n_written++;
        assert_int_equal(ftruncate(fd, (off_t) size_bytes), 0);
        assert_int_equal(pwrite(fd, &n_written, 1, 0), 1);
}

/* How many checks a look leads to. They are taken out of the queue again, so that the next can be queued. */
static unsigned look(void)
{
        unsigned n = 0;

        database_watch_examine(&bench->manager);
        while (bench->manager.jobs) {
                assert_ptr_equal(bench->manager.jobs->operation, &operation_check);
                job_cancel(bench->manager.jobs);
                n++;
        }
        return n;
}

static void test_commits_lead_to_no_check(void **state)
{
        write_file(64 * KIB);
        database_watch_accept(&bench->manager);
        assert_int_equal(look(), 0);
        for (uint64_t i = 0; i < 3; i++) {
                write_file((64 + i) * KIB);
                assert_int_equal(look(), 0);
                assert_int_equal(look(), 0);
        }
}

static void test_file_that_shrank_is_checked_once_it_has_settled(void **state)
{
        write_file(64 * KIB);
        database_watch_accept(&bench->manager);
        /* Copied over, it is short at first. */
        write_file(8 * KIB);
        assert_int_equal(look(), 0);
        write_file(16 * KIB);
        assert_int_equal(look(), 0);
        assert_int_equal(look(), 1);
        assert_int_equal(look(), 0);
}

static void test_file_that_grew_back_before_it_settled_is_not_checked(void **state)
{
        write_file(64 * KIB);
        database_watch_accept(&bench->manager);
        write_file(8 * KIB);
        assert_int_equal(look(), 0);
        write_file(64 * KIB);
        assert_int_equal(look(), 0);
        assert_int_equal(look(), 0);
}

static void shrink(void)
{
        write_file(64 * KIB);
        assert_int_equal(look(), 0);
        write_file(8 * KIB);
        assert_int_equal(look(), 0);
}

static void test_file_that_shrinks_again_and_again_is_checked_when_it_is_due(void **state)
{
        uint64_t begun_usec = clock_monotonic_usec();

        write_file(64 * KIB);
        database_watch_accept(&bench->manager);
        shrink();
        assert_int_equal(look(), 1);
        assert_true(bench->manager.shrunk_due_usec >= begun_usec + USEC_PER_MINUTE);
        /* However long this test takes. */
        bench->manager.shrunk_due_usec += USEC_PER_HOUR;
        for (unsigned i = 0; i < 3; i++) {
                shrink();
                assert_int_equal(look(), 0);
        }
        /* Put off, not forgotten. */
        bench->manager.shrunk_due_usec = 0;
        assert_int_equal(look(), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_commits_lead_to_no_check),
                        TEST(test_file_that_shrank_is_checked_once_it_has_settled),
                        TEST(test_file_that_grew_back_before_it_settled_is_not_checked),
                        TEST(test_file_that_shrinks_again_and_again_is_checked_when_it_is_due),
        };

        return cmocka_run_group_tests_name("daemon/database-watch", tests, NULL, NULL);
}
