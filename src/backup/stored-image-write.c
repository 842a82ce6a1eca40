/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From the image to its stored form. Each thread takes the next batch of blocks, digests and deflates them,
 * waits for its turn, and puts them out; what lies beyond a turn is a thread's own. */

#include <fcntl.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/gzip-member.h"
#include "backup/member-index.h"
#include "backup/stored-image.h"
#include "base/io.h"
#include "base/pace.h"
#include "base/parallel.h"

#define MEMBER_MAX_BYTES GZIP_MEMBER_BOUND(STORED_IMAGE_BLOCK_BYTES)

typedef struct Writing {
        const StoredForm *form;
        Progress *progress;
        int image_fd;
        int stored_fd;
        uint64_t image_bytes;
        MemberIndex *older_index; /* read by any thread */
        _Atomic uint64_t next_batch;

        Pace pace;

        Sequence sequence; /* whose turn it is to use the rest */
        Digest *database_digest;
        AgeWriter *writer;        /* when it is encrypted */
        MemberIndexWriter *index; /* when the file gets one */
        uint64_t stored_bytes;
        uint64_t reused_bytes;
} Writing;

/* A member of the file to be: `bytes` of it in the batch's buffer, or of the older file from an offset on.
 */
typedef struct Piece {
        bool is_older;
        uint64_t offset_bytes;
        size_t bytes;
        unsigned char digest[MEMBER_INDEX_DIGEST_BYTES];
} Piece;

/* One thread's. */
typedef struct Batch {
        Writing *writing;
        Deflater *deflater;
        unsigned char *image;
        unsigned char *stored;
        size_t image_bytes;
        size_t stored_bytes;
        size_t n_pieces;
        Piece pieces[STORED_IMAGE_BATCH_BLOCKS];
} Batch;

static void writing_done(Writing *writing)
{
        sequence_done(&writing->sequence);
        pace_done(&writing->pace);
        writing->database_digest = digest_free(writing->database_digest);
        writing->writer = age_writer_free(writing->writer);
        writing->older_index = member_index_free(writing->older_index);
        free(writing->index);
}

static void batch_done(Batch *batch)
{
        batch->deflater = deflater_free(batch->deflater);
        free(batch->image);
        free(batch->stored);
}

static int write_failed(int error, Fault *fault)
{
        return fault_set_errno(fault, error, "Writing the stored file");
}

/* AgeSink */
static int write_stored(void *userdata, const void *data, size_t size, Fault *fault)
{
        Writing *writing = userdata;
        int r = io_write_all(writing->stored_fd, data, size);

        if (r < 0)
                return write_failed(r, fault);
        writing->stored_bytes += size;
        return 0;
}

static int put_stored(Writing *writing, const void *data, size_t size, Fault *fault)
{
        return writing->writer ? age_writer_write(writing->writer, data, size, fault)
                               : write_stored(writing, data, size, fault);
}

/* For file systems that can't copy within the kernel. Less than `size` when the file became shorter. */
static int copy_chunk(int from_fd, uint64_t offset_bytes, int to_fd, size_t size, size_t *ret)
{
        unsigned char chunk[16 * KIB];
        int r;

        r = io_read_full_at(from_fd, chunk, MIN_OF(size, sizeof chunk), offset_bytes, ret);
        return r < 0 ? r : io_write_all(to_fd, chunk, *ret);
}

static bool cannot_copy(int error)
{
        return error == EXDEV || error == EINVAL || error == ENOSYS || error == EOPNOTSUPP;
}

/* Within the kernel where that works, and on some file systems without a second copy on the disk. */
static int copy_older(Writing *writing, uint64_t offset_bytes, size_t size, Fault *fault)
{
        off_t from = (off_t) offset_bytes;
        size_t left = size;

        while (left > 0) {
                ssize_t n = copy_file_range(
                                writing->form->older_fd, &from, writing->stored_fd, NULL, left, 0);

                if (n < 0 && cannot_copy(errno)) {
                        size_t done;
                        int r = copy_chunk(writing->form->older_fd,
                                        (uint64_t) from,
                                        writing->stored_fd,
                                        left,
                                        &done);

                        if (r < 0)
                                return write_failed(r, fault);
                        n = (ssize_t) done;
                        from += n;
                }
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return write_failed(errno, fault);
                if (n == 0)
                        break; /* It became shorter: what is written then does not read back. */
                left -= (size_t) n;
        }
        writing->stored_bytes += size - left;
        writing->reused_bytes += size - left;
        return 0;
}

