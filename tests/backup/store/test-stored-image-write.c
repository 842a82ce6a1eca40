/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-fixture.h"

#include <fcntl.h>
#include <string.h>

#include "backup/store/gzip-member.h"
#include "backup/store/member-index.h"
#include "backup/store/stored-image.h"
#include "base/io.h"

/* Several batches, the last of them not whole, nor its last block. */
#define BLOCKS 50U
#define IMAGE_BYTES (BLOCKS * STORED_IMAGE_BLOCK_BYTES - 4096)

static void make_image(void)
{
        backup_fixture_make_image(fixture_path("image"), IMAGE_BYTES);
}

static void change_block(unsigned number)
{
        fixture_overwrite(
                        fixture_path("image"), (int64_t) (number * STORED_IMAGE_BLOCK_BYTES + 100), "!", 1);
}

/* What the manifests say otherwise: of each file that was stored, what its index was. */
static struct {
        const char *stored;
        char sha256[DIGEST_HEX_MAX];
} indexes[4];

static char *index_of(const char *stored)
{
        for (size_t i = 0; i < ELEMENTSOF(indexes); i++) {
                if (!indexes[i].stored)
                        indexes[i].stored = stored;
                if (strcmp(indexes[i].stored, stored) == 0)
                        return indexes[i].sha256;
        }
        fail_msg("Too many files");
        return NULL;
}

static int setup(void **state)
{
        memset(indexes, 0, sizeof indexes);
        return backup_fixture_setup(state);
}

/* Stores the image, with members from `older` unless that is NULL. */
static StoredImage store_as(bool aligned, const char *stored, const char *older, unsigned threads)
{
        _cleanup_close_ int image_fd = open(fixture_path("image"), O_RDONLY | O_CLOEXEC),
                            older_fd = older ? open(fixture_path(older), O_RDONLY | O_CLOEXEC) : -EBADF,
                            stored_fd = open(fixture_path(stored),
                                            O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
                                            0600);
        const StoredForm form = {
                        .compression = COMPRESSION_GZIP,
                        .effort = {.threads = threads, .compression_level = 1},
                        .older_fd = older_fd,
                        .older_index_sha256 = older ? index_of(older) : NULL,
                        .aligned = aligned,
        };
        _cleanup_fault_ Fault fault = {0};
        StoredImage image = {0};

        assert_true(image_fd >= 0 && stored_fd >= 0);
        if (stored_image_write(image_fd, &form, stored_fd, NULL, &backup_fixture_progress, &image, &fault) <
                        0)
                fail_msg("%s", fault.message);
        assert_int_equal(image.stored_bytes, fixture_file_size(fixture_path(stored)));
        (void) strcpy(index_of(stored), image.index_sha256);
        return image;
}

static StoredImage store(const char *stored, const char *older, unsigned threads)
{
        return store_as(false, stored, older, threads);
}

static void assert_holds_image(const char *stored)
{
        fixture_run("gunzip -c %s | cmp - %s", fixture_path(stored), fixture_path("image"));
}

/* True when it reads back as what was written: as whoever reuses has to ask. */
static bool reads_back(const char *stored, const StoredImage *written)
{
        _cleanup_close_ int stored_fd = open(fixture_path(stored), O_RDONLY | O_CLOEXEC);
        StoredImage image;
        _cleanup_fault_ Fault fault = {0};

        return stored_image_prove(stored_fd,
                               COMPRESSION_GZIP,
                               NULL,
                               (Effort){.threads = 2},
                               &backup_fixture_progress,
                               &image,
                               &fault) >= 0 &&
               strcmp(image.members_sha256, written->members_sha256) == 0;
}

static void test_the_same_file_on_any_number_of_threads(void **state)
{
        make_image();
        for (unsigned threads = 0; threads <= 5; threads++) {
                (void) store(threads == 0 ? "one" : "many", NULL, threads);
                fixture_run("cmp %s %s", fixture_path("one"), fixture_path(threads == 0 ? "one" : "many"));
        }
        assert_holds_image("many");
}

