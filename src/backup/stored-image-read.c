/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From the stored form to the image. Under one lock the threads take turns in reading on and in cutting off
 * a batch of members that carry their size; each inflates its batch alone, waits for its turn to digest it,
 * and writes it to its place. Whatever carries no size is inflated in its turn, under that lock. */

#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "backup/gzip-member.h"
#include "backup/stored-image.h"
#include "base/io.h"
#include "base/pace.h"
#include "base/parallel.h"

/* Of the stored form; holds any member of ours whole. */
#define INPUT_BYTES (512 * KIB)
#define MEMBER_MAX_BYTES GZIP_MEMBER_BOUND(STORED_IMAGE_BLOCK_BYTES)

typedef struct Reading {
        Progress *progress;
        int image_fd; /* negative for nowhere */
        int stored_fd;
        Compression compression;

        pthread_mutex_t input_mutex; /* guards the next ones */
        Digest *stored_digest;
        uint64_t stored_bytes;
        uint64_t input_bytes; /* of the stored form, once decrypted */
        AgeReader *reader;    /* when it is encrypted */
        unsigned char *input; /* INPUT_BYTES, of which these are not used up yet: */
        size_t position;
        size_t available;
        bool at_end; /* the file has no more */
        bool ended;  /* nor is there anything left of it */
        uint64_t next_batch;
        z_stream foreign; /* for members that carry no size; begun with the first of them */
        bool foreign_begun;
        unsigned char *foreign_block;

        Pace pace;

        Sequence sequence; /* whose turn it is to use the rest */
        Digest *database_digest;
        uint64_t database_bytes;
        uint64_t foreign_bytes; /* of these */
} Reading;

/* One thread's. */
typedef struct Batch {
        Reading *reading;
        Inflater *inflater;
        unsigned char *stored; /* STORED_IMAGE_BATCH_BYTES */
        unsigned char *image;  /* the same */
        uint64_t number;
        size_t stored_bytes;
        size_t image_bytes;
        uint64_t image_offset_bytes;
        size_t n_members;
        size_t member_bytes[STORED_IMAGE_BATCH_BLOCKS];
        uint64_t input_bytes; /* up to its end, for messages */
} Batch;

static void reading_done(Reading *reading)
{
        if (reading->foreign_begun)
                (void) inflateEnd(&reading->foreign);
        reading->database_digest = digest_free(reading->database_digest);
        reading->stored_digest = digest_free(reading->stored_digest);
        reading->reader = age_reader_free(reading->reader);
        free(reading->input);
        free(reading->foreign_block);
        sequence_done(&reading->sequence);
        pace_done(&reading->pace);
        (void) pthread_mutex_destroy(&reading->input_mutex);
}

static void reading_init(Reading *reading, uint64_t bytes_per_second)
{
        pace_init(&reading->pace, bytes_per_second);
        sequence_init(&reading->sequence);
        (void) pthread_mutex_init(&reading->input_mutex, NULL);
}

static void batch_done(Batch *batch)
{
        batch->inflater = inflater_free(batch->inflater);
        free(batch->stored);
        free(batch->image);
}

static int begin(Reading *reading, Fault *fault)
{
        struct stat status;
        int r;

        if (fstat(reading->stored_fd, &status) < 0)
                return fault_set_errno(fault, errno, "Reading the size of the file");
        progress_begin(reading->progress, "reading back", (uint64_t) status.st_size);
        reading->input = malloc(INPUT_BYTES);
        if (!reading->input)
                return fault_set_errno(fault, ENOMEM, "Making room for blocks");
        r = digest_new(&reading->database_digest, fault);
        if (r >= 0)
                r = digest_new(&reading->stored_digest, fault);
        return r;
}

/* AgeSource */
static int read_stored(void *userdata, void *data, size_t size, size_t *ret, Fault *fault)
{
        Reading *reading = userdata;
        int r = io_read_full_at(reading->stored_fd, data, size, reading->stored_bytes, ret);

        if (r < 0)
                return fault_set_errno(fault, r, "Reading the stored file");
        r = digest_update(reading->stored_digest, data, *ret, fault);
        if (r < 0)
                return r;
        reading->stored_bytes += *ret;
        progress_add(reading->progress, *ret);
        return 0;
}

