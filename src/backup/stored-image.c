/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/stored-image.h"

#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "backup/gzip-member.h"
#include "base/io.h"

/* Of the stored form; holds any member of ours whole. */
#define INPUT_BYTES (256 * KIB)
#define MEMBER_MAX_BYTES GZIP_MEMBER_BOUND(STORED_IMAGE_BLOCK_BYTES)

typedef struct Pass {
        Progress *progress;
        int image_fd; /* read from, or written to; negative for nowhere */
        int stored_fd;
        Digest *database_digest;
        Digest *stored_digest;
        uint64_t database_bytes;
        uint64_t stored_bytes;
        uint64_t input_bytes; /* reading: of the stored form, once decrypted */
        AgeWriter *writer;    /* one of these when it is encrypted */
        AgeReader *reader;

        unsigned char *block;  /* STORED_IMAGE_BLOCK_BYTES of the image */
        unsigned char *stored; /* MEMBER_MAX_BYTES when writing, INPUT_BYTES when reading */

        /* Reading: what of `stored` is not used up yet. */
        size_t position;
        size_t available;
        bool at_end; /* the file has no more */

        z_stream foreign; /* for members that are not ours; begun with the first of them */
        bool foreign_begun;
} Pass;

static void pass_done(Pass *pass)
{
        if (pass->foreign_begun)
                (void) inflateEnd(&pass->foreign);
        pass->database_digest = digest_free(pass->database_digest);
        pass->stored_digest = digest_free(pass->stored_digest);
        pass->writer = age_writer_free(pass->writer);
        pass->reader = age_reader_free(pass->reader);
        free(pass->block);
        free(pass->stored);
}

/* `sized_fd` is what is read; its size is the work to do. */
static int pass_begin(Pass *pass, const char *step, int sized_fd, size_t stored_buffer_bytes, Fault *fault)
{
        struct stat status;
        int r;

        if (fstat(sized_fd, &status) < 0)
                return fault_set_errno(fault, errno, "Reading the size of the file");
        progress_begin(pass->progress, step, (uint64_t) status.st_size);
        pass->block = malloc(STORED_IMAGE_BLOCK_BYTES);
        pass->stored = malloc(stored_buffer_bytes);
        if (!pass->block || !pass->stored)
                return fault_set_errno(fault, ENOMEM, "Making room for a block");
        r = digest_new(&pass->database_digest, fault);
        if (r >= 0)
                r = digest_new(&pass->stored_digest, fault);
        return r;
}

static int pass_finish(Pass *pass, StoredImage *ret, Fault *fault)
{
        StoredImage result = {.database_bytes = pass->database_bytes, .stored_bytes = pass->stored_bytes};
        int r;

        if (pass->database_bytes == 0)
                return fault_set(fault, FAULT_CORRUPT, "It is empty and holds no database");
        r = digest_finish(pass->database_digest, result.database_sha256, fault);
        if (r >= 0)
                r = digest_finish(pass->stored_digest, result.stored_sha256, fault);
        if (r < 0)
                return r;
        *ret = result;
        return 0;
}

/* AgeSink */
static int write_stored(void *userdata, const void *data, size_t size, Fault *fault)
{
        Pass *pass = userdata;
        int r = digest_update(pass->stored_digest, data, size, fault);

        if (r < 0)
                return r;
        r = io_write_all(pass->stored_fd, data, size);
        if (r < 0)
                return fault_set_errno(fault, r, "Writing the stored file");
        pass->stored_bytes += size;
        return 0;
}

static int put_stored(Pass *pass, const void *data, size_t size, Fault *fault)
{
        return pass->writer ? age_writer_write(pass->writer, data, size, fault)
                            : write_stored(pass, data, size, fault);
}

static int put_image(Pass *pass, const void *data, size_t size, Fault *fault)
{
        int r = digest_update(pass->database_digest, data, size, fault);

        if (r < 0)
                return r;
        if (pass->image_fd >= 0) {
                r = io_write_all(pass->image_fd, data, size);
                if (r < 0)
                        return fault_set_errno(fault, r, "Writing the database image");
        }
        pass->database_bytes += size;
        return 0;
}

static int store_block(Pass *pass, Compression compression, size_t size, Fault *fault)
{
        size_t member_bytes;
        int r;

        r = digest_update(pass->database_digest, pass->block, size, fault);
        if (r < 0)
                return r;
        pass->database_bytes += size;
        if (compression == COMPRESSION_NONE)
                return put_stored(pass, pass->block, size, fault);
        r = gzip_member_encode(pass->block, size, pass->stored, MEMBER_MAX_BYTES, &member_bytes);
        if (r < 0)
                return fault_set_errno(fault, r, "Compressing a block");
        return put_stored(pass, pass->stored, member_bytes, fault);
}

