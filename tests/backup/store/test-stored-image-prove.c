/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-fixture.h"

#include <fcntl.h>
#include <string.h>

#include "age/key.h"
#include "backup/store/stored-image.h"

/* Several batches, the last of them not whole, nor its last block. */
#define IMAGE_BYTES (20 * STORED_IMAGE_BLOCK_BYTES + 4096)

static const Effort effort = {.threads = 3, .compression_level = 1};

static StoredImage store(
                size_t size, Compression compression, const AgeRecipients *recipients, AgeFileKey *file_key)
{
        _cleanup_close_ int image_fd = -EBADF, stored_fd = -EBADF;
        const StoredForm form = {.compression = compression,
                        .effort = effort,
                        .recipients = recipients,
                        .older_fd = -EBADF};
        StoredImage image = {0};

        backup_fixture_make_image(fixture_path("image"), size);
        image_fd = open(fixture_path("image"), O_RDONLY | O_CLOEXEC);
        stored_fd = open(fixture_path("stored"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_int_equal(stored_image_write(image_fd,
                                         &form,
                                         stored_fd,
                                         file_key,
                                         &backup_fixture_progress,
                                         &image,
                                         NULL),
                        0);
        return image;
}

static int prove_opened(Compression compression,
                const AgeOpener *opener,
                unsigned threads,
                StoredImage *ret,
                Fault *fault)
{
        _cleanup_close_ int fd = open(fixture_path("stored"), O_RDONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        return stored_image_prove(fd,
                        compression,
                        opener,
                        (Effort){.threads = threads},
                        &backup_fixture_progress,
                        ret,
                        fault);
}

static bool is_what_was_written(const StoredImage *written)
{
        StoredImage found;
        _cleanup_fault_ Fault fault = {0};
        int r = prove_opened(COMPRESSION_GZIP, NULL, 2, &found, &fault);

        if (r < 0)
                assert_int_equal(fault.code, FAULT_CORRUPT);
        return r >= 0 && found.stored_bytes == written->stored_bytes &&
               strcmp(found.members_sha256, written->members_sha256) == 0;
}

static void test_what_was_written_is_proved(void **state)
{
        static const size_t sizes[] = {
                        1, STORED_IMAGE_BLOCK_BYTES, 16 * STORED_IMAGE_BLOCK_BYTES, IMAGE_BYTES};

        for (Compression compression = 0; compression < _COMPRESSION_MAX; compression++)
                for (size_t i = 0; i < ELEMENTSOF(sizes); i++)
                        for (unsigned threads = 1; threads <= 5; threads += 2) {
                                StoredImage written = store(sizes[i], compression, NULL, NULL), found;

                                assert_int_equal(prove_opened(compression, NULL, threads, &found, NULL), 0);
                                assert_int_equal(found.stored_bytes, written.stored_bytes);
                                assert_string_equal(found.members_sha256, written.members_sha256);
                                fixture_run("test \"$(sha256sum <%s)\" = '%s  -'",
                                                fixture_path("stored"),
                                                found.stored_sha256);
                        }
}

static void test_encrypted_with_its_key_alone(void **state)
{
        AgeRecipients recipients = {.n_items = 1};
        AgeIdentity identity;
        AgeFileKey file_key;
        AgeOpener opener = {.file_key = &file_key}, nobody = {0};

        assert_int_equal(age_identity_generate(&identity, NULL), 0);
        recipients.items[0] = identity.recipient;
        for (Compression compression = 0; compression < _COMPRESSION_MAX; compression++) {
                StoredImage written = store(IMAGE_BYTES, compression, &recipients, &file_key), found;
                _cleanup_fault_ Fault fault = {0};

                assert_int_equal(prove_opened(compression, &opener, 3, &found, NULL), 0);
                assert_int_equal(found.stored_bytes, written.stored_bytes);
                assert_string_equal(found.members_sha256, written.members_sha256);
                assert_true(prove_opened(compression, &nobody, 3, &found, &fault) < 0);
                assert_int_equal(fault.code, FAULT_KEY_UNAVAILABLE);
        }
}

/* In a header, in the data, in a trailer and in the index alike. */
static void test_no_bit_can_differ(void **state)
{
        StoredImage written = store(2 * STORED_IMAGE_BLOCK_BYTES + 100, COMPRESSION_GZIP, NULL, NULL);
        size_t size;
        _cleanup_free_ char *data = fixture_read(fixture_path("stored"), &size);

        assert_true(is_what_was_written(&written));
        for (size_t i = 0; i < size; i += i < 64 || i + 600 > size ? 1 : 997) {
                data[i] ^= (char) (1 << i % 8);
                fixture_write(fixture_path("stored"), data, size);
                assert_false(is_what_was_written(&written));
                data[i] ^= (char) (1 << i % 8);
        }
        for (size_t shorter = 0; shorter < size; shorter += shorter < 100 ? 1 : 997) {
                fixture_write(fixture_path("stored"), data, shorter);
                assert_false(is_what_was_written(&written));
        }
        fixture_write(fixture_path("stored"), data, size);
        fixture_overwrite(fixture_path("stored"), (int64_t) size, "x", 1);
        assert_false(is_what_was_written(&written));
}

static void assert_not_proved(const char *words)
{
        StoredImage found;
        Fault fault = {0};

        assert_int_equal(
                        prove_opened(COMPRESSION_GZIP, NULL, 2, &found, &fault), fault_errno(FAULT_CORRUPT));
        fixture_assert_fault(&fault, FAULT_CORRUPT, words);
}

static void test_files_that_are_none_of_ours(void **state)
{
        (void) store(IMAGE_BYTES, COMPRESSION_GZIP, NULL, NULL);
        fixture_run("gzip -c %s >%s", fixture_path("image"), fixture_path("stored"));
        assert_not_proved("damaged");
        fixture_write(fixture_path("stored"), "rubbish", 7);
        assert_not_proved("no gzip file");
        fixture_write(fixture_path("stored"), "", 0);
        assert_not_proved("no gzip file");
}

static void test_cancelled_on_every_thread(void **state)
{
        StoredImage found;
        Fault fault = {0};

        (void) store(IMAGE_BYTES, COMPRESSION_GZIP, NULL, NULL);
        progress_cancel(&backup_fixture_progress);
        assert_true(prove_opened(COMPRESSION_GZIP, NULL, 4, &found, &fault) < 0);
        fixture_assert_fault(&fault, FAULT_CANCELLED, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, backup_fixture_setup, backup_fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_what_was_written_is_proved),
                        TEST(test_encrypted_with_its_key_alone),
                        TEST(test_no_bit_can_differ),
                        TEST(test_files_that_are_none_of_ours),
                        TEST(test_cancelled_on_every_thread),
        };

        return cmocka_run_group_tests_name("stored-image-prove", tests, NULL, NULL);
}