/* Where the index says that a member is, there is that member. */
static void test_the_index_names_every_member(void **state)
{
        _cleanup_(member_index_freep) MemberIndex *index = NULL;
        _cleanup_close_ int fd = -EBADF;
        MemberRecord records[BLOCKS + 1];
        size_t n;

        make_image();
        (void) store("stored", NULL, 3);
        fd = open(fixture_path("stored"), O_RDONLY | O_CLOEXEC);
        assert_int_equal(member_index_open(fd, STORED_IMAGE_BLOCK_BYTES, &index), 0);
        assert_int_equal(member_index_read(index, 0, BLOCKS + 1, records, &n), 0);
        assert_int_equal(n, BLOCKS);
        for (size_t i = 0; i < n; i++) {
                unsigned char header[GZIP_MEMBER_HEADER_BYTES];
                size_t size, member_bytes;

                assert_int_equal(io_read_full_at(fd, header, sizeof header, records[i].offset_bytes, &size),
                                0);
                member_bytes = gzip_member_stored_bytes(header, size);
                assert_int_not_equal(member_bytes, 0);
                if (i + 1 < n)
                        assert_int_equal(
                                        records[i].offset_bytes + member_bytes, records[i + 1].offset_bytes);
        }
}

static void test_unchanged_blocks_are_taken_over(void **state)
{
        StoredImage first, second, third;

        make_image();
        first = store("first", NULL, 2);
        assert_int_equal(first.reused_bytes, 0);
        assert_false(first.older_damaged);
        second = store("second", "first", 2);
        assert_false(second.older_damaged);
        /* All but the index. */
        assert_in_range(second.reused_bytes, second.stored_bytes * 99 / 100 - 3000, second.stored_bytes);
        assert_string_equal(second.blocks_sha256, first.blocks_sha256);
        assert_holds_image("second");

        change_block(0);
        change_block(20);
        change_block(BLOCKS - 1);
        third = store("third", "second", 3);
        assert_in_range(third.reused_bytes,
                        second.reused_bytes - 4 * STORED_IMAGE_BLOCK_BYTES,
                        second.reused_bytes - 2 * STORED_IMAGE_BLOCK_BYTES);
        assert_holds_image("third");
        assert_true(reads_back("third", &third));
}

static void test_an_image_that_grows_or_shrinks(void **state)
{
        StoredImage longer, shorter;

        make_image();
        (void) store("first", NULL, 2);
        fixture_overwrite(fixture_path("image"), IMAGE_BYTES, "more", 4);
        longer = store("longer", "first", 2);
        assert_holds_image("longer");
        assert_true(longer.reused_bytes > 0);
        assert_int_equal(truncate(fixture_path("image"), 3 * STORED_IMAGE_BLOCK_BYTES), 0);
        shorter = store("shorter", "longer", 2);
        assert_holds_image("shorter");
        assert_true(shorter.reused_bytes > 0);
}

/* A rotten older file is copied from in good faith, and found out when the new one is read back. */
static void test_rot_of_the_older_file_does_not_pass_the_read_back(void **state)
{
        StoredImage written;
        size_t size;
        _cleanup_free_ char *data = NULL;

        make_image();
        (void) store("first", NULL, 2);
        data = fixture_read(fixture_path("first"), &size);
        data[size / 2] ^= 1;
        fixture_write(fixture_path("first"), data, size);
        written = store("second", "first", 2);
        assert_true(written.reused_bytes > 0);
        assert_false(reads_back("second", &written));
}

/* Of the first block the index then says that it is in the second member, and, where it is consistent, what
 * that one's SHA-256 is: nothing contradicts it, and whoever believed it would write a wrong block. */
static void make_index_lie(const char *stored, bool consistent)
{
        _cleanup_(member_index_freep) MemberIndex *index = NULL;
        _cleanup_close_ int fd = open(fixture_path(stored), O_RDONLY | O_CLOEXEC);
        _cleanup_free_ char *data = NULL;
        MemberRecord records[2];
        unsigned char little[8];
        const char *place;
        size_t n, size;

        assert_int_equal(member_index_open(fd, STORED_IMAGE_BLOCK_BYTES, &index), 0);
        assert_int_equal(member_index_read(index, 0, 2, records, &n), 0);
        data = fixture_read(fixture_path(stored), &size);
        place = memmem(data, size, records[0].block_sha256, sizeof records[0].block_sha256);
        assert_non_null(place);
        for (unsigned i = 0; i < 8; i++)
                little[i] = (unsigned char) (records[1].offset_bytes >> (8 * i));
        fixture_overwrite(fixture_path(stored), place - data - 8, little, sizeof little);
        if (consistent)
                fixture_overwrite(fixture_path(stored),
                                place - data + MEMBER_INDEX_DIGEST_BYTES,
                                records[1].member_sha256,
                                sizeof records[1].member_sha256);
}

