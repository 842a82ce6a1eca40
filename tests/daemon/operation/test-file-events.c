/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>

#include "base/macro.h"
#include "daemon/operation/file-events.h"

static void test_pauses_become_longer_up_to_a_bound(void **state)
{
        static const uint64_t seconds[] = {1, 1, 1, 1, 2, 4, 8, 8, 8};

        for (unsigned i = 0; i < ELEMENTSOF(seconds); i++)
                assert_int_equal(file_events_pause_usec(i), seconds[i] * USEC_PER_SEC);
        assert_int_equal(file_events_pause_usec(UINT_MAX), 8 * USEC_PER_SEC);
}

static void test_what_tells_of_a_commit(void **state)
{
        static const FileTraces then = {.side_inodes = {5, 6},
                        .wal_modified_nsec = 7,
                        .wal_bytes = 8,
                        .inode = 1,
                        .modified_nsec = 2,
                        .size_bytes = 3,
                        .directory_modified_nsec = 4};
        FileTraces now = then;

        assert_false(file_traces_tell_commit(&then, &now));
        /* Whoever opens the database makes the -shm, and its directory is another's, too. */
        now.side_inodes[1] = 0;
        now.directory_modified_nsec++;
        assert_false(file_traces_tell_commit(&then, &now));
        now = then;
        now.wal_modified_nsec++;
        assert_true(file_traces_tell_commit(&then, &now));
        now = then;
        now.modified_nsec++;
        assert_true(file_traces_tell_commit(&then, &now));
        now = then;
        now.inode++;
        assert_true(file_traces_tell_commit(&then, &now));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_pauses_become_longer_up_to_a_bound),
                        cmocka_unit_test(test_what_tells_of_a_commit),
        };

        return cmocka_run_group_tests_name("daemon/file-events", tests, NULL, NULL);
}
