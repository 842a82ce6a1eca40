/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/directory.h"
#include "base/io.h"
#include "ctl/call/export-output.h"

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
        _cleanup_free_ char *directory = *state;

        (void) unlink("out.json");
        return chdir("/") < 0 || rmdir(directory) < 0 ? -1 : 0;
}

static size_t n_files(const char *directory)
{
        DirectoryList list = {0};
        _cleanup_close_ int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        size_t n;

        assert_int_equal(directory_list(fd, &list), 0);
        n = list.n_names;
        directory_list_done(&list);
        return n;
}

static void file_appears_whole_at_the_end_and_private(void **state)
{
        _cleanup_(export_output_done) ExportOutput output = EXPORT_OUTPUT_INIT;
        _cleanup_fault_ Fault fault = {0};
        struct stat status;
        uint64_t bytes = 0;

        (void) umask(0);
        assert_int_equal(export_output_open_file(&output, "out.json", &fault), 0);
        assert_int_equal(io_write_all(output.fd, "{}\n", 3), 0);
        assert_int_equal(access("out.json", F_OK), -1);
        assert_int_equal(export_output_finish(&output, &bytes, &fault), 0);
        assert_int_equal(bytes, 3);
        assert_int_equal(stat("out.json", &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        assert_int_equal(n_files("."), 1);
}

static void file_that_is_not_finished_is_removed(void **state)
{
        ExportOutput output = EXPORT_OUTPUT_INIT;
        _cleanup_fault_ Fault fault = {0};
        _cleanup_free_ char *path = NULL;

        assert_true(asprintf(&path, "%s/out.json", (const char *) *state) > 0);
        assert_int_equal(export_output_open_file(&output, path, &fault), 0);
        assert_int_equal(io_write_all(output.fd, "{", 1), 0);
        assert_int_equal(n_files("."), 1);
        export_output_done(&output);
        assert_int_equal(n_files("."), 0);
}

static void assert_refused(const char *path, FaultCode code, const char *hint)
{
        _cleanup_(export_output_done) ExportOutput output = EXPORT_OUTPUT_INIT;
        _cleanup_fault_ Fault fault = {0};

        assert_true(export_output_open_file(&output, path, &fault) < 0);
        assert_int_equal(fault.code, code);
        assert_non_null(strstr(fault.message, hint));
}

static void file_that_exists_is_left_alone(void **state)
{
        assert_int_equal(symlink("elsewhere", "out.json"), 0);
        assert_refused("out.json", FAULT_INVALID_ARGUMENT, "out.json exists already");
        assert_int_equal(n_files("."), 1);
}

static void file_that_came_meanwhile_is_left_alone(void **state)
{
        _cleanup_(export_output_done) ExportOutput output = EXPORT_OUTPUT_INIT;
        _cleanup_fault_ Fault fault = {0};
        uint64_t bytes;

        assert_int_equal(export_output_open_file(&output, "./out.json", &fault), 0);
        assert_int_equal(symlink("elsewhere", "out.json"), 0);
        assert_true(export_output_finish(&output, &bytes, &fault) < 0);
        assert_int_equal(fault.code, FAULT_INVALID_ARGUMENT);
}

static void names_that_are_none_are_refused(void **state)
{
        assert_refused("/tmp/", FAULT_INVALID_ARGUMENT, "not the name of a new file");
        assert_refused(".", FAULT_INVALID_ARGUMENT, "not the name of a new file");
        assert_refused("missing/out.json", FAULT_CANNOT_OPEN, "missing/out.json");
        assert_refused("/", FAULT_INVALID_ARGUMENT, "not the name of a new file");
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        IN_DIRECTORY(file_appears_whole_at_the_end_and_private),
                        IN_DIRECTORY(file_that_is_not_finished_is_removed),
                        IN_DIRECTORY(file_that_exists_is_left_alone),
                        IN_DIRECTORY(file_that_came_meanwhile_is_left_alone),
                        IN_DIRECTORY(names_that_are_none_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
