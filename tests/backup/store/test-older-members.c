/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-fixture.h"

#include <fcntl.h>
#include <string.h>

#include "backup/store/older-members.h"
#include "backup/store/stored-image.h"

#define IMAGE_BYTES (4 * STORED_IMAGE_BLOCK_BYTES)

/* A stored file of four members, open for reading and, as nobody does, for writing. */
static int make(char ret_index_sha256[static DIGEST_HEX_MAX])
{
        _cleanup_close_ int image_fd = -EBADF;
        const StoredForm form = {
                        .compression = COMPRESSION_GZIP, .effort = {.threads = 1}, .older_fd = -EBADF};
        int fd = open(fixture_path("stored"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        StoredImage written;

        backup_fixture_make_image(fixture_path("image"), IMAGE_BYTES);
        image_fd = open(fixture_path("image"), O_RDONLY | O_CLOEXEC);
        assert_int_equal(
                        stored_image_write(
                                        image_fd, &form, fd, NULL, &backup_fixture_progress, &written, NULL),
                        0);
        (void) strcpy(ret_index_sha256, written.index_sha256);
        return fd;
}

static void test_members_are_found_by_their_block(void **state)
{
        _cleanup_(older_members_freep) OlderMembers *older = NULL;
        char index_sha256[DIGEST_HEX_MAX];
        _cleanup_close_ int fd = make(index_sha256);
        MemberRecord records[5];
        size_t size;

        assert_int_equal(older_members_open(fd, index_sha256, &older), 0);
        assert_int_equal(older_members_read(older, 0, ELEMENTSOF(records), records), 4);
        for (size_t i = 0; i < 4; i++) {
                assert_int_equal(older_members_find(older, records + i, records[i].block_sha256, &size), 1);
                if (i < 3)
                        assert_int_equal(records[i].offset_bytes + size, records[i + 1].offset_bytes);
        }
        assert_int_equal(older_members_find(older, records, records[1].block_sha256, &size), 0);
        records[0].offset_bytes++;
        assert_int_equal(older_members_find(older, records, records[0].block_sha256, &size), -EBADMSG);
}

static void test_another_index_is_refused(void **state)
{
        _cleanup_(older_members_freep) OlderMembers *older = NULL;
        char index_sha256[DIGEST_HEX_MAX];
        _cleanup_close_ int fd = make(index_sha256);

        index_sha256[0] = index_sha256[0] == '0' ? '1' : '0';
        assert_int_equal(older_members_open(fd, index_sha256, &older), -EBADMSG);
        assert_int_equal(older_members_open(fd, "", &older), -EBADMSG);
        assert_null(older);
}

/* The first page of a process: whoever reads it is told of an input/output error, as of a bad sector. */
static void test_what_can_not_be_read_is_missing_not_fatal(void **state)
{
        _cleanup_(older_members_freep) OlderMembers *older = NULL;
        char index_sha256[DIGEST_HEX_MAX], member[100];
        _cleanup_close_ int fd = make(index_sha256),
                            unreadable_fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC),
                            target_fd = open(fixture_path("target"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        MemberRecord record;
        size_t size = 1;

        assert_int_equal(older_members_open(fd, index_sha256, &older), 0);
        assert_int_equal(older_members_read(older, 0, 1, &record), 1);
        assert_int_equal(dup3(unreadable_fd, fd, O_CLOEXEC), fd);
        assert_int_equal(older_members_find(older, &record, record.block_sha256, &size), -EIO);
        assert_int_equal(older_members_read_member(older, &record, member, sizeof member), -EIO);
        assert_int_equal(older_members_share(older, 0, sizeof member, target_fd, &size), 0);
        assert_int_equal(size, 0);
        assert_int_equal(fixture_file_size(fixture_path("target")), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, backup_fixture_setup, backup_fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_members_are_found_by_their_block),
                        TEST(test_another_index_is_refused),
                        TEST(test_what_can_not_be_read_is_missing_not_fatal),
        };

        return cmocka_run_group_tests_name("older-members", tests, NULL, NULL);
}
