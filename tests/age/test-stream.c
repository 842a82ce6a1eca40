/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../database/fixture.h"

#include <string.h>

#include "age/stream.h"

#define CHUNK_BYTES (64 * KIB)
#define SEALED_BYTES (CHUNK_BYTES + AGE_TAG_BYTES)
#define CONTENT_MAX (4 * CHUNK_BYTES)
#define FILE_MAX_BYTES (CONTENT_MAX + 8 * KIB)

typedef struct File {
        size_t size;
        size_t position; /* of the reader */
        unsigned char data[FILE_MAX_BYTES];
} File;

static File file;
static unsigned char content[CONTENT_MAX], again[CONTENT_MAX + 1];
static AgeIdentities *identities;
static AgeRecipients recipients;
static AgeFileKey file_key;

static int setup(void **state)
{
        AgeIdentity identity;
        char text[AGE_IDENTITY_TEXT_MAX];

        for (size_t i = 0; i < sizeof content; i++)
                content[i] = (unsigned char) (i * 31 >> 3);
        assert_int_equal(age_identity_generate(&identity, NULL), 0);
        age_identity_format(&identity, text);
        assert_int_equal(age_identities_new(&identities, NULL), 0);
        assert_int_equal(age_identities_parse(identities, text, strlen(text), NULL), 0);
        recipients = (AgeRecipients){.n_items = 1, .items[0] = identity.recipient};
        return 0;
}

static int teardown(void **state)
{
        identities = age_identities_free(identities);
        return 0;
}

static int sink(void *userdata, const void *data, size_t size, Fault *fault)
{
        File *to = userdata;

        assert_true(to->size + size <= sizeof to->data);
        memcpy(to->data + to->size, data, size);
        to->size += size;
        return 0;
}

static int source(void *userdata, void *data, size_t size, size_t *ret, Fault *fault)
{
        File *from = userdata;
        size_t part = MIN_OF(size, from->size - from->position);

        memcpy(data, from->data + from->position, part);
        from->position += part;
        *ret = part;
        return 0;
}

/* Writes the first `size` bytes of the content, `piece` at a time. */
static void write_file(size_t size, size_t piece)
{
        _cleanup_(age_writer_freep) AgeWriter *writer = NULL;

        file.size = 0;
        assert_int_equal(age_writer_new(&recipients, sink, &file, &file_key, &writer, NULL), 0);
        for (size_t done = 0; done < size; done += piece)
                assert_int_equal(age_writer_write(writer, content + done, MIN_OF(piece, size - done), NULL),
                                0);
        assert_int_equal(age_writer_finish(writer, NULL), 0);
}

/* Reads it all, `piece` at a time, and checks that what comes is the content as far as it goes. */
static int read_file(size_t piece, size_t *ret_size, Fault *fault)
{
        AgeOpener opener = {.identities = identities};
        _cleanup_(age_reader_freep) AgeReader *reader = NULL;
        size_t done = 0, size;
        int r;

        file.position = 0;
        r = age_reader_new(&opener, source, &file, &reader, fault);
        do {
                if (r >= 0)
                        r = age_reader_read(reader, again + done, piece, &size, fault);
                if (r < 0)
                        break;
                assert_memory_equal(again + done, content + done, size);
                done += size;
        } while (size == piece);
        *ret_size = done;
        return r;
}

static size_t payload_start(size_t size)
{
        size_t n_chunks = MAX_OF(1, (size + CHUNK_BYTES - 1) / CHUNK_BYTES);

        return file.size - size - n_chunks * AGE_TAG_BYTES;
}

static void assert_corrupt(const char *words, size_t proved_bytes)
{
        _cleanup_fault_ Fault fault = {0};
        size_t size;

        assert_true(read_file(1000, &size, &fault) < 0);
        assert_int_equal(fault.code, FAULT_CORRUPT);
        if (words && !strstr(fault.message, words))
                fail_msg("%s", fault.message);
        assert_true(size <= proved_bytes);
}

static void test_round_trips(void **state)
{
        static const size_t sizes[] = {0,
                        1,
                        CHUNK_BYTES - 1,
                        CHUNK_BYTES,
                        CHUNK_BYTES + 1,
                        2 * CHUNK_BYTES,
                        3 * CHUNK_BYTES + 17};
        static const size_t pieces[] = {1000, CHUNK_BYTES, CHUNK_BYTES + 1, CONTENT_MAX + 1};
        size_t size;

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++)
                for (size_t k = 0; k < ELEMENTSOF(pieces); k++) {
                        write_file(sizes[i], pieces[k]);
                        assert_int_equal(read_file(pieces[k], &size, NULL), 0);
                        assert_int_equal(size, sizes[i]);
                }
}