/* Moves what is left to the front of the buffer and reads on until it is full or the file ends. */
static int refill(Reading *reading, Fault *fault)
{
        size_t room, size;
        int r;

        if (reading->at_end)
                return 0;
        r = pace_wait(&reading->pace, INPUT_BYTES - reading->available, reading->progress, fault);
        if (r < 0)
                return r;
        memmove(reading->input, reading->input + reading->position, reading->available);
        reading->position = 0;
        room = INPUT_BYTES - reading->available;
        if (reading->reader)
                r = age_reader_read(
                                reading->reader, reading->input + reading->available, room, &size, fault);
        else
                r = read_stored(reading, reading->input + reading->available, room, &size, fault);
        if (r < 0)
                return r;
        reading->at_end = size < room;
        reading->available += size;
        reading->input_bytes += size;
        return 0;
}

static void use_up(Reading *reading, size_t size)
{
        reading->position += size;
        reading->available -= size;
}

static int cut_short(const Reading *reading, Fault *fault)
{
        return fault_set(fault,
                        FAULT_CORRUPT,
                        "It is cut short: the gzip data ends in the middle, after %ju bytes",
                        (uintmax_t) reading->input_bytes);
}

static int damaged(uint64_t input_bytes, Fault *fault)
{
        return fault_set(fault,
                        FAULT_CORRUPT,
                        "The gzip data is damaged, before its byte %ju",
                        (uintmax_t) input_bytes);
}

/* In its turn: takes the place of the next `size` bytes in the image. */
static int digest_image(
                Reading *reading, const void *data, size_t size, uint64_t *ret_offset_bytes, Fault *fault)
{
        int r = digest_update(reading->database_digest, data, size, fault);

        if (r < 0)
                return r;
        *ret_offset_bytes = reading->database_bytes;
        reading->database_bytes += size;
        return 0;
}

static int write_image(
                const Reading *reading, const void *data, size_t size, uint64_t offset_bytes, Fault *fault)
{
        int r = 0;

        if (reading->image_fd >= 0)
                r = io_write_all_at(reading->image_fd, data, size, offset_bytes);
        return r < 0 ? fault_set_errno(fault, r, "Writing the database image") : 0;
}

static int begin_foreign(Reading *reading, Fault *fault)
{
        int code;

        if (!reading->foreign_block)
                reading->foreign_block = malloc(STORED_IMAGE_BLOCK_BYTES);
        if (!reading->foreign_block)
                return fault_set_errno(fault, ENOMEM, "Decompressing");
        code = reading->foreign_begun ? inflateReset(&reading->foreign)
                                      : inflateInit2(&reading->foreign, 16 + MAX_WBITS); /* a gzip frame */
        if (code != Z_OK)
                return fault_set_errno(fault, ENOMEM, "Decompressing");
        reading->foreign_begun = true;
        return 0;
}

static int put_foreign(Reading *reading, size_t size, Fault *fault)
{
        uint64_t offset_bytes;
        int r;

        reading->foreign_bytes += size;
        r = digest_image(reading, reading->foreign_block, size, &offset_bytes, fault);

        return r < 0 ? r : write_image(reading, reading->foreign_block, size, offset_bytes, fault);
}

/* Members of `gzip` and its like, of any size: zlib reads their header and compares their trailer. */
static int read_foreign_member(Reading *reading, Fault *fault)
{
        z_stream *stream = &reading->foreign;
        int code, r;

        r = begin_foreign(reading, fault);
        if (r < 0)
                return r;
        do {
                if (reading->available == 0) {
                        r = refill(reading, fault);
                        if (r < 0)
                                return r;
                }
                stream->next_in = reading->input + reading->position;
                stream->avail_in = (uInt) reading->available;
                stream->next_out = reading->foreign_block;
                stream->avail_out = (uInt) STORED_IMAGE_BLOCK_BYTES;
                code = inflate(stream, Z_NO_FLUSH);
                use_up(reading, reading->available - stream->avail_in);
                if (code == Z_MEM_ERROR)
                        return fault_set_errno(fault, ENOMEM, "Decompressing");
                if (code == Z_BUF_ERROR) /* no progress was possible, and there is no more input */
                        return cut_short(reading, fault);
                if (code != Z_OK && code != Z_STREAM_END)
                        return damaged(reading->input_bytes - reading->available, fault);
                r = put_foreign(reading, STORED_IMAGE_BLOCK_BYTES - stream->avail_out, fault);
                if (r < 0)
                        return r;
        } while (code != Z_STREAM_END);
        return 0;
}