int stored_image_write(int image_fd,
                Compression compression,
                const AgeRecipients *recipients,
                int stored_fd,
                AgeFileKey *ret_file_key,
                Progress *progress,
                StoredImage *ret,
                Fault *fault)
{
        _cleanup_(pass_done)
                        Pass pass = {.progress = progress, .image_fd = image_fd, .stored_fd = stored_fd};
        size_t size;
        int r;

        r = pass_begin(&pass,
                        compression == COMPRESSION_NONE ? "writing" : "compressing",
                        image_fd,
                        MEMBER_MAX_BYTES,
                        fault);
        if (r >= 0 && age_recipients_any(recipients))
                r = age_writer_new(recipients, write_stored, &pass, ret_file_key, &pass.writer, fault);
        if (r < 0)
                return r;
        do {
                r = progress_check(progress, fault);
                if (r < 0)
                        return r;
                r = io_read_full_at(
                                image_fd, pass.block, STORED_IMAGE_BLOCK_BYTES, pass.database_bytes, &size);
                if (r < 0)
                        return fault_set_errno(fault, r, "Reading the database image");
                if (size == 0)
                        break;
                r = store_block(&pass, compression, size, fault);
                if (r < 0)
                        return r;
                progress_add(progress, size);
        } while (size == STORED_IMAGE_BLOCK_BYTES);
        r = pass.writer ? age_writer_finish(pass.writer, fault) : 0;
        return r < 0 ? r : pass_finish(&pass, ret, fault);
}

/* AgeSource */
static int read_stored(void *userdata, void *data, size_t size, size_t *ret, Fault *fault)
{
        Pass *pass = userdata;
        int r = io_read_full_at(pass->stored_fd, data, size, pass->stored_bytes, ret);

        if (r < 0)
                return fault_set_errno(fault, r, "Reading the stored file");
        r = digest_update(pass->stored_digest, data, *ret, fault);
        if (r < 0)
                return r;
        pass->stored_bytes += *ret;
        progress_add(pass->progress, *ret);
        return 0;
}

/* Moves what is left to the front of the buffer and reads on until it is full or the file ends. */
static int refill(Pass *pass, Fault *fault)
{
        size_t room, size;
        int r;

        if (pass->at_end)
                return 0;
        r = progress_check(pass->progress, fault);
        if (r < 0)
                return r;
        memmove(pass->stored, pass->stored + pass->position, pass->available);
        pass->position = 0;
        room = INPUT_BYTES - pass->available;
        if (pass->reader)
                r = age_reader_read(pass->reader, pass->stored + pass->available, room, &size, fault);
        else
                r = read_stored(pass, pass->stored + pass->available, room, &size, fault);
        if (r < 0)
                return r;
        pass->at_end = size < room;
        pass->available += size;
        pass->input_bytes += size;
        return 0;
}

static void use_up(Pass *pass, size_t size)
{
        pass->position += size;
        pass->available -= size;
}

static int cut_short(const Pass *pass, Fault *fault)
{
        return fault_set(fault,
                        FAULT_CORRUPT,
                        "It is cut short: the gzip data ends in the middle, after %ju bytes",
                        (uintmax_t) pass->input_bytes);
}

static int damaged(const Pass *pass, Fault *fault)
{
        return fault_set(fault,
                        FAULT_CORRUPT,
                        "The gzip data is damaged, before its byte %ju",
                        (uintmax_t) (pass->input_bytes - pass->available));
}

static int read_own_member(Pass *pass, size_t member_bytes, Fault *fault)
{
        const unsigned char *member = pass->stored + pass->position;
        size_t size;
        int r;

        if (member_bytes > pass->available)
                return cut_short(pass, fault);
        r = gzip_member_decode(member, member_bytes, pass->block, STORED_IMAGE_BLOCK_BYTES, &size);
        use_up(pass, member_bytes);
        if (r == -EBADMSG)
                return damaged(pass, fault);
        if (r < 0)
                return fault_set_errno(fault, r, "Decompressing a block");
        return put_image(pass, pass->block, size, fault);
}