static void test_two_files_of_one_content_differ(void **state)
{
        static File first;

        write_file(100, 100);
        first = file;
        write_file(100, 100);
        assert_int_equal(first.size, file.size);
        assert_memory_not_equal(first.data + first.size - 116, file.data + file.size - 116, 100);
}

static void test_own_key_opens_it(void **state)
{
        AgeOpener opener = {.file_key = &file_key};
        _cleanup_(age_reader_freep) AgeReader *reader = NULL;
        size_t size;

        write_file(100, 100);
        file.position = 0;
        assert_int_equal(age_reader_new(&opener, source, &file, &reader, NULL), 0);
        assert_int_equal(age_reader_read(reader, again, 200, &size, NULL), 0);
        assert_int_equal(size, 100);
}

/* At every byte of a small file, and around the borders of the chunks of a larger one. */
static void test_truncation(void **state)
{
        size_t start;

        write_file(300, 300);
        for (file.size--; file.size > 0; file.size--)
                assert_corrupt(NULL, 0);

        for (size_t chunk = 0; chunk < 3; chunk++) {
                static const int cuts[] = {-17, -16, -1, 0, 1, 15, 16, 17};

                for (size_t i = 0; i < ELEMENTSOF(cuts); i++) {
                        write_file(3 * CHUNK_BYTES, CHUNK_BYTES);
                        start = payload_start(3 * CHUNK_BYTES);
                        if ((chunk == 0 && cuts[i] < 0))
                                continue;
                        file.size = start + chunk * SEALED_BYTES + (size_t) cuts[i];
                        assert_corrupt(NULL, chunk * CHUNK_BYTES);
                }
        }
        write_file(3 * CHUNK_BYTES, CHUNK_BYTES);
        file.size -= SEALED_BYTES;
        assert_corrupt("cut short", CHUNK_BYTES);
}

static void test_trailing_data(void **state)
{
        write_file(100, 100);
        file.data[file.size++] = 'x';
        assert_corrupt(NULL, 0);
        write_file(CHUNK_BYTES, CHUNK_BYTES);
        file.data[file.size++] = 'x';
        assert_corrupt("follows the end", 0);
        write_file(2 * CHUNK_BYTES, CHUNK_BYTES);
        memset(file.data + file.size, 0, 100);
        file.size += 100;
        assert_corrupt("follows the end", CHUNK_BYTES);
}

static void test_changed_bytes(void **state)
{
        static const size_t at[] = {0,
                        15, /* the nonce */
                        16,
                        100,
                        16 + CHUNK_BYTES,
                        16 + SEALED_BYTES - 1,
                        16 + SEALED_BYTES,
                        16 + 2 * SEALED_BYTES};
        size_t start;

        write_file(2 * CHUNK_BYTES + 10, CHUNK_BYTES);
        start = payload_start(2 * CHUNK_BYTES + 10) - 16;
        for (size_t i = 0; i < ELEMENTSOF(at); i++) {
                file.data[start + at[i]] ^= 0x80;
                assert_corrupt(NULL, at[i] < 16 ? 0 : (at[i] - 16) / SEALED_BYTES * CHUNK_BYTES);
                file.data[start + at[i]] ^= 0x80;
        }
}

static void test_chunks_in_another_order(void **state)
{
        static unsigned char swapped[SEALED_BYTES];
        unsigned char *first;

        write_file(3 * CHUNK_BYTES, CHUNK_BYTES);
        first = file.data + payload_start(3 * CHUNK_BYTES);
        memcpy(swapped, first, SEALED_BYTES);
        memmove(first, first + SEALED_BYTES, SEALED_BYTES);
        memcpy(first + SEALED_BYTES, swapped, SEALED_BYTES);
        assert_corrupt(NULL, 0);

        /* One that is there twice, and one that is left out. */
        write_file(3 * CHUNK_BYTES, CHUNK_BYTES);
        first = file.data + payload_start(3 * CHUNK_BYTES);
        memcpy(first + SEALED_BYTES, first, SEALED_BYTES);
        assert_corrupt(NULL, CHUNK_BYTES);
        write_file(3 * CHUNK_BYTES, CHUNK_BYTES);
        first = file.data + payload_start(3 * CHUNK_BYTES);
        memmove(first, first + SEALED_BYTES, 2 * SEALED_BYTES);
        file.size -= SEALED_BYTES;
        assert_corrupt(NULL, 0);
}