/* What is beside each other in the older file as well is copied at once. */
static int put_pieces(Writing *writing, const Batch *batch, Fault *fault)
{
        size_t i = 0;

        while (i < batch->n_pieces) {
                const Piece *first = batch->pieces + i;
                size_t size = first->bytes;
                int r;

                for (i++; i < batch->n_pieces && batch->pieces[i].is_older == first->is_older &&
                                batch->pieces[i].offset_bytes == first->offset_bytes + size;
                                i++)
                        size += batch->pieces[i].bytes;
                r = first->is_older ? copy_older(writing, first->offset_bytes, size, fault)
                                    : put_stored(writing, batch->stored + first->offset_bytes, size, fault);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int flush_index(Writing *writing, Fault *fault)
{
        const void *member;
        size_t size = member_index_flush(writing->index, writing->stored_bytes, &member);

        return size > 0 ? put_stored(writing, member, size, fault) : 0;
}

/* The records of a batch never have to be parted by an index member: MEMBER_INDEX_RECORDS is a multiple. */
static bool note_members(Writing *writing, const Batch *batch, uint64_t offset_bytes)
{
        bool full = false;

        for (size_t i = 0; i < batch->n_pieces; i++) {
                MemberRecord record = {.offset_bytes = offset_bytes};

                memcpy(record.digest, batch->pieces[i].digest, sizeof record.digest);
                full = member_index_add(writing->index, &record);
                offset_bytes += batch->pieces[i].bytes;
        }
        return full;
}

/* In its turn. */
static int put_out(Batch *batch, Fault *fault)
{
        Writing *writing = batch->writing;
        uint64_t offset_bytes = writing->stored_bytes;
        int r;

        r = digest_update(writing->database_digest, batch->image, batch->image_bytes, fault);
        if (r >= 0)
                r = put_pieces(writing, batch, fault);
        if (r >= 0 && writing->index && note_members(writing, batch, offset_bytes))
                r = flush_index(writing, fault);
        return r;
}

static size_t block_size(const Batch *batch, size_t i)
{
        return MIN_OF(batch->image_bytes - i * STORED_IMAGE_BLOCK_BYTES, (size_t) STORED_IMAGE_BLOCK_BYTES);
}

/* True when the older file has that block at the same place, and a member there that looks like one. */
static bool find_older(const Batch *batch, const MemberRecord *record, Piece *piece)
{
        unsigned char header[GZIP_MEMBER_HEADER_BYTES];
        size_t size;

        if (memcmp(record->digest, piece->digest, sizeof piece->digest) != 0)
                return false;
        if (io_read_full_at(batch->writing->form->older_fd,
                            header,
                            sizeof header,
                            record->offset_bytes,
                            &size) < 0)
                return false;
        piece->bytes = gzip_member_stored_bytes(header, size);
        piece->offset_bytes = record->offset_bytes;
        piece->is_older = piece->bytes > 0 && piece->bytes <= MEMBER_MAX_BYTES;
        return piece->is_older;
}

/* An index that can't be read only means more work. */
static size_t read_older_records(const Batch *batch, uint64_t number, MemberRecord *records)
{
        size_t n;

        if (!batch->writing->older_index || member_index_read(batch->writing->older_index,
                                                            number * STORED_IMAGE_BATCH_BLOCKS,
                                                            STORED_IMAGE_BATCH_BLOCKS,
                                                            records,
                                                            &n) < 0)
                return 0;
        return n;
}

static int compress(Batch *batch, uint64_t number, Fault *fault)
{
        MemberRecord records[STORED_IMAGE_BATCH_BLOCKS];
        size_t n_records = read_older_records(batch, number, records);

        batch->stored_bytes = 0;
        batch->n_pieces = 0;
        for (size_t i = 0; i * STORED_IMAGE_BLOCK_BYTES < batch->image_bytes; i++) {
                const unsigned char *block = batch->image + i * STORED_IMAGE_BLOCK_BYTES;
                Piece *piece = batch->pieces + batch->n_pieces++;
                int r;

                *piece = (Piece){.offset_bytes = batch->stored_bytes};
                if (batch->writing->index)
                        (void) SHA256(block, block_size(batch, i), piece->digest);
                if (i < n_records && find_older(batch, records + i, piece))
                        continue;
                piece->offset_bytes = batch->stored_bytes;
                r = gzip_member_encode(batch->deflater,
                                block,
                                block_size(batch, i),
                                batch->stored + batch->stored_bytes,
                                MEMBER_MAX_BYTES,
                                &piece->bytes);
                if (r < 0)
                        return fault_set_errno(fault, r, "Compressing a block");
                batch->stored_bytes += piece->bytes;
        }
        return 0;
}

/* As it is: one piece, straight from the image. */
static void take_plain(Batch *batch)
{
        memcpy(batch->stored, batch->image, batch->image_bytes);
        batch->pieces[0] = (Piece){.bytes = batch->image_bytes};
        batch->n_pieces = 1;
}

static int begin_batch(Batch *batch, Fault *fault)
{
        const StoredForm *form = batch->writing->form;

        batch->image = malloc(STORED_IMAGE_BATCH_BYTES);
        batch->stored = malloc(STORED_IMAGE_BATCH_BLOCKS * MEMBER_MAX_BYTES);
        if (!batch->image || !batch->stored ||
                        deflater_new(form->effort.compression_level, &batch->deflater) < 0)
                return fault_set_errno(fault, ENOMEM, "Making room for blocks");
        return 0;
}

static int write_batch(Batch *batch, uint64_t number, Fault *fault)
{
        Writing *writing = batch->writing;
        uint64_t offset_bytes = number * STORED_IMAGE_BATCH_BYTES;
        size_t wanted = (size_t) MIN_OF(writing->image_bytes - offset_bytes, STORED_IMAGE_BATCH_BYTES);
        int r = pace_wait(&writing->pace, wanted, writing->progress, fault);

        if (r < 0)
                return r;
        r = io_read_full_at(writing->image_fd, batch->image, wanted, offset_bytes, &batch->image_bytes);
        if (r >= 0 && batch->image_bytes < wanted)
                r = -EIO;
        if (r < 0)
                return fault_set_errno(fault, r, "Reading the database image");
        if (writing->form->compression == COMPRESSION_NONE)
                take_plain(batch);
        else
                r = compress(batch, number, fault);
        if (r < 0)
                return r;
        if (!sequence_enter(&writing->sequence, number))
                return 0;
        r = put_out(batch, fault);
        if (r >= 0) {
                progress_add(writing->progress, batch->image_bytes);
                sequence_leave(&writing->sequence);
        }
        return r;
}

/* ParallelFunction */
static int write_batches(void *userdata, unsigned index, Fault *fault)
{
        Writing *writing = userdata;
        _cleanup_(batch_done) Batch batch = {.writing = writing};
        int r = begin_batch(&batch, fault);

        while (r >= 0) {
                uint64_t number = atomic_fetch_add(&writing->next_batch, 1);

                if (number * STORED_IMAGE_BATCH_BYTES >= writing->image_bytes)
                        return 0;
                r = write_batch(&batch, number, fault);
        }
        sequence_stop(&writing->sequence);
        return r;
}

static int begin(Writing *writing, AgeFileKey *ret_file_key, Fault *fault)
{
        const StoredForm *form = writing->form;
        struct stat status;
        int r;

        if (fstat(writing->image_fd, &status) < 0)
                return fault_set_errno(fault, errno, "Reading the size of the file");
        if (status.st_size == 0)
                return fault_set(fault, FAULT_CORRUPT, "It is empty and holds no database");
        writing->image_bytes = (uint64_t) status.st_size;
        progress_begin(writing->progress,
                        form->compression == COMPRESSION_NONE ? "writing" : "compressing",
                        writing->image_bytes);
        r = digest_new(&writing->database_digest, fault);
        if (r < 0)
                return r;
        if (age_recipients_any(form->recipients))
                return age_writer_new(form->recipients,
                                write_stored,
                                writing,
                                ret_file_key,
                                &writing->writer,
                                fault);
        if (form->compression == COMPRESSION_NONE)
                return 0;
        writing->index = calloc(1, sizeof *writing->index);
        if (!writing->index)
                return fault_set_errno(fault, ENOMEM, "Making room for blocks");
        if (form->older_fd >= 0)
                (void) member_index_open(form->older_fd, STORED_IMAGE_BLOCK_BYTES, &writing->older_index);
        return 0;
}

static int end(Writing *writing, Fault *fault)
{
        unsigned char member[MEMBER_INDEX_END_BYTES];
        int r;

        if (writing->writer)
                return age_writer_finish(writing->writer, fault);
        if (!writing->index)
                return 0;
        r = flush_index(writing, fault);
        if (r < 0)
                return r;
        member_index_end(writing->index, STORED_IMAGE_BLOCK_BYTES, writing->image_bytes, member);
        return put_stored(writing, member, sizeof member, fault);
}

int stored_image_write(int image_fd,
                const StoredForm *form,
                int stored_fd,
                AgeFileKey *ret_file_key,
                Progress *progress,
                StoredImage *ret,
                Fault *fault)
{
        _cleanup_(writing_done) Writing writing = {
                        .form = form,
                        .progress = progress,
                        .image_fd = image_fd,
                        .stored_fd = stored_fd,
        };
        StoredImage result = {0};
        int r;

        sequence_init(&writing.sequence);
        pace_init(&writing.pace, form->effort.bytes_per_second);
        r = begin(&writing, ret_file_key, fault);
        if (r >= 0)
                r = parallel_run(form->effort.threads, write_batches, &writing, fault);
        if (r >= 0)
                r = end(&writing, fault);
        if (r >= 0)
                r = digest_finish(writing.database_digest, result.database_sha256, fault);
        if (r < 0)
                return r;
        result.database_bytes = writing.image_bytes;
        result.stored_bytes = writing.stored_bytes;
        result.reused_bytes = writing.reused_bytes;
        *ret = result;
        return 0;
}