static int begin_foreign(Pass *pass, Fault *fault)
{
        int code = pass->foreign_begun ? inflateReset(&pass->foreign)
                                       : inflateInit2(&pass->foreign, 16 + MAX_WBITS); /* a gzip frame */

        if (code != Z_OK)
                return fault_set_errno(fault, ENOMEM, "Decompressing");
        pass->foreign_begun = true;
        return 0;
}

/* Members of `gzip` and its like, of any size: zlib reads their header and compares their trailer. */
static int read_foreign_member(Pass *pass, Fault *fault)
{
        z_stream *stream = &pass->foreign;
        int code, r;

        r = begin_foreign(pass, fault);
        if (r < 0)
                return r;
        do {
                if (pass->available == 0) {
                        r = refill(pass, fault);
                        if (r < 0)
                                return r;
                }
                stream->next_in = pass->stored + pass->position;
                stream->avail_in = (uInt) pass->available;
                stream->next_out = pass->block;
                stream->avail_out = (uInt) STORED_IMAGE_BLOCK_BYTES;
                code = inflate(stream, Z_NO_FLUSH);
                use_up(pass, pass->available - stream->avail_in);
                if (code == Z_MEM_ERROR)
                        return fault_set_errno(fault, ENOMEM, "Decompressing");
                if (code == Z_BUF_ERROR) /* no progress was possible, and there is no more input */
                        return cut_short(pass, fault);
                if (code != Z_OK && code != Z_STREAM_END)
                        return damaged(pass, fault);
                r = put_image(pass, pass->block, STORED_IMAGE_BLOCK_BYTES - stream->avail_out, fault);
                if (r < 0)
                        return r;
        } while (code != Z_STREAM_END);
        return 0;
}

static int read_gzip(Pass *pass, Fault *fault)
{
        int r;

        for (bool first = true;; first = false) {
                const unsigned char *start;
                size_t member_bytes;

                if (pass->available < MEMBER_MAX_BYTES) {
                        r = refill(pass, fault);
                        if (r < 0)
                                return r;
                }
                if (pass->available == 0 && !first)
                        return 0;
                start = pass->stored + pass->position;
                if (pass->available < 2 || start[0] != 0x1f || start[1] != 0x8b)
                        return fault_set(fault,
                                        FAULT_CORRUPT,
                                        first ? "It is no gzip file"
                                              : "Something that is no gzip data follows the gzip data");
                member_bytes = gzip_member_stored_bytes(start, pass->available);
                if (member_bytes > 0 && member_bytes <= MEMBER_MAX_BYTES)
                        r = read_own_member(pass, member_bytes, fault);
                else
                        r = read_foreign_member(pass, fault);
                if (r < 0)
                        return r;
        }
}

static int read_plain(Pass *pass, Fault *fault)
{
        for (;;) {
                int r = refill(pass, fault);

                if (r < 0)
                        return r;
                if (pass->available == 0)
                        return 0;
                r = put_image(pass, pass->stored + pass->position, pass->available, fault);
                if (r < 0)
                        return r;
                use_up(pass, pass->available);
        }
}

int stored_image_read(int stored_fd,
                Compression compression,
                const AgeOpener *opener,
                int image_fd,
                Progress *progress,
                StoredImage *ret,
                Fault *fault)
{
        _cleanup_(pass_done)
                        Pass pass = {.progress = progress, .image_fd = image_fd, .stored_fd = stored_fd};
        int r;

        r = pass_begin(&pass, "reading back", stored_fd, INPUT_BYTES, fault);
        if (r >= 0 && opener)
                r = age_reader_new(opener, read_stored, &pass, &pass.reader, fault);
        if (r < 0)
                return r;
        r = compression == COMPRESSION_NONE ? read_plain(&pass, fault) : read_gzip(&pass, fault);
        if (r < 0)
                return r;
        return pass_finish(&pass, ret, fault);
}

int stored_image_digest(int stored_fd, Progress *progress, StoredImage *ret, Fault *fault)
{
        _cleanup_(pass_done) Pass pass = {.progress = progress, .image_fd = -EBADF, .stored_fd = stored_fd};
        StoredImage result = {0};
        int r = pass_begin(&pass, "reading back", stored_fd, INPUT_BYTES, fault);

        while (r >= 0 && !pass.at_end) {
                r = refill(&pass, fault);
                use_up(&pass, pass.available);
        }
        if (r >= 0)
                r = digest_finish(pass.stored_digest, result.stored_sha256, fault);
        if (r < 0)
                return r;
        result.stored_bytes = pass.stored_bytes;
        *ret = result;
        return 0;
}