/* What is no member with its size: the end, a member of another origin, or no gzip data at all. */
static int read_other(Reading *reading, Fault *fault)
{
        const unsigned char *start = reading->input + reading->position;
        bool first = reading->input_bytes == reading->available;
        size_t member_bytes = gzip_member_stored_bytes(start, reading->available);

        if (reading->available == 0 && !first) {
                reading->ended = true;
                return 0;
        }
        if (reading->available < 2 || start[0] != 0x1f || start[1] != 0x8b)
                return fault_set(fault,
                                FAULT_CORRUPT,
                                first ? "It is no gzip file"
                                      : "Something that is no gzip data follows the gzip data");
        if (member_bytes > reading->available && member_bytes <= MEMBER_MAX_BYTES)
                return cut_short(reading, fault);
        return read_foreign_member(reading, fault);
}

/* Cuts off the members that carry their size, as many as there are at once. */
static int cut_members(Reading *reading, Batch *batch, Fault *fault)
{
        while (batch->n_members < STORED_IMAGE_BATCH_BLOCKS) {
                const unsigned char *start;
                size_t size;

                if (reading->available < MEMBER_MAX_BYTES) {
                        int r = refill(reading, fault);

                        if (r < 0)
                                return r;
                }
                start = reading->input + reading->position;
                size = gzip_member_stored_bytes(start, reading->available);
                if (size == 0 || size > MEMBER_MAX_BYTES || size > reading->available ||
                                batch->stored_bytes + size > STORED_IMAGE_BATCH_BYTES)
                        break;
                memcpy(batch->stored + batch->stored_bytes, start, size);
                batch->member_bytes[batch->n_members++] = size;
                batch->stored_bytes += size;
                use_up(reading, size);
        }
        return 0;
}

static int cut_plain(Reading *reading, Batch *batch, Fault *fault)
{
        int r = refill(reading, fault);

        if (r < 0)
                return r;
        memcpy(batch->image, reading->input + reading->position, reading->available);
        batch->image_bytes = reading->available;
        use_up(reading, reading->available);
        reading->ended = reading->at_end;
        return 0;
}

/* Under the lock of the input. The number of a batch is given out here, so that everybody who holds a
 * smaller one is past this lock, and gets his turn however long this takes. */
static int fetch(Reading *reading, Batch *batch, Fault *fault)
{
        int r;

        batch->number = reading->next_batch++;
        batch->stored_bytes = batch->image_bytes = batch->n_members = 0;
        if (reading->compression == COMPRESSION_NONE)
                return cut_plain(reading, batch, fault);
        r = cut_members(reading, batch, fault);
        if (r < 0)
                return r;
        batch->input_bytes = reading->input_bytes - reading->available;
        if (batch->n_members > 0)
                return 0;
        if (!sequence_enter(&reading->sequence, batch->number)) {
                reading->ended = true;
                return 0;
        }
        r = read_other(reading, fault);
        if (r >= 0)
                sequence_leave(&reading->sequence);
        return r;
}

static int inflate_members(Batch *batch, Fault *fault)
{
        const unsigned char *member = batch->stored;

        for (size_t i = 0; i < batch->n_members; i++) {
                size_t size;
                int r = gzip_member_decode(batch->inflater,
                                member,
                                batch->member_bytes[i],
                                batch->image + batch->image_bytes,
                                STORED_IMAGE_BLOCK_BYTES,
                                &size);

                if (r == -EBADMSG)
                        return damaged(batch->input_bytes, fault);
                if (r < 0)
                        return fault_set_errno(fault, r, "Decompressing a block");
                member += batch->member_bytes[i];
                batch->image_bytes += size;
        }
        return 0;
}