static void test_a_lying_index_is_not_believed(void **state)
{
        make_image();
        for (unsigned i = 0; i < 4; i++) {
                bool aligned = i & 1, consistent = i & 2;
                StoredImage written;

                (void) store_as(aligned, "first", NULL, 2);
                make_index_lie("first", consistent);
                written = store_as(aligned, "second", "first", 2);
                assert_int_equal(written.reused_bytes, 0);
                assert_true(written.older_damaged);
                assert_true(reads_back("second", &written));
                assert_holds_image("second");
        }
}

/* An index that can't be read is no reason to fail. */
static void test_an_index_that_is_gone_means_more_work(void **state)
{
        StoredImage written;
        int64_t size;

        make_image();
        (void) store("first", NULL, 2);
        size = fixture_file_size(fixture_path("first"));
        assert_int_equal(truncate(fixture_path("first"), size - 1), 0);
        written = store("second", "first", 2);
        assert_int_equal(written.reused_bytes, 0);
        assert_true(written.older_damaged);
        assert_holds_image("second");

        fixture_write(fixture_path("first"), "", 0);
        written = store("second", "first", 2);
        assert_int_equal(written.reused_bytes, 0);
        assert_true(written.older_damaged);
        assert_holds_image("second");
}

/* Where its index says that a member is, there is none any more: that one is deflated anew. */
static void test_a_member_that_is_gone_is_made_again(void **state)
{
        char zeros[STORED_IMAGE_ALIGNMENT_BYTES] = {0};

        make_image();
        for (unsigned aligned = 0; aligned < 2; aligned++) {
                StoredImage written;

                (void) store_as(aligned, "first", NULL, 2);
                fixture_overwrite(fixture_path("first"), 0, zeros, sizeof zeros);
                written = store_as(aligned, "second", "first", 2);
                assert_true(written.reused_bytes > 0);
                assert_true(written.older_damaged);
                assert_true(reads_back("second", &written));
                assert_holds_image("second");
        }
}

