/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From the stored form to the image. Under one lock the threads take turns in reading on and in cutting off
 * a batch of members that carry their size; each inflates its batch alone, waits for its turn to digest it,
 * and writes it to its place. Whatever carries no size is inflated in its turn, under that lock. */

#include <openssl/sha.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "backup/store/stored-input.h"
#include "base/io.h"
#include "base/parallel.h"
#include "base/quantity.h"

typedef struct Reading {
        int image_fd; /* negative for nowhere */
        Compression compression;

        pthread_mutex_t input_mutex; /* guards the next ones */
        StoredInput input;
        bool ended; /* nothing is left of it */
        uint64_t next_batch;
        z_stream foreign; /* for members that carry no size; begun with the first of them */
        bool foreign_begun;
        unsigned char *foreign_block;

        Sequence sequence; /* whose turn it is to use the rest */
        BlockDigest *blocks_digest;
        uint64_t database_bytes;
        uint64_t known_bytes; /* of the image, by its manifest; 0: nobody knows */
        uint64_t max_bytes;   /* of one that nobody knows; 0: no bound */
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
        size_t block_bytes[STORED_IMAGE_BATCH_BLOCKS];
        unsigned char block_sha256[STORED_IMAGE_BATCH_BLOCKS][BLOCK_DIGEST_BYTES];
        uint64_t input_bytes; /* up to its end, for messages */
} Batch;

static void reading_done(Reading *reading)
{
        if (reading->foreign_begun)
                (void) inflateEnd(&reading->foreign);
        stored_input_done(&reading->input);
        reading->blocks_digest = block_digest_free(reading->blocks_digest);
        free(reading->foreign_block);
        sequence_done(&reading->sequence);
        (void) pthread_mutex_destroy(&reading->input_mutex);
}

static void batch_done(Batch *batch)
{
        batch->inflater = inflater_free(batch->inflater);
        free(batch->stored);
        free(batch->image);
}

/* In its turn. A file may unpack to a thousand times its size, and one that was made for it, to any. */
static int require_bounded(const Reading *reading, Fault *fault)
{
        char most[QUANTITY_MAX];

        if (reading->known_bytes > 0 && reading->database_bytes > reading->known_bytes)
                return fault_set(fault,
                                FAULT_CORRUPT,
                                "It unpacks to more than its manifest says: it is not the file that was "
                                "stored; "
                                "restore another backup, and check the disk");
        if (reading->known_bytes > 0 || reading->max_bytes == 0 ||
                        reading->database_bytes <= reading->max_bytes)
                return 0;
        quantity_format_size(reading->max_bytes, most);
        return fault_set(fault,
                        FAULT_NO_SPACE,
                        "It unpacks to more than %s; make room on the disk of the backups, or set "
                        "RestoreMaxSize= where this is no mistake",
                        most);
}

/* A file in clear has the size of its image: nothing of it is written first. One in the place of a backup
 * that is larger than the manifest says is found as it is read, like all the rest that is wrong with it. */
static int require_file_bounded(const Reading *reading, int stored_fd, const AgeOpener *opener, Fault *fault)
{
        Reading whole = {.max_bytes = reading->max_bytes};
        struct stat status;

        if (reading->known_bytes > 0 || reading->compression != COMPRESSION_NONE || opener)
                return 0;
        if (fstat(stored_fd, &status) < 0)
                return fault_set_errno(fault, errno, "Looking at the file");
        whole.database_bytes = (uint64_t) status.st_size;
        return require_bounded(&whole, fault);
}

/* In its turn: takes the place of the next `size` bytes in the image. */
static uint64_t take_place(Reading *reading, size_t size)
{
        uint64_t offset_bytes = reading->database_bytes;

        reading->database_bytes += size;
        return offset_bytes;
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
        int r = block_digest_update(reading->blocks_digest, reading->foreign_block, size, fault);

        uint64_t offset_bytes;

        if (r < 0)
                return r;
        offset_bytes = take_place(reading, size);
        r = require_bounded(reading, fault);
        return r < 0 ? r : write_image(reading, reading->foreign_block, size, offset_bytes, fault);
}

/* Members of `gzip` and its like, of any size: zlib reads their header and compares their trailer. */
static int read_foreign_member(Reading *reading, Fault *fault)
{
        StoredInput *input = &reading->input;
        z_stream *stream = &reading->foreign;
        int code, r;

        r = begin_foreign(reading, fault);
        if (r < 0)
                return r;
        do {
                if (input->available == 0) {
                        r = stored_input_refill(input, fault);
                        if (r < 0)
                                return r;
                }
                /* zlib does not write there; its type is older than const. */
                stream->next_in = (unsigned char *) stored_input_next(input);
                stream->avail_in = (uInt) input->available;
                stream->next_out = reading->foreign_block;
                stream->avail_out = (uInt) STORED_IMAGE_BLOCK_BYTES;
                code = inflate(stream, Z_NO_FLUSH);
                stored_input_use_up(input, input->available - stream->avail_in);
                if (code == Z_MEM_ERROR)
                        return fault_set_errno(fault, ENOMEM, "Decompressing");
                if (code == Z_BUF_ERROR) /* no progress was possible, and there is no more input */
                        return stored_input_cut_short(input, fault);
                if (code != Z_OK && code != Z_STREAM_END)
                        return stored_input_damaged(stored_input_used_bytes(input), fault);
                r = put_foreign(reading, STORED_IMAGE_BLOCK_BYTES - stream->avail_out, fault);
                if (r < 0)
                        return r;
        } while (code != Z_STREAM_END);
        return 0;
}

