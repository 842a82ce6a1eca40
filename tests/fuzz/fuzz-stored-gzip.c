/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as the gzip file of a backup: what is read of it is what zlib makes of the same bytes, as
 * `gunzip` has it, and any gzip file without a subfield of ours is read. Its index may say what it likes;
 * where it tells no lie, the next backup that takes members over reads as its own image. And any bytes as
 * one deflate stream, in a frame that is right, whose checksum no fuzzer would guess. */

#include <endian.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/mman.h>
#include <zlib.h>

#include "backup/store/older-members.h"
#include "backup/store/stored-image.h"
#include "base/io.h"
#include "fuzz.h"

#define TRAILER_BYTES 8
#define RECORDS_AT_ONCE 64

static int memory_fd(const void *data, size_t size)
{
        int fd = memfd_create("stored", MFD_CLOEXEC);

        require(fd >= 0 && io_write_all(fd, data, size) == 0 && lseek(fd, 0, SEEK_SET) == 0);
        return fd;
}

static int read_image(int stored_fd, unsigned threads, int image_fd, StoredImage *ret)
{
        _cleanup_(progress_done) Progress progress;
        _cleanup_fault_ Fault fault = {0};
        int r;

        progress_init(&progress);
        r = stored_image_read(stored_fd,
                        COMPRESSION_GZIP,
                        NULL,
                        image_fd,
                        (Effort){.threads = threads},
                        &progress,
                        ret,
                        &fault);
        require(r >= 0 ? fault.code == FAULT_NONE : fault.message && fault.message[0]);
        return r;
}

static int prove(int stored_fd, StoredImage *ret)
{
        _cleanup_(progress_done) Progress progress;
        _cleanup_fault_ Fault fault = {0};
        int r;

        progress_init(&progress);
        r = stored_image_prove(stored_fd, COMPRESSION_GZIP, NULL, (Effort){0}, &progress, ret, &fault);
        require(r >= 0 ? fault.code == FAULT_NONE : fault.message && fault.message[0]);
        return r;
}

/* Whether the image goes on with these bytes at this place. */
static bool image_has(int image_fd, uint64_t offset_bytes, const unsigned char *expected, size_t size)
{
        static unsigned char found[STORED_IMAGE_BLOCK_BYTES];
        size_t n = 0;

        require(size <= sizeof found && io_read_full_at(image_fd, found, size, offset_bytes, &n) == 0);
        return n == size && memcmp(found, expected, size) == 0;
}

static bool is_padding(const uint8_t *data, size_t size)
{
        return size > 0 && data[0] == 0 && memcmp(data, data + 1, size - 1) == 0;
}

/* Inflates all members by zlib alone: the size of what they hold, or -EBADMSG. Compares it with the image,
 * unless `image_fd` is negative. */
static int64_t gunzip(const uint8_t *data, size_t size, int image_fd)
{
        static unsigned char block[STORED_IMAGE_BLOCK_BYTES];
        z_stream stream = {.next_in = (uint8_t *) (uintptr_t) data, .avail_in = (uInt) size};
        int64_t total = 0;
        int code;

        require(inflateInit2(&stream, 16 + MAX_WBITS) == Z_OK);
        do {
                size_t n;

                stream.next_out = block;
                stream.avail_out = sizeof block;
                code = inflate(&stream, Z_NO_FLUSH);
                n = sizeof block - stream.avail_out;
                require(image_fd < 0 || image_has(image_fd, (uint64_t) total, block, n));
                total += (int64_t) n;
                if (code == Z_STREAM_END && stream.avail_in > 0 &&
                                !is_padding(stream.next_in, stream.avail_in))
                        code = inflateReset(&stream);
        } while (code == Z_OK);
        require(inflateEnd(&stream) == Z_OK);
        return code == Z_STREAM_END ? total : -EBADMSG;
}

/* Whether each member that the index names holds the block that it says. */
static bool tells_truth(const MemberIndex *index, const OlderMembers *older)
{
        static unsigned char stored[STORED_MEMBER_MAX_BYTES], block[STORED_IMAGE_BLOCK_BYTES];
        _cleanup_(inflater_freep) Inflater *inflater = NULL;
        MemberRecord records[RECORDS_AT_ONCE];
        unsigned char digest[SHA256_DIGEST_LENGTH];
        bool is_true = true;
        size_t n;

        require(inflater_new(&inflater) == 0);
        for (uint64_t first = 0;; first += n) {
                require(member_index_read(index, first, RECORDS_AT_ONCE, records, &n) == 0);
                require(older_members_read(older, first, RECORDS_AT_ONCE, records) == n);
                if (n == 0)
                        return is_true;
                for (size_t i = 0; i < n; i++) {
                        const MemberRecord *record = records + i;
                        size_t size, block_bytes;

                        if (older_members_find(older, record, record->block_sha256, &size) < 0)
                                continue;
                        if (older_members_read_member(older, record, stored, size) < 0)
                                continue;
                        if (gzip_member_decode(inflater, stored, size, block, sizeof block, &block_bytes) <
                                        0) {
                                is_true = false;
                                continue;
                        }
                        (void) SHA256(block, block_bytes, digest);
                        is_true = is_true && memcmp(digest, record->block_sha256, sizeof digest) == 0;
                }
        }
}