/* 1 to go on, 0 at the end. */
static int read_batch(Batch *batch, Fault *fault)
{
        Reading *reading = batch->reading;
        bool ended;
        int r;

        (void) pthread_mutex_lock(&reading->input_mutex);
        ended = reading->ended;
        r = ended ? 0 : fetch(reading, batch, fault);
        (void) pthread_mutex_unlock(&reading->input_mutex);
        if (r < 0 || ended)
                return r;
        if (batch->n_members == 0 && reading->compression != COMPRESSION_NONE)
                return 1; /* it was read in its turn */

        r = inflate_members(batch, fault);
        if (r < 0)
                return r;
        if (!sequence_enter(&reading->sequence, batch->number))
                return 0;
        r = digest_image(reading, batch->image, batch->image_bytes, &batch->image_offset_bytes, fault);
        if (r < 0)
                return r;
        sequence_leave(&reading->sequence);
        r = write_image(reading, batch->image, batch->image_bytes, batch->image_offset_bytes, fault);
        return r < 0 ? r : 1;
}

/* ParallelFunction */
static int read_batches(void *userdata, unsigned index, Fault *fault)
{
        Reading *reading = userdata;
        _cleanup_(batch_done) Batch batch = {.reading = reading};
        int r = 1;

        batch.stored = malloc(STORED_IMAGE_BATCH_BYTES);
        batch.image = malloc(STORED_IMAGE_BATCH_BYTES);
        if (!batch.stored || !batch.image || inflater_new(&batch.inflater) < 0)
                r = fault_set_errno(fault, ENOMEM, "Making room for blocks");
        while (r > 0)
                r = read_batch(&batch, fault);
        if (r < 0)
                sequence_stop(&reading->sequence);
        return r;
}

static int finish(Reading *reading, StoredImage *ret, Fault *fault)
{
        StoredImage result = {
                        .database_bytes = reading->database_bytes,
                        .stored_bytes = reading->stored_bytes,
                        .foreign_bytes = reading->foreign_bytes,
        };
        int r;

        if (result.database_bytes == 0)
                return fault_set(fault, FAULT_CORRUPT, "It is empty and holds no database");
        r = digest_finish(reading->database_digest, result.database_sha256, fault);
        if (r >= 0)
                r = digest_finish(reading->stored_digest, result.stored_sha256, fault);
        if (r < 0)
                return r;
        *ret = result;
        return 0;
}

int stored_image_read(int stored_fd,
                Compression compression,
                const AgeOpener *opener,
                int image_fd,
                Effort effort,
                Progress *progress,
                StoredImage *ret,
                Fault *fault)
{
        _cleanup_(reading_done) Reading reading = {
                        .progress = progress,
                        .image_fd = image_fd,
                        .stored_fd = stored_fd,
                        .compression = compression,
        };
        int r;

        reading_init(&reading, effort.bytes_per_second);
        r = begin(&reading, fault);
        if (r >= 0 && opener)
                r = age_reader_new(opener, read_stored, &reading, &reading.reader, fault);
        if (r >= 0)
                r = parallel_run(effort.threads, read_batches, &reading, fault);
        if (r < 0)
                return r;
        return finish(&reading, ret, fault);
}

int stored_image_digest(int stored_fd, Effort effort, Progress *progress, StoredImage *ret, Fault *fault)
{
        _cleanup_(reading_done) Reading reading = {
                        .progress = progress,
                        .image_fd = -EBADF,
                        .stored_fd = stored_fd,
        };
        StoredImage result = {0};
        int r;

        reading_init(&reading, effort.bytes_per_second);
        r = begin(&reading, fault);
        while (r >= 0 && !reading.at_end) {
                r = refill(&reading, fault);
                use_up(&reading, reading.available);
        }
        if (r >= 0)
                r = digest_finish(reading.stored_digest, result.stored_sha256, fault);
        if (r < 0)
                return r;
        result.stored_bytes = reading.stored_bytes;
        *ret = result;
        return 0;
}
