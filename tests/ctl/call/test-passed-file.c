/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "ctl/call/passed-file.h"

/* Each test works in a directory of its own, which is also the current one. */
static int enter_directory(void **state)
{
        char *directory = strdup("/tmp/oracxpred-test.XXXXXX");

        if (!directory || !mkdtemp(directory) || chdir(directory) < 0)
                return -1;
        *state = directory;
        return 0;
}

static int leave_directory(void **state)
{
        static const char *const names[] = {
                        "db", "db-wal", "db-journal", "link", "fifo", "real", "real-wal"};
        _cleanup_free_ char *directory = *state;

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                (void) unlink(names[i]);
        return chdir("/") < 0 || rmdir(directory) < 0 ? -1 : 0;
}

static void put(const char *name, const char *text)
{
        FILE *file = fopen(name, "w");

        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static void assert_open_refused(const char *path, FaultCode code, const char *hint)
{
        _cleanup_fault_ Fault fault = {0};
        char *absolute = NULL;
        int fd = -EBADF;

        assert_true(passed_file_open(path, &fd, &absolute, &fault) < 0);
        assert_int_equal(fault.code, code);
        assert_non_null(strstr(fault.message, hint));
        assert_int_equal(fd, -EBADF);
        assert_null(absolute);
}

static void only_regular_files_are_opened(void **state)
{
        assert_int_equal(mkfifo("fifo", 0600), 0);
        assert_open_refused("/dev/null", FAULT_INVALID_ARGUMENT, "no regular file");
        assert_open_refused(".", FAULT_INVALID_ARGUMENT, "no regular file");
        /* Without waiting for a writer. */
        assert_open_refused("fifo", FAULT_INVALID_ARGUMENT, "no regular file");
        assert_open_refused("missing", FAULT_CANNOT_OPEN, "missing");
}

static void file_is_opened_for_reading_only_and_links_are_resolved(void **state)
{
        _cleanup_fault_ Fault fault = {0};
        _cleanup_free_ char *absolute = NULL;
        _cleanup_close_ int fd = -EBADF;

        put("real", "x");
        assert_int_equal(symlink("real", "link"), 0);
        assert_int_equal(passed_file_open("link", &fd, &absolute, &fault), 0);
        assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
        assert_string_equal(strrchr(absolute, '/'), "/real");
        assert_int_equal(absolute[0], '/');
}

static void assert_incomplete(const char *beside)
{
        _cleanup_fault_ Fault fault = {0};

        put(beside, "changes, and more of them than the header of a log and that of one frame take");
        assert_true(passed_file_check_complete("db", &fault) < 0);
        assert_int_equal(fault.code, FAULT_INVALID_ARGUMENT);
        assert_ptr_equal(strstr(fault.message, beside), fault.message);
        assert_non_null(strstr(fault.message, "Close the application"));
        assert_non_null(strstr(fault.message, "not root"));
}

static void wal_with_content_is_refused(void **state)
{
        assert_incomplete("db-wal");
}

static void journal_with_content_is_refused(void **state)
{
        assert_incomplete("db-journal");
}

static void nothing_or_empty_beside_is_complete(void **state)
{
        _cleanup_fault_ Fault fault = {0};

        assert_int_equal(passed_file_check_complete("db", &fault), 0);
        put("db-wal", "");
        put("db-journal", "");
        assert_int_equal(passed_file_check_complete("db", &fault), 0);
}

/* As journal_mode=PERSIST leaves it after each commit. */
static void cold_journal_is_complete(void **state)
{
        _cleanup_fault_ Fault fault = {0};

        put("db-journal", "");
        assert_int_equal(truncate("db-journal", 8192), 0);
        put("db-wal", "only the header of a log");
        assert_int_equal(passed_file_check_complete("db", &fault), 0);
}

static void name_without_room_for_a_suffix_is_complete(void **state)
{
        char name[NAME_MAX + 1];
        _cleanup_fault_ Fault fault = {0};

        (void) memset(name, 'x', NAME_MAX);
        name[NAME_MAX] = '\0';
        assert_int_equal(passed_file_check_complete(name, &fault), 0);
}

static void no_descriptor_travels_over_ssh(void **state)
{
        Arguments arguments = {.transport = TRANSPORT_HOST, .target = "me@there"};
        Session session = {.arguments = &arguments};
        _cleanup_fault_ Fault fault = {0};

        assert_true(passed_file_check_transport(&session, "export", &fault) < 0);
        assert_int_equal(fault.code, FAULT_NOT_SUPPORTED);
        assert_non_null(strstr(fault.message, "`ssh me@there oracxpredctl export ...`"));
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        IN_DIRECTORY(only_regular_files_are_opened),
                        IN_DIRECTORY(file_is_opened_for_reading_only_and_links_are_resolved),
                        IN_DIRECTORY(wal_with_content_is_refused),
                        IN_DIRECTORY(journal_with_content_is_refused),
                        IN_DIRECTORY(nothing_or_empty_beside_is_complete),
                        IN_DIRECTORY(cold_journal_is_complete),
                        IN_DIRECTORY(name_without_room_for_a_suffix_is_complete),
                        cmocka_unit_test(no_descriptor_travels_over_ssh),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