/* Writes the image again, with members from the file. */
static void try_next_backup(
                int older_fd, const char *index_sha256, int image_fd, const StoredImage *image, bool is_true)
{
        _cleanup_close_ int next_fd = memory_fd("", 0);
        _cleanup_(progress_done) Progress progress;
        StoredForm form = {
                        .compression = COMPRESSION_GZIP,
                        .older_fd = older_fd,
                        .older_index_sha256 = index_sha256,
                        .aligned = image->database_bytes % 2,
        };
        StoredImage written, proved, again;
        AgeFileKey no_key;

        progress_init(&progress);
        require(stored_image_write(image_fd, &form, next_fd, &no_key, &progress, &written, NULL) >= 0);
        require(strcmp(written.blocks_sha256, image->blocks_sha256) == 0);
        if (prove(next_fd, &proved) < 0 || strcmp(proved.members_sha256, written.members_sha256) != 0 ||
                        !is_true)
                return;
        require(read_image(next_fd, 1, -EBADF, &again) >= 0);
        require(strcmp(again.blocks_sha256, image->blocks_sha256) == 0);
}

static void try_index(int stored_fd, int image_fd, const StoredImage *image)
{
        _cleanup_(member_index_freep) MemberIndex *index = NULL;
        _cleanup_(older_members_freep) OlderMembers *older = NULL;
        char sha256[DIGEST_HEX_MAX];
        bool is_true;

        if (member_index_open(stored_fd, STORED_IMAGE_BLOCK_BYTES, &index) < 0 ||
                        member_index_digest(index, sha256) < 0)
                return;
        require(older_members_open(stored_fd, sha256, &older) == 0);
        is_true = tells_truth(index, older);
        if (image->database_bytes > 0)
                try_next_backup(stored_fd, sha256, image_fd, image, is_true);
}

static void try_file(const uint8_t *data, size_t size)
{
        _cleanup_close_ int stored_fd = memory_fd(data, size), image_fd = memory_fd("", 0);
        StoredImage image = {0}, proved;

        if (read_image(stored_fd, 1 + size % 2, image_fd, &image) >= 0) {
                require(gunzip(data, size, image_fd) == (int64_t) image.database_bytes);
                require(image.stored_bytes == size);
        } else
                require(gunzip(data, size, -EBADF) <= 0 || memmem(data, size, "OX\x04", 4));
        if (prove(stored_fd, &proved) >= 0)
                require(proved.stored_bytes == size);
        try_index(stored_fd, image_fd, &image);
}

/* The stream's size when zlib takes all of it and it has room in a block; else negative. */
static int64_t inflate_all(const uint8_t *data, size_t size, unsigned char *block)
{
        z_stream stream = {
                        .next_in = (uint8_t *) (uintptr_t) data,
                        .avail_in = (uInt) size,
                        .next_out = block,
                        .avail_out = STORED_IMAGE_BLOCK_BYTES,
        };
        int code;

        require(inflateInit2(&stream, -MAX_WBITS) == Z_OK);
        code = inflate(&stream, Z_FINISH);
        require(inflateEnd(&stream) == Z_OK);
        return code == Z_STREAM_END && stream.avail_in == 0 ? (int64_t) stream.total_out : -EBADMSG;
}

/* The frame comes from a member of ours, as it holds no block but this one. */
static void require_member(Inflater *inflater,
                const uint8_t *data,
                size_t size,
                const unsigned char *expected,
                size_t n)
{
        static const char header[] = "\x1f\x8b\x08\x04\0\0\0\0\0\x03\x08\0OX\x04";
        size_t member_bytes = GZIP_MEMBER_HEADER_BYTES + size + TRAILER_BYTES, found;
        _cleanup_free_ unsigned char *member = calloc(1, member_bytes);
        _cleanup_free_ unsigned char *block = malloc(STORED_IMAGE_BLOCK_BYTES);
        uint32_t words[3] = {htole32((uint32_t) member_bytes),
                        htole32(deflate_checksum(expected, n)),
                        htole32((uint32_t) n)};

        require(member && block);
        memcpy(member, header, sizeof header);
        memcpy(member + 16, words, 4);
        memcpy(member + GZIP_MEMBER_HEADER_BYTES, data, size);
        memcpy(member + member_bytes - TRAILER_BYTES, words + 1, TRAILER_BYTES);
        require(gzip_member_stored_bytes(member, member_bytes) == member_bytes);
        require(gzip_member_decode(
                                inflater, member, member_bytes, block, STORED_IMAGE_BLOCK_BYTES, &found) ==
                        0);
        require(found == n && memcmp(block, expected, n) == 0);
        require(gunzip(member, member_bytes, -EBADF) == (int64_t) n);
}

static void try_stream(const uint8_t *data, size_t size)
{
        static unsigned char expected[STORED_IMAGE_BLOCK_BYTES], found[STORED_IMAGE_BLOCK_BYTES];
        _cleanup_(inflater_freep) Inflater *inflater = NULL;
        int64_t n = inflate_all(data, size, expected);
        size_t found_bytes = 0;
        int r;

        require(inflater_new(&inflater) == 0);
        r = inflater_run(inflater, data, size, found, sizeof found, &found_bytes);
        require((r >= 0) == (n >= 0));
        if (r < 0)
                return;
        require(found_bytes == (size_t) n && memcmp(found, expected, found_bytes) == 0);
        require_member(inflater, data, size, expected, (size_t) n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        try_file(data, size);
        try_stream(data, size);
        return 0;
}
