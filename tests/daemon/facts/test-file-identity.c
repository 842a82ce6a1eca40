/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/facts/file-identity.h"

static char directory[] = "/tmp/oracxpred-file-identity.XXXXXX";

static int begin(void **state)
{
        return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int end(void **state)
{
        (void) unlink("file");
        (void) unlink("link");
        (void) unlink("fifo");
        return chdir("/") == 0 && rmdir(directory) == 0 ? 0 : -1;
}

static void write_file(const char *text)
{
        FILE *file = fopen("file", "we");

        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static void test_what_is_not_there_is_gone(void **state)
{
        FileIdentity found = {.exists = true, .inode = 7};

        assert_int_equal(file_identity_look("missing", &found), 0);
        assert_false(found.exists);
        assert_int_equal(found.inode, 0);
}

static void test_file_has_its_inode_and_size(void **state)
{
        FileIdentity one, other;
        struct stat status;

        write_file("seven b");
        assert_int_equal(stat("file", &status), 0);
        assert_int_equal(file_identity_look("file", &one), 0);
        assert_true(one.exists);
        assert_int_equal(one.device, status.st_dev);
        assert_int_equal(one.inode, status.st_ino);
        assert_int_equal(one.size_bytes, 7);
        assert_int_equal(one.modified_nsec,
                        status.st_mtim.tv_sec * INT64_C(1000000000) + status.st_mtim.tv_nsec);
        write_file("");
        assert_int_equal(file_identity_look("file", &other), 0);
        assert_int_equal(other.inode, one.inode);
        assert_int_equal(other.size_bytes, 0);
}

/* Nobody emptied a file that a FIFO took the place of. */
static void test_what_is_no_file_has_no_size(void **state)
{
        FileIdentity found;

        write_file("seven b");
        assert_int_equal(symlink("file", "link"), 0);
        assert_int_equal(file_identity_look("link", &found), 0);
        assert_true(found.exists);
        assert_int_equal(found.size_bytes, UINT64_MAX);
        assert_int_equal(mkfifo("fifo", 0600), 0);
        assert_int_equal(file_identity_look("fifo", &found), 0);
        assert_int_equal(found.size_bytes, UINT64_MAX);
}

static void test_what_nobody_can_tell_is_not_gone(void **state)
{
        FileIdentity found = {.inode = 7};

        write_file("");
        assert_int_equal(file_identity_look("file/below", &found), -ENOTDIR);
        assert_int_equal(found.inode, 7);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_what_is_not_there_is_gone),
                        cmocka_unit_test(test_file_has_its_inode_and_size),
                        cmocka_unit_test(test_what_is_no_file_has_no_size),
                        cmocka_unit_test(test_what_nobody_can_tell_is_not_gone),
        };

        return cmocka_run_group_tests_name("daemon/file-identity", tests, begin, end);
}
