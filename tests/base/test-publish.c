/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "room.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/publish.h"

static Publication *begin(const char *name, const char *text)
{
        Publication *publication = NULL;
        Fault fault = {0};

        if (publish_begin(room_fd(), name, 0640, &publication, &fault) < 0)
                fail_msg("%s", fault.message);
        assert_int_equal(io_write_all(publication->fd, text, strlen(text)), 0);
        return publication;
}

static void assert_content(const char *name, const char *wanted)
{
        _cleanup_free_ char *text = room_read(name);

        assert_string_equal(text, wanted);
}

static void test_appears_whole(void **state)
{
        _cleanup_(publish_freep) Publication *publication = begin("a", "new");
        _cleanup_fault_ Fault fault = {0};
        struct stat status;

        assert_string_equal(publication->temporary_name, ".a.tmp");
        assert_int_equal(faccessat(room_fd(), "a", F_OK, 0), -1);
        assert_int_equal(publish_sync(publication, &fault), 0);
        assert_int_equal(publish_commit(publication, false, &fault), 0);
        assert_content("a", "new");
        assert_int_equal(room_count(), 1);
        assert_int_equal(fstatat(room_fd(), "a", &status, 0), 0);
        assert_int_equal(status.st_mode & 07777, 0640);
}

/* The source is neither changed nor needed by what shares its content. */
static void test_shared_content_is_another_name(void **state)
{
        _cleanup_(publish_freep) Publication *publication = NULL;
        _cleanup_fault_ Fault fault = {0};

        room_write("source", "the same");
        assert_int_equal(publish_begin_shared(room_fd(), "a", "source", 0640, &publication, &fault), 0);
        assert_int_equal(publish_commit(publication, false, &fault), 0);
        assert_content("a", "the same");
        assert_int_equal(publish_remove(room_fd(), "source", &fault), 0);
        assert_content("a", "the same");
        assert_int_equal(room_count(), 1);
}

static void test_shared_content_of_nothing_leaves_nothing(void **state)
{
        _cleanup_(publish_freep) Publication *publication = NULL;
        _cleanup_fault_ Fault fault = {0};

        assert_true(publish_begin_shared(room_fd(), "a", "missing", 0640, &publication, &fault) < 0);
        assert_int_equal(room_count(), 0);
        room_write("source", "the same");
        assert_int_equal(publish_begin_shared(room_fd(), "a", "source", 0640, &publication, &fault), 0);
        publication = publish_free(publication);
        assert_int_equal(room_count(), 1);
        assert_content("source", "the same");
}

static void test_mode_is_whatever_the_umask(void **state)
{
        mode_t umask_before = umask(0777);
        _cleanup_(publish_freep) Publication *publication = begin("a", "");
        struct stat status;

        (void) umask(umask_before);
        assert_int_equal(fstat(publication->fd, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0640);
}

static void test_not_committed_leaves_nothing(void **state)
{
        publish_free(begin("a", "new"));
        assert_int_equal(room_count(), 0);
        assert_null(publish_free(NULL));
}

static void test_committed_stays_after_free(void **state)
{
        Publication *publication = begin("a", "new");

        assert_int_equal(publish_commit(publication, false, NULL), 0);
        publish_free(publication);
        assert_content("a", "new");
}

static void test_never_replaces_unasked(void **state)
{
        _cleanup_(publish_freep) Publication *publication = begin("a", "new");
        _cleanup_fault_ Fault fault = {0};

        room_write("a", "old");
        assert_int_equal(publish_commit(publication, false, &fault), -EINVAL);
        assert_non_null(strstr(fault.message, "a exists already"));
        assert_content("a", "old");
        publication = publish_free(publication);
        assert_int_equal(room_count(), 1);
}

static void test_replaces_when_asked(void **state)
{
        _cleanup_(publish_freep) Publication *publication = begin("a", "new");

        room_write("a", "old");
        assert_int_equal(publish_commit(publication, true, NULL), 0);
        assert_content("a", "new");
        assert_int_equal(room_count(), 1);
}

/* A left-over, or a link that somebody put there to have another file written. */
static void test_the_temporary_name_is_always_new(void **state)
{
        _cleanup_(publish_freep) Publication *publication = NULL;

        room_write("target", "untouched");
        assert_int_equal(symlinkat("target", room_fd(), ".a.tmp"), 0);
        publication = begin("a", "new");
        assert_content("target", "untouched");
        assert_int_equal(publish_commit(publication, false, NULL), 0);
        assert_content("a", "new");
}

static void test_rename_and_remove(void **state)
{
        _cleanup_fault_ Fault fault = {0};

        room_write("a", "one");
        room_write("b", "two");
        assert_int_equal(publish_rename(room_fd(), "a", "b", &fault), -EINVAL);
        assert_content("a", "one");
        assert_content("b", "two");
        assert_int_equal(publish_rename(room_fd(), "a", "c", &fault), 0);
        assert_content("c", "one");
        assert_int_equal(publish_rename(room_fd(), "a", "d", &fault), -ENOENT);
        assert_int_equal(publish_remove(room_fd(), "b", &fault), 0);
        assert_int_equal(publish_remove(room_fd(), "b", &fault), 0);
        assert_int_equal(room_count(), 1);
}

static void test_faults_name_the_file(void **state)
{
        Publication *publication = NULL;
        _cleanup_fault_ Fault fault = {0};

        assert_int_equal(publish_begin(room_fd(), "no/such", 0600, &publication, &fault), -ENOENT);
        assert_non_null(strstr(fault.message, "no/such"));
        assert_null(publication);
        assert_int_equal(mkdirat(room_fd(), "folder", 0700), 0);
        assert_int_equal(publish_remove(room_fd(), "folder", &fault), fault_errno(fault.code));
        assert_non_null(strstr(fault.message, "folder"));
}

static void test_temporary_names(void **state)
{
        assert_true(publish_is_temporary_name(".a.tmp"));
        assert_true(publish_is_temporary_name("..a.tmp"));
        assert_false(publish_is_temporary_name("a.tmp"));
        assert_false(publish_is_temporary_name(".tmp"));
        assert_false(publish_is_temporary_name(".a.tmp2"));
        assert_false(publish_is_temporary_name(""));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, room_setup, room_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_appears_whole),
                        TEST(test_shared_content_is_another_name),
                        TEST(test_shared_content_of_nothing_leaves_nothing),
                        TEST(test_mode_is_whatever_the_umask),
                        TEST(test_not_committed_leaves_nothing),
                        TEST(test_committed_stays_after_free),
                        TEST(test_never_replaces_unasked),
                        TEST(test_replaces_when_asked),
                        TEST(test_the_temporary_name_is_always_new),
                        TEST(test_rename_and_remove),
                        TEST(test_faults_name_the_file),
                        cmocka_unit_test(test_temporary_names),
        };

        return cmocka_run_group_tests_name("publish", tests, NULL, NULL);
}