static void test_another_level_is_no_reason_to_deflate_again(void **state)
{
        _cleanup_close_ int image_fd = -EBADF, older_fd = -EBADF, stored_fd = -EBADF;
        StoredForm form = {
                        .compression = COMPRESSION_GZIP, .effort = {.threads = 1, .compression_level = 9}};
        StoredImage written;

        make_image();
        (void) store("first", NULL, 2);
        image_fd = open(fixture_path("image"), O_RDONLY | O_CLOEXEC);
        form.older_fd = older_fd = open(fixture_path("first"), O_RDONLY | O_CLOEXEC);
        form.older_index_sha256 = index_of("first");
        stored_fd = open(fixture_path("second"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(stored_image_write(image_fd,
                                         &form,
                                         stored_fd,
                                         NULL,
                                         &backup_fixture_progress,
                                         &written,
                                         NULL),
                        0);
        assert_true(written.reused_bytes > written.stored_bytes / 2);
        assert_holds_image("second");
}

static void test_cancelled_on_every_thread(void **state)
{
        _cleanup_close_ int image_fd = -EBADF, stored_fd = -EBADF;
        StoredForm form = {.compression = COMPRESSION_GZIP, .effort = {.threads = 4}, .older_fd = -EBADF};
        StoredImage written;
        Fault fault = {0};

        make_image();
        image_fd = open(fixture_path("image"), O_RDONLY | O_CLOEXEC);
        stored_fd = open(fixture_path("stored"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        progress_cancel(&backup_fixture_progress);
        assert_true(stored_image_write(image_fd,
                                    &form,
                                    stored_fd,
                                    NULL,
                                    &backup_fixture_progress,
                                    &written,
                                    &fault) < 0);
        fixture_assert_fault(&fault, FAULT_CANCELLED, "");
}

/* Every member, those behind a member of the index as well: most of the image is a hole, for speed. */
static void test_aligned_members_take_whole_blocks(void **state)
{
        _cleanup_(member_index_freep) MemberIndex *index = NULL;
        _cleanup_close_ int fd = -EBADF;
        static MemberRecord records[MEMBER_INDEX_RECORDS + BLOCKS + 1];
        StoredImage written;
        size_t n;

        make_image();
        assert_int_equal(truncate(fixture_path("image"),
                                         (MEMBER_INDEX_RECORDS + BLOCKS) * STORED_IMAGE_BLOCK_BYTES - 4096),
                        0);
        written = store_as(true, "stored", NULL, 3);
        assert_holds_image("stored");
        assert_true(reads_back("stored", &written));
        fd = open(fixture_path("stored"), O_RDONLY | O_CLOEXEC);
        assert_int_equal(member_index_open(fd, STORED_IMAGE_BLOCK_BYTES, &index), 0);
        assert_int_equal(member_index_read(index, 0, ELEMENTSOF(records), records, &n), 0);
        assert_int_equal(n, MEMBER_INDEX_RECORDS + BLOCKS);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(records[i].offset_bytes % STORED_IMAGE_ALIGNMENT_BYTES, 0);
}

static void test_aligned_is_the_same_file_on_any_number_of_threads(void **state)
{
        make_image();
        (void) store_as(true, "older", NULL, 2);
        change_block(3);
        for (unsigned threads = 1; threads <= 5; threads++) {
                (void) store_as(true, threads == 1 ? "one" : "many", "older", threads);
                fixture_run("cmp %s %s", fixture_path("one"), fixture_path(threads == 1 ? "one" : "many"));
        }
        assert_holds_image("many");
}

/* Here copied, where a file system shares; tests/fault/test_shared_extents.py has such ones. */
static void test_aligned_members_are_taken_over(void **state)
{
        StoredImage first, second, third;

        make_image();
        first = store_as(true, "first", NULL, 2);
        assert_int_equal(first.reused_bytes, 0);
        second = store_as(true, "second", "first", 2);
        assert_in_range(second.reused_bytes, second.stored_bytes * 99 / 100 - 8000, second.stored_bytes);
        assert_holds_image("second");
        fixture_run("cmp %s %s", fixture_path("first"), fixture_path("second"));

        change_block(0);
        change_block(20);
        change_block(BLOCKS - 1);
        third = store_as(true, "third", "second", 3);
        assert_in_range(third.reused_bytes,
                        second.reused_bytes - 4 * STORED_IMAGE_BLOCK_BYTES,
                        second.reused_bytes - 2 * STORED_IMAGE_BLOCK_BYTES);
        assert_holds_image("third");
        assert_true(reads_back("third", &third));
}

/* They are from before the file system could share, or from another one. */
static void test_members_that_are_not_aligned_are_not_shared(void **state)
{
        StoredImage written;

        make_image();
        (void) store("first", NULL, 2);
        written = store_as(true, "second", "first", 2);
        assert_int_equal(written.reused_bytes, 0);
        assert_true(reads_back("second", &written));
        (void) store_as(true, "anew", NULL, 2);
        fixture_run("cmp %s %s", fixture_path("second"), fixture_path("anew"));
}

static void test_aligned_members_do_where_none_need_be(void **state)
{
        StoredImage written;

        make_image();
        (void) store_as(true, "first", NULL, 2);
        change_block(20);
        written = store("second", "first", 2);
        assert_true(written.reused_bytes > written.stored_bytes * 9 / 10);
        assert_true(reads_back("second", &written));
        assert_holds_image("second");
}

static void test_rot_of_an_aligned_older_file_does_not_pass_the_read_back(void **state)
{
        StoredImage written;
        size_t size;
        _cleanup_free_ char *data = NULL;

        make_image();
        (void) store_as(true, "first", NULL, 2);
        data = fixture_read(fixture_path("first"), &size);
        data[size / 2] ^= 1;
        fixture_write(fixture_path("first"), data, size);
        written = store_as(true, "second", "first", 2);
        assert_true(written.reused_bytes > 0);
        assert_false(reads_back("second", &written));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, backup_fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_the_same_file_on_any_number_of_threads),
                        TEST(test_the_index_names_every_member),
                        TEST(test_unchanged_blocks_are_taken_over),
                        TEST(test_an_image_that_grows_or_shrinks),
                        TEST(test_rot_of_the_older_file_does_not_pass_the_read_back),
                        TEST(test_a_lying_index_is_not_believed),
                        TEST(test_an_index_that_is_gone_means_more_work),
                        TEST(test_a_member_that_is_gone_is_made_again),
                        TEST(test_another_level_is_no_reason_to_deflate_again),
                        TEST(test_aligned_members_take_whole_blocks),
                        TEST(test_aligned_is_the_same_file_on_any_number_of_threads),
                        TEST(test_aligned_members_are_taken_over),
                        TEST(test_members_that_are_not_aligned_are_not_shared),
                        TEST(test_aligned_members_do_where_none_need_be),
                        TEST(test_rot_of_an_aligned_older_file_does_not_pass_the_read_back),
                        TEST(test_cancelled_on_every_thread),
        };

        return cmocka_run_group_tests_name("stored-image-write", tests, NULL, NULL);
}