/* Seals a chunk of the payload as it must not be. */
static void append_chunk(const unsigned char *nonce, size_t number, bool last, const void *data, size_t size)
{
        unsigned char key[AGE_KEY_BYTES], chunk_nonce[AGE_NONCE_BYTES] = {0};

        assert_int_equal(age_derive(file_key.bytes, sizeof file_key.bytes, nonce, 16, "payload", key), 0);
        chunk_nonce[10] = (unsigned char) number;
        chunk_nonce[11] = last;
        assert_int_equal(age_seal(key, chunk_nonce, data, size, file.data + file.size), 0);
        file.size += size + AGE_TAG_BYTES;
}

static void begin_by_hand(void)
{
        write_file(0, 1);
        file.size -= AGE_TAG_BYTES;
}

static void test_empty_last_chunk(void **state)
{
        size_t nonce_at;

        begin_by_hand();
        nonce_at = file.size - 16;
        append_chunk(file.data + nonce_at, 0, false, content, CHUNK_BYTES);
        append_chunk(file.data + nonce_at, 1, true, content, 0);
        assert_corrupt("empty", CHUNK_BYTES);

        /* The same by hand, as it should be. */
        begin_by_hand();
        nonce_at = file.size - 16;
        append_chunk(file.data + nonce_at, 0, false, content, CHUNK_BYTES);
        append_chunk(file.data + nonce_at, 1, true, content + CHUNK_BYTES, 5);
        assert_int_equal(read_file(1000, &nonce_at, NULL), 0);
        assert_int_equal(nonce_at, CHUNK_BYTES + 5);
}

static void test_short_chunk_in_the_middle(void **state)
{
        size_t nonce_at;

        begin_by_hand();
        nonce_at = file.size - 16;
        append_chunk(file.data + nonce_at, 0, false, content, 100);
        append_chunk(file.data + nonce_at, 1, true, content + 100, CHUNK_BYTES);
        assert_corrupt(NULL, 0);
}

static void test_no_last_chunk(void **state)
{
        size_t nonce_at;

        begin_by_hand();
        nonce_at = file.size - 16;
        append_chunk(file.data + nonce_at, 0, false, content, 100);
        assert_corrupt("cut short", 0);
        begin_by_hand();
        nonce_at = file.size - 16;
        append_chunk(file.data + nonce_at, 0, true, content, CHUNK_BYTES);
        append_chunk(file.data + nonce_at, 1, true, content, 10);
        assert_corrupt("follows the end", 0);
}

static int failing_sink(void *userdata, const void *data, size_t size, Fault *fault)
{
        int *left = userdata;

        return (*left)-- > 0 ? 0 : fault_set(fault, FAULT_NO_SPACE, "full");
}

static void test_fault_of_the_sink_is_told(void **state)
{
        for (int writes = 0; writes < 4; writes++) {
                _cleanup_(age_writer_freep) AgeWriter *writer = NULL;
                _cleanup_fault_ Fault fault = {0};
                int left = writes;
                int r = age_writer_new(&recipients, failing_sink, &left, NULL, &writer, &fault);

                if (r >= 0)
                        r = age_writer_write(writer, content, 2 * CHUNK_BYTES, &fault);
                if (r >= 0)
                        r = age_writer_finish(writer, &fault);
                assert_int_equal(r, -ENOSPC);
                assert_int_equal(fault.code, FAULT_NO_SPACE);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_round_trips),
                        TEST(test_two_files_of_one_content_differ),
                        TEST(test_own_key_opens_it),
                        TEST(test_truncation),
                        TEST(test_trailing_data),
                        TEST(test_changed_bytes),
                        TEST(test_chunks_in_another_order),
                        TEST(test_empty_last_chunk),
                        TEST(test_short_chunk_in_the_middle),
                        TEST(test_no_last_chunk),
                        TEST(test_fault_of_the_sink_is_told),
        };

        return cmocka_run_group_tests_name("age-stream", tests, NULL, NULL);
}