/* What is no member with its size: the end, padded or not, a member of another origin, or no gzip data. */
static int read_other(Reading *reading, Fault *fault)
{
        StoredInput *input = &reading->input;
        uint64_t used_bytes = stored_input_used_bytes(input);
        int r;

        if (used_bytes > 0) {
                r = stored_input_skip_padding(input, fault);
                if (r < 0)
                        return r;
                if (input->available == 0) {
                        reading->ended = true;
                        return 0;
                }
        }
        r = stored_input_require_gzip(input, fault);
        /* Where members are whole blocks of the disk, one that was lost may leave nothing but zeros. */
        if (r >= 0 && stored_input_used_bytes(input) > used_bytes)
                return fault_set(fault,
                                FAULT_CORRUPT,
                                "Zeros lie between its gzip data; a part of it was lost");
        return r < 0 ? r : read_foreign_member(reading, fault);
}

/* Cuts off the members that carry their size, as many as there are at once. */
static int cut_members(StoredInput *input, Batch *batch, Fault *fault)
{
        while (batch->n_members < STORED_IMAGE_BATCH_BLOCKS) {
                size_t size;

                if (input->available < STORED_MEMBER_MAX_BYTES) {
                        int r = stored_input_refill(input, fault);

                        if (r < 0)
                                return r;
                }
                size = gzip_member_stored_bytes(stored_input_next(input), input->available);
                if (size == 0 || size > STORED_MEMBER_MAX_BYTES || size > input->available ||
                                batch->stored_bytes + size > STORED_IMAGE_BATCH_BYTES)
                        break;
                memcpy(batch->stored + batch->stored_bytes, stored_input_next(input), size);
                batch->member_bytes[batch->n_members++] = size;
                batch->stored_bytes += size;
                stored_input_use_up(input, size);
        }
        return 0;
}

static int cut_plain(Reading *reading, Batch *batch, Fault *fault)
{
        StoredInput *input = &reading->input;
        int r = stored_input_refill(input, fault);

        if (r < 0)
                return r;
        memcpy(batch->image, stored_input_next(input), input->available);
        batch->image_bytes = input->available;
        stored_input_use_up(input, input->available);
        reading->ended = input->at_end;
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
        r = cut_members(&reading->input, batch, fault);
        if (r < 0)
                return r;
        batch->input_bytes = stored_input_used_bytes(&reading->input);
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
                        return stored_input_damaged(batch->input_bytes, fault);
                if (r < 0)
                        return fault_set_errno(fault, r, "Decompressing a block");
                (void) SHA256(batch->image + batch->image_bytes, size, batch->block_sha256[i]);
                batch->block_bytes[i] = size;
                member += batch->member_bytes[i];
                batch->image_bytes += size;
        }
        return 0;
}

/* In its turn. Blocks that lie as they should were digested before. */
static int digest_blocks(const Batch *batch, Fault *fault)
{
        BlockDigest *digest = batch->reading->blocks_digest;
        const unsigned char *block = batch->image;

        if (batch->n_members == 0)
                return block_digest_update(digest, block, batch->image_bytes, fault);
        for (size_t i = 0; i < batch->n_members; i++) {
                bool is_block = block_digest_at_block(digest) &&
                                batch->block_bytes[i] == BLOCK_DIGEST_BLOCK_BYTES;
                int r = is_block ? block_digest_add(digest, batch->block_sha256[i], fault)
                                 : block_digest_update(digest, block, batch->block_bytes[i], fault);

                if (r < 0)
                        return r;
                block += batch->block_bytes[i];
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
        r = digest_blocks(batch, fault);
        if (r < 0)
                return r;
        batch->image_offset_bytes = take_place(reading, batch->image_bytes);
        r = require_bounded(reading, fault);
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
                        .stored_bytes = reading->input.stored_bytes,
        };
        int r;

        if (result.database_bytes == 0)
                return fault_set(fault, FAULT_CORRUPT, "It is empty and holds no database");
        r = block_digest_finish(reading->blocks_digest, result.blocks_sha256, fault);
        if (r >= 0)
                r = stored_input_finish(&reading->input, result.stored_sha256, fault);
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
                        .image_fd = image_fd,
                        .compression = compression,
                        .known_bytes = effort.image_bytes,
                        .max_bytes = effort.image_max_bytes,
        };
        int r;

        sequence_init(&reading.sequence);
        (void) pthread_mutex_init(&reading.input_mutex, NULL);
        r = stored_input_begin(&reading.input, stored_fd, opener, effort, progress, fault);
        if (r >= 0)
                r = require_file_bounded(&reading, stored_fd, opener, fault);
        if (r >= 0)
                r = block_digest_new(&reading.blocks_digest, fault);
        if (r >= 0)
                r = parallel_run(effort.threads, read_batches, &reading, fault);
        if (r < 0)
                return r;
        return finish(&reading, ret, fault);
}
