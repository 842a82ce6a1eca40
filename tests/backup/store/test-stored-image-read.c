/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-fixture.h"

#include <fcntl.h>
#include <string.h>

#include "backup/store/stored-image.h"

/* Not a whole number of blocks, and more than the reader's input buffer when stored. */
#define IMAGE_BYTES (20 * STORED_IMAGE_BLOCK_BYTES + 4096)

static Effort effort = {.threads = 3, .compression_level = 2};

static int store(const char *image,
                const char *stored,
                Compression compression,
                StoredImage *ret,
                Fault *fault)
{
        _cleanup_close_ int image_fd = open(image, O_RDONLY | O_CLOEXEC);
        _cleanup_close_ int stored_fd = open(stored, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(image_fd >= 0 && stored_fd >= 0);
        return stored_image_write(image_fd,
                        &(StoredForm){.compression = compression, .effort = effort, .older_fd = -EBADF},
                        stored_fd,
                        NULL,
                        &backup_fixture_progress,
                        ret,
                        fault);
}

static int unpack(const char *stored,
                Compression compression,
                const char *image,
                StoredImage *ret,
                Fault *fault)
{
        _cleanup_close_ int stored_fd = open(stored, O_RDONLY | O_CLOEXEC);
        _cleanup_close_ int image_fd =
                        image ? open(image, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -EBADF;

        assert_true(stored_fd >= 0);
        return stored_image_read(stored_fd,
                        compression,
                        NULL,
                        image_fd,
                        effort,
                        &backup_fixture_progress,
                        ret,
                        fault);
}

static void assert_corrupt(const char *stored, const char *words)
{
        Fault fault = {0};
        StoredImage result;

        assert_int_equal(
                        unpack(stored, COMPRESSION_GZIP, NULL, &result, &fault), fault_errno(FAULT_CORRUPT));
        fixture_assert_fault(&fault, FAULT_CORRUPT, words);
}

static void assert_round_trip(size_t size, Compression compression)
{
        const char *image = fixture_path("image"), *stored = fixture_path("stored"),
                   *again = fixture_path("again");
        StoredImage written, read;
        _cleanup_fault_ Fault fault = {0};

        backup_fixture_make_image(image, size);
        assert_int_equal(store(image, stored, compression, &written, &fault), 0);
        assert_int_equal(atomic_load(&backup_fixture_progress.done_bytes),
                        atomic_load(&backup_fixture_progress.total_bytes));
        assert_int_equal(unpack(stored, compression, again, &read, &fault), 0);
        assert_int_equal(atomic_load(&backup_fixture_progress.done_bytes),
                        atomic_load(&backup_fixture_progress.total_bytes));
        assert_memory_equal(&written.blocks_sha256, &read.blocks_sha256, DIGEST_HEX_MAX);
        assert_int_equal(written.database_bytes, size);
        assert_int_equal(read.database_bytes, size);
        assert_int_equal(written.stored_bytes, fixture_file_size(stored));
        assert_int_equal(read.stored_bytes, fixture_file_size(stored));
        fixture_run("cmp %s %s", image, again);
        /* As block-digest.h says that it is computed elsewhere. */
        fixture_run("test \"$(split -b 65536 --filter='openssl dgst -sha256 -binary' <%s | sha256sum)\" = "
                    "'%s  -'",
                        image,
                        written.blocks_sha256);
        fixture_run("test \"$(sha256sum <%s)\" = '%s  -'", stored, read.stored_sha256);
}

static void test_round_trips(void **state)
{
        static const size_t sizes[] = {
                        1, 512, STORED_IMAGE_BLOCK_BYTES, 4 * STORED_IMAGE_BLOCK_BYTES, IMAGE_BYTES};

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                assert_round_trip(sizes[i], COMPRESSION_NONE);
                assert_round_trip(sizes[i], COMPRESSION_GZIP);
        }
}

static void test_gunzip_gives_the_image(void **state)
{
        const char *image = fixture_path("image"), *stored = fixture_path("stored.gz");
        StoredImage written;
        _cleanup_fault_ Fault fault = {0};

        backup_fixture_make_image(image, IMAGE_BYTES);
        assert_int_equal(store(image, stored, COMPRESSION_GZIP, &written, &fault), 0);
        fixture_run("gzip -t %s", stored);
        fixture_run("gunzip -c %s | cmp - %s", stored, image);
}

static void test_plain_form_is_the_image(void **state)
{
        const char *image = fixture_path("image"), *stored = fixture_path("stored");
        StoredImage written, read;
        _cleanup_fault_ Fault fault = {0};

        backup_fixture_make_image(image, IMAGE_BYTES);
        assert_int_equal(store(image, stored, COMPRESSION_NONE, &written, &fault), 0);
        fixture_run("cmp %s %s", stored, image);
        assert_int_equal(unpack(stored, COMPRESSION_NONE, NULL, &read, &fault), 0);
        assert_string_equal(written.blocks_sha256, read.blocks_sha256);
        fixture_run("test \"$(sha256sum <%s)\" = '%s  -'", image, read.stored_sha256);
}

static void test_any_gzip_file_is_read(void **state)
{
        static const char *const commands[] = {
                        "gzip -9 <%s >%s",
                        "gzip -1 -N -c %s >%s", /* with a name and a time */
                        "(f=%s; head -c 100 $f | gzip; tail -c +101 $f | gzip) >%s",
                        "(f=%s; printf '' | gzip; cat $f | gzip; printf '' | gzip) >%s",
        };
        const char *image = fixture_path("image"), *stored = fixture_path("stored"),
                   *again = fixture_path("again"), *own = fixture_path("own");
        StoredImage read;
        _cleanup_fault_ Fault fault = {0};

        backup_fixture_make_image(image, IMAGE_BYTES);
        for (size_t i = 0; i < ELEMENTSOF(commands); i++) {
                char command[512];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
                (void) snprintf(command, sizeof command, commands[i], image, stored);
#pragma GCC diagnostic pop
                fixture_run("%s", command);
                assert_int_equal(unpack(stored, COMPRESSION_GZIP, again, &read, &fault), 0);
                fixture_run("cmp %s %s", image, again);
        }

        /* Ours and others in one file. */
        assert_int_equal(store(image, own, COMPRESSION_GZIP, &read, &fault), 0);
        fixture_run("cat %s %s %s >%s.2", stored, own, stored, stored);
        fixture_run("cat %s %s %s >%s.3", image, image, image, image);
        fixture_run("mv %s.2 %s", stored, stored);
        assert_int_equal(unpack(stored, COMPRESSION_GZIP, again, &read, &fault), 0);
        fixture_run("cmp %s.3 %s", image, again);
}

/* By dd, tapes and some storages, to whole blocks; also by more than is read at once. */
static void test_padding_with_zeros_is_no_part_of_the_file(void **state)
{
        static const unsigned paddings[] = {1, 512, 1024, 700000};
        const char *image = fixture_path("image"), *stored = fixture_path("stored"),
                   *padded = fixture_path("padded"), *again = fixture_path("again");
        StoredImage read;
        _cleanup_fault_ Fault fault = {0};

        backup_fixture_make_image(image, IMAGE_BYTES);
        for (unsigned ours = 0; ours < 2; ours++) {
                if (ours)
                        assert_int_equal(store(image, stored, COMPRESSION_GZIP, &read, &fault), 0);
                else
                        fixture_run("gzip <%s >%s", image, stored);
                for (size_t i = 0; i < ELEMENTSOF(paddings); i++) {
                        fixture_run("(cat %s; head -c %u /dev/zero) >%s", stored, paddings[i], padded);
                        assert_int_equal(unpack(padded, COMPRESSION_GZIP, again, &read, &fault), 0);
                        fixture_run("cmp %s %s", image, again);
                        assert_int_equal(read.stored_bytes, fixture_file_size(padded));
                }
        }
}

/* A member that was lost may leave nothing else where it lay. */
static void test_zeros_inside_are_corrupt(void **state)
{
        static const unsigned gaps[] = {1, 4096, 700000};
        const char *image = fixture_path("image"), *stored = fixture_path("stored"),
                   *gap = fixture_path("gap");
        StoredImage read;

        backup_fixture_make_image(image, IMAGE_BYTES);
        for (size_t i = 0; i < ELEMENTSOF(gaps); i++) {
                Fault fault = {0};

                assert_int_equal(store(image, stored, COMPRESSION_GZIP, &read, NULL), 0);
                fixture_run("(cat %s; head -c %u /dev/zero; gzip <%s) >%s", stored, gaps[i], image, gap);
                assert_true(unpack(gap, COMPRESSION_GZIP, fixture_path("again"), &read, &fault) < 0);
                fixture_assert_fault(&fault, FAULT_CORRUPT, "Zeros");
        }
}

/* Truncations of a file of ours, or of the one that `gzip` makes. */
static void assert_truncations_are_corrupt(bool ours)
{
        const char *image = fixture_path("image"), *stored = fixture_path("stored"),
                   *cut = fixture_path("cut");
        StoredImage written;
        _cleanup_fault_ Fault fault = {0};
        int64_t size;

        backup_fixture_make_image(image, 2 * STORED_IMAGE_BLOCK_BYTES + 100);
        assert_int_equal(store(image, stored, COMPRESSION_GZIP, &written, &fault), 0);
        if (!ours)
                fixture_run("gzip <%s >%s", image, stored);
        size = fixture_file_size(stored);
        for (int64_t length = 0; length < size; length += length < 40 || length > size - 200 ? 1 : 997) {
                size_t stored_bytes;
                _cleanup_free_ char *data = fixture_read(stored, &stored_bytes);

                fixture_write(cut, data, (size_t) length);
                /* Between two members our file is whole gzip data; the manifest tells that it is too short.
                 */
                if (unpack(cut, COMPRESSION_GZIP, NULL, &written, &fault) >= 0) {
                        assert_true(ours);
                        assert_int_not_equal(written.stored_bytes, size);
                        continue;
                }
                assert_int_equal(fault.code, FAULT_CORRUPT);
        }
}

static void test_truncated_file_of_ours_is_corrupt(void **state)
{
        assert_truncations_are_corrupt(true);
}

static void test_truncated_foreign_file_is_corrupt(void **state)
{
        assert_truncations_are_corrupt(false);
}

static void test_rubbish_is_corrupt(void **state)
{
        const char *image = fixture_path("image"), *stored = fixture_path("stored"),
                   *bad = fixture_path("bad");
        StoredImage written;
        _cleanup_fault_ Fault fault = {0};

        backup_fixture_make_image(image, IMAGE_BYTES);
        assert_int_equal(store(image, stored, COMPRESSION_GZIP, &written, &fault), 0);
        fixture_run("(cat %s; printf rubbish) >%s", stored, bad);
        assert_corrupt(bad, "follows");
        fixture_run("(cat %s; head -c 600000 /dev/zero; printf rubbish) >%s", stored, bad);
        assert_corrupt(bad, "follows");
        fixture_run("head -c 1024 /dev/zero >%s", bad);
        assert_corrupt(bad, "no gzip");
        fixture_run("(cat %s; printf '\\037') >%s", stored, bad);
        assert_corrupt(bad, "follows");
        assert_corrupt(image, "no gzip");
        fixture_run("(gzip <%s; printf rubbish) >%s", image, bad);
        assert_corrupt(bad, "follows");
        fixture_write(bad, "", 0);
        assert_corrupt(bad, "no gzip");
        fixture_run("printf '' | gzip >%s", bad);
        assert_corrupt(bad, "empty");
}

/* Flips one bit at `offset_bytes` (from the end when negative). */
static void assert_flip_is_noticed(const char *stored, int64_t offset_bytes)
{
        const char *bad = fixture_path("bad");
        size_t size;
        _cleanup_free_ char *data = fixture_read(stored, &size);
        size_t offset = offset_bytes >= 0 ? (size_t) offset_bytes : size - (size_t) -offset_bytes;
        Fault fault = {0};
        StoredImage read;

        data[offset] ^= 4;
        fixture_write(bad, data, size);
        if (unpack(bad, COMPRESSION_GZIP, NULL, &read, &fault) >= 0)
                fail_msg("a flipped bit at %zu was not noticed", offset);
        fixture_assert_fault(&fault, FAULT_CORRUPT, "");
}

static void test_flipped_bits_are_corrupt(void **state)
{
        static const int64_t everywhere[] = {0, 1, 2, 100, 10000, -1, -4, -5, -8};
        const char *image = fixture_path("image"), *ours = fixture_path("ours"),
                   *theirs = fixture_path("theirs");
        StoredImage written;
        _cleanup_fault_ Fault fault = {0};

        backup_fixture_make_image(image, 2 * STORED_IMAGE_BLOCK_BYTES);
        assert_int_equal(store(image, ours, COMPRESSION_GZIP, &written, &fault), 0);
        fixture_run("gzip <%s >%s", image, theirs);
        for (size_t i = 0; i < ELEMENTSOF(everywhere); i++) {
                assert_flip_is_noticed(ours, everywhere[i]);
                assert_flip_is_noticed(theirs, everywhere[i]);
        }
        for (int64_t offset = 16; offset < 20; offset++)
                assert_flip_is_noticed(ours, offset); /* the size of the member */
}

/* A bit in a header field that no gzip reader judges changes the digest of the stored file. */
static void test_flip_in_an_idle_header_field_changes_the_digest(void **state)
{
        const char *image = fixture_path("image"), *stored = fixture_path("stored");
        StoredImage written, before, read;
        _cleanup_fault_ Fault fault = {0};

        backup_fixture_make_image(image, IMAGE_BYTES);
        assert_int_equal(store(image, stored, COMPRESSION_GZIP, &written, &fault), 0);
        assert_int_equal(unpack(stored, COMPRESSION_GZIP, NULL, &before, &fault), 0);
        fixture_overwrite(stored, 4, "T", 1);
        assert_int_equal(unpack(stored, COMPRESSION_GZIP, NULL, &read, &fault), 0);
        assert_string_equal(read.blocks_sha256, written.blocks_sha256);
        assert_string_not_equal(read.stored_sha256, before.stored_sha256);
}

static void test_empty_image_is_corrupt(void **state)
{
        const char *image = fixture_path("image"), *stored = fixture_path("stored");
        StoredImage written;
        Fault fault = {0};

        fixture_write(image, "", 0);
        assert_int_equal(store(image, stored, COMPRESSION_GZIP, &written, &fault),
                        fault_errno(FAULT_CORRUPT));
        fixture_assert_fault(&fault, FAULT_CORRUPT, "empty");
        assert_int_equal(
                        unpack(image, COMPRESSION_NONE, NULL, &written, &fault), fault_errno(FAULT_CORRUPT));
        fixture_assert_fault(&fault, FAULT_CORRUPT, "empty");
}

static int read_within(const char *file, const char *again, Effort bounded, Fault *fault)
{
        _cleanup_close_ int from = open(file, O_RDONLY | O_CLOEXEC),
                            to = open(again, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        StoredImage read;

        return stored_image_read(
                        from, COMPRESSION_GZIP, NULL, to, bounded, &backup_fixture_progress, &read, fault);
}

/* Nothing past the bound is written, whoever has made the file; one of a known size that has more is another
 * file. */
static void test_image_over_the_bound_is_refused(void **state)
{
        const char *image = fixture_path("image"), *stored = fixture_path("stored"),
                   *foreign = fixture_path("image.gz"), *again = fixture_path("again");
        const char *const files[] = {stored, foreign};
        StoredImage written;
        Fault fault = {0};

        backup_fixture_make_image(image, IMAGE_BYTES);
        assert_int_equal(store(image, stored, COMPRESSION_GZIP, &written, &fault), 0);
        fixture_run("gzip -k %s", image);
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                Effort most = {.threads = 3, .image_max_bytes = IMAGE_BYTES},
                       known = {.threads = 3, .image_bytes = IMAGE_BYTES};

                assert_int_equal(read_within(files[i], again, most, &fault), 0);
                assert_int_equal(read_within(files[i], again, known, &fault), 0);
                most.image_max_bytes--;
                known.image_bytes--;
                assert_int_equal(read_within(files[i], again, most, &fault), fault_errno(FAULT_NO_SPACE));
                fixture_assert_fault(&fault, FAULT_NO_SPACE, "RestoreMaxSize=");
                assert_true((uint64_t) fixture_file_size(again) < IMAGE_BYTES);
                assert_int_equal(read_within(files[i], again, known, &fault), fault_errno(FAULT_CORRUPT));
                fixture_assert_fault(&fault, FAULT_CORRUPT, "manifest");
        }
}

static void test_cancelled(void **state)
{
        const char *image = fixture_path("image"), *stored = fixture_path("stored");
        StoredImage written;
        Fault fault = {0};

        backup_fixture_make_image(image, IMAGE_BYTES);
        assert_int_equal(store(image, stored, COMPRESSION_GZIP, &written, &fault), 0);
        progress_cancel(&backup_fixture_progress);
        assert_int_equal(unpack(stored, COMPRESSION_GZIP, NULL, &written, &fault),
                        fault_errno(FAULT_CANCELLED));
        fault_done(&fault);
        assert_int_equal(store(image, stored, COMPRESSION_NONE, &written, &fault),
                        fault_errno(FAULT_CANCELLED));
        fault_done(&fault);
}

static void test_full_disk(void **state)
{
        const char *image = fixture_path("image"), *stored;
        _cleanup_free_ char *small = strdup(fixture_mount_small(256 * KIB));
        StoredImage written;
        Fault fault = {0};
        char path[256];

        backup_fixture_make_image(image, IMAGE_BYTES);
        (void) snprintf(path, sizeof path, "%s/stored", small);
        stored = path;
        assert_int_equal(store(image, stored, COMPRESSION_GZIP, &written, &fault),
                        fault_errno(FAULT_NO_SPACE));
        fault_done(&fault);
}

static void test_encrypted_round_trip(void **state)
{
        AgeRecipients recipients = {.n_items = 1};
        AgeIdentity identity;
        AgeFileKey file_key;
        AgeOpener opener = {.file_key = &file_key}, nobody = {0};
        _cleanup_fault_ Fault fault = {0};

        backup_fixture_make_image(fixture_path("image"), IMAGE_BYTES);
        assert_int_equal(age_identity_generate(&identity, NULL), 0);
        recipients.items[0] = identity.recipient;
        for (Compression compression = 0; compression < _COMPRESSION_MAX; compression++) {
                _cleanup_close_ int image_fd = open(fixture_path("image"), O_RDONLY | O_CLOEXEC);
                _cleanup_close_ int stored_fd =
                                open(fixture_path("stored"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
                StoredImage written, read, digest;

                assert_int_equal(stored_image_write(image_fd,
                                                 &(StoredForm){.compression = compression,
                                                                 .effort = effort,
                                                                 .recipients = &recipients,
                                                                 .older_fd = -EBADF},
                                                 stored_fd,
                                                 &file_key,
                                                 &backup_fixture_progress,
                                                 &written,
                                                 &fault),
                                0);
                assert_int_equal(written.stored_bytes, fixture_file_size(fixture_path("stored")));
                assert_int_equal(stored_image_read(stored_fd,
                                                 compression,
                                                 &opener,
                                                 -1,
                                                 effort,
                                                 &backup_fixture_progress,
                                                 &read,
                                                 &fault),
                                0);
                assert_int_equal(read.stored_bytes, written.stored_bytes);
                assert_string_equal(read.blocks_sha256, written.blocks_sha256);
                assert_int_equal(stored_image_digest(stored_fd,
                                                 effort,
                                                 &backup_fixture_progress,
                                                 &digest,
                                                 &fault),
                                0);
                assert_string_equal(digest.stored_sha256, read.stored_sha256);
                assert_int_equal(digest.stored_bytes, written.stored_bytes);
                assert_true(stored_image_read(stored_fd,
                                            compression,
                                            &nobody,
                                            -1,
                                            effort,
                                            &backup_fixture_progress,
                                            &read,
                                            &fault) < 0);
                assert_int_equal(fault.code, FAULT_KEY_UNAVAILABLE);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, backup_fixture_setup, backup_fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_round_trips),
                        TEST(test_gunzip_gives_the_image),
                        TEST(test_plain_form_is_the_image),
                        TEST(test_any_gzip_file_is_read),
                        TEST(test_padding_with_zeros_is_no_part_of_the_file),
                        TEST(test_zeros_inside_are_corrupt),
                        TEST(test_truncated_file_of_ours_is_corrupt),
                        TEST(test_truncated_foreign_file_is_corrupt),
                        TEST(test_rubbish_is_corrupt),
                        TEST(test_flipped_bits_are_corrupt),
                        TEST(test_flip_in_an_idle_header_field_changes_the_digest),
                        TEST(test_empty_image_is_corrupt),
                        TEST(test_image_over_the_bound_is_refused),
                        TEST(test_cancelled),
                        TEST(test_full_disk),
                        TEST(test_encrypted_round_trip),
        };

        return cmocka_run_group_tests_name("stored-image-read", tests, NULL, NULL);
}
