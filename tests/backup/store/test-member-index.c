/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../database/fixture.h"

#include <fcntl.h>
#include <string.h>
#include <zlib.h>

#include "backup/store/member-index.h"
#include "base/io.h"

#define BLOCK_BYTES 65536
#define ALIGNMENT_BYTES 4096

static MemberIndexWriter writer;
static char written_sha256[DIGEST_HEX_MAX];

static MemberRecord record_of(uint64_t number)
{
        MemberRecord record = {.offset_bytes = number * 1000 + 7};

        for (size_t i = 0; i < MEMBER_INDEX_DIGEST_BYTES; i++) {
                record.block_sha256[i] = (unsigned char) (number * 31 + i);
                record.member_sha256[i] = (unsigned char) (number * 7 + i);
        }
        return record;
}

static void put(int fd, Digest *digest, const void *member, size_t size)
{
        assert_int_equal(io_write_all(fd, member, size), 0);
        assert_int_equal(digest_update(digest, member, size, NULL), 0);
}

/* A file of index members alone. */
static int make(uint64_t n, size_t alignment_bytes)
{
        int fd = open(fixture_path("index.gz"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        unsigned char end[MEMBER_INDEX_END_BYTES];
        _cleanup_(digest_freep) Digest *digest = NULL;
        uint64_t offset_bytes = 0;
        const void *member;
        size_t size;

        assert_true(fd >= 0);
        assert_int_equal(digest_new(&digest, NULL), 0);
        memset(&writer, 0, sizeof writer);
        writer.alignment_bytes = alignment_bytes;
        for (uint64_t i = 0; i < n; i++) {
                MemberRecord record = record_of(i);

                if (!member_index_add(&writer, &record))
                        continue;
                size = member_index_flush(&writer, offset_bytes, &member);
                assert_int_equal(member_index_stored_bytes(member, size), size);
                put(fd, digest, member, size);
                offset_bytes += size;
                if (alignment_bytes > 0)
                        assert_int_equal(offset_bytes % alignment_bytes, 0);
        }
        size = member_index_flush(&writer, offset_bytes, &member);
        put(fd, digest, member, size);
        member_index_end(&writer, BLOCK_BYTES, n * BLOCK_BYTES, end);
        put(fd, digest, end, sizeof end);
        assert_int_equal(digest_finish(digest, written_sha256, NULL), 0);
        return fd;
}

static void assert_records(const MemberIndex *index, uint64_t first, size_t wanted, size_t n)
{
        MemberRecord records[20];
        size_t n_read;

        assert_int_equal(member_index_read(index, first, wanted, records, &n_read), 0);
        assert_int_equal(n_read, n);
        for (size_t i = 0; i < n; i++) {
                MemberRecord record = record_of(first + i);

                assert_memory_equal(records + i, &record, sizeof record);
        }
}

static bool has_digest(const MemberIndex *index)
{
        char sha256[DIGEST_HEX_MAX];
        int r = member_index_digest(index, sha256);

        assert_true(r == 0 || r == -EBADMSG);
        return r == 0 && strcmp(sha256, written_sha256) == 0;
}

static void assert_what_was_put_in_comes_out(size_t alignment_bytes)
{
        static const uint64_t counts[] = {1, 16, MEMBER_INDEX_RECORDS, 3 * MEMBER_INDEX_RECORDS + 5};

        for (size_t i = 0; i < ELEMENTSOF(counts); i++) {
                _cleanup_close_ int fd = make(counts[i], alignment_bytes);
                _cleanup_(member_index_freep) MemberIndex *index = NULL;

                assert_int_equal(member_index_open(fd, BLOCK_BYTES, &index), 0);
                assert_true(has_digest(index));
                assert_records(index, 0, 1, 1);
                assert_records(index, counts[i] - 1, 16, 1);
                assert_records(index, counts[i], 16, 0);
                assert_records(index, counts[i] + 100000, 16, 0);
                if (counts[i] > MEMBER_INDEX_RECORDS)
                        assert_records(index, MEMBER_INDEX_RECORDS - 10, 20, 20);
        }
}

static void test_what_was_put_in_comes_out(void **state)
{
        assert_what_was_put_in_comes_out(0);
        assert_what_was_put_in_comes_out(ALIGNMENT_BYTES);
}

static void assert_gunzip_passes_over_it(size_t alignment_bytes)
{
        int fd = make(2 * MEMBER_INDEX_RECORDS + 5, alignment_bytes);

        assert_int_equal(close(fd), 0);
        fixture_run("test \"$(gunzip -c %s | wc -c)\" = 0 && gzip -t %s",
                        fixture_path("index.gz"),
                        fixture_path("index.gz"));
}

static void test_gunzip_passes_over_it(void **state)
{
        assert_gunzip_passes_over_it(0);
        assert_gunzip_passes_over_it(ALIGNMENT_BYTES);
}

static void test_a_file_without_one_has_none(void **state)
{
        _cleanup_(member_index_freep) MemberIndex *index = NULL;
        _cleanup_close_ int fd = make(20, 0);

        assert_int_equal(member_index_open(fd, 2 * BLOCK_BYTES, &index), -ENOENT);
        assert_int_equal(ftruncate(fd, MEMBER_INDEX_END_BYTES - 1), 0);
        assert_int_equal(member_index_open(fd, BLOCK_BYTES, &index), -ENOENT);
        assert_int_equal(ftruncate(fd, 4096), 0);
        assert_int_equal(member_index_open(fd, BLOCK_BYTES, &index), -ENOENT);
}

/* Each bit of the last member and of an index member's start: never more than an error, or wrong records
 * with another digest. */
static void assert_damage_is_survived(size_t alignment_bytes)
{
        _cleanup_close_ int fd = make(MEMBER_INDEX_RECORDS + 3, alignment_bytes);
        int64_t size = fixture_file_size(fixture_path("index.gz"));
        int64_t places[MEMBER_INDEX_END_BYTES + 24 + 8];

        for (int64_t i = 0; i < MEMBER_INDEX_END_BYTES; i++)
                places[i] = size - 1 - i;
        for (int64_t i = 0; i < 24; i++)
                places[MEMBER_INDEX_END_BYTES + i] = i;
        /* And here and there in the records. */
        for (int64_t i = 0; i < 8; i++)
                places[MEMBER_INDEX_END_BYTES + 24 + i] = 24 + i * 7001;
        for (size_t i = 0; i < ELEMENTSOF(places); i++)
                for (unsigned bit = 0; bit < 8; bit++) {
                        _cleanup_(member_index_freep) MemberIndex *index = NULL;
                        unsigned char before, after;
                        MemberRecord records[4];
                        size_t n;
                        int r;

                        assert_int_equal(pread(fd, &before, 1, places[i]), 1);
                        after = (unsigned char) (before ^ (1U << bit));
                        assert_int_equal(pwrite(fd, &after, 1, places[i]), 1);
                        r = member_index_open(fd, BLOCK_BYTES, &index);
                        assert_true(r == 0 || r == -ENOENT || r == -EBADMSG);
                        if (r == 0) {
                                (void) member_index_read(index, MEMBER_INDEX_RECORDS - 2, 4, records, &n);
                                assert_false(has_digest(index));
                        }
                        assert_int_equal(pwrite(fd, &before, 1, places[i]), 1);
                }
}

static void test_damage_is_survived(void **state)
{
        assert_damage_is_survived(0);
        assert_damage_is_survived(ALIGNMENT_BYTES);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_what_was_put_in_comes_out),
                        TEST(test_gunzip_passes_over_it),
                        TEST(test_a_file_without_one_has_none),
                        TEST(test_damage_is_survived),
        };

        return cmocka_run_group_tests_name("member-index", tests, NULL, NULL);
}
