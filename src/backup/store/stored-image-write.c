/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From the image to its stored form. Each thread takes the next batch of blocks, makes members of them
 * (stored-batch.h), waits for its turn, and puts them out; what lies beyond a turn is a thread's own. */

#include <fcntl.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/store/stored-batch.h"
#include "base/io.h"
#include "base/pace.h"
#include "base/parallel.h"

/* How much is written before the disk is asked to begin with it, so that the sync at the end is short. A
 * commit of the application's waits behind as much; most batches have more. */
#define WRITE_BEHIND_BYTES (256 * KIB)

typedef struct Writing {
        const StoredForm *form;
        Progress *progress;
        int image_fd;
        int stored_fd;
        uint64_t image_bytes;
        size_t alignment_bytes; /* of members; or 0 */
        OlderMembers *older;    /* or NULL; read by any thread */
        _Atomic uint64_t next_batch;

        Pace pace;

        Sequence sequence; /* whose turn it is to use the rest */
        BlockDigest *blocks_digest;
        Digest *members_digest;   /* NULL when there are none */
        AgeWriter *writer;        /* when it is encrypted */
        MemberIndexWriter *index; /* when the file gets one */
        Digest *index_digest;     /* of it */
        uint64_t stored_bytes;
        uint64_t reused_bytes;
        bool shared;
        bool older_damaged;
        uint64_t begun_bytes; /* of stored_bytes, the disk was asked to begin with */
} Writing;

static void writing_done(Writing *writing)
{
        sequence_done(&writing->sequence);
        pace_done(&writing->pace);
        writing->blocks_digest = block_digest_free(writing->blocks_digest);
        writing->members_digest = digest_free(writing->members_digest);
        writing->writer = age_writer_free(writing->writer);
        writing->older = older_members_free(writing->older);
        writing->index_digest = digest_free(writing->index_digest);
        free(writing->index);
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

static int share_older(Writing *writing, uint64_t offset_bytes, size_t size, Fault *fault)
{
        size_t shared_bytes;
        int r = older_members_share(writing->older, offset_bytes, size, writing->stored_fd, &shared_bytes);

        if (r < 0)
                return write_failed(r, fault);
        writing->stored_bytes += shared_bytes;
        writing->shared = true;
        return 0;
}

/* What is beside each other, in the buffer or in the older file, at once. */
static int put_pieces(Writing *writing, const StoredBatch *batch, Fault *fault)
{
        size_t i = 0;

        while (i < batch->n_pieces) {
                const StoredPiece *first = batch->pieces + i;
                size_t size = first->bytes;
                int r;

                for (i++; i < batch->n_pieces && batch->pieces[i].is_shared == first->is_shared &&
                                batch->pieces[i].offset_bytes == first->offset_bytes + size;
                                i++)
                        size += batch->pieces[i].bytes;
                r = first->is_shared ? share_older(writing, first->offset_bytes, size, fault)
                                     : put_stored(writing, batch->stored + first->offset_bytes, size, fault);
                if (r < 0)
                        return r;
        }
        writing->reused_bytes += batch->reused_bytes;
        writing->older_damaged = writing->older_damaged || batch->older_damaged;
        return 0;
}

/* A member of the index, which is digested as every other one. */
static int put_index_member(Writing *writing, const void *member, size_t size, Fault *fault)
{
        unsigned char sha256[SHA256_DIGEST_LENGTH];
        int r;

        (void) SHA256(member, size, sha256);
        r = digest_update(writing->members_digest, sha256, sizeof sha256, fault);
        if (r >= 0)
                r = digest_update(writing->index_digest, member, size, fault);
        return r < 0 ? r : put_stored(writing, member, size, fault);
}

static int flush_index(Writing *writing, Fault *fault)
{
        const void *member;
        size_t size = member_index_flush(writing->index, writing->stored_bytes, &member);

        return size > 0 ? put_index_member(writing, member, size, fault) : 0;
}

/* The records of a batch never have to be parted by an index member: MEMBER_INDEX_RECORDS is a multiple. */
static bool note_members(Writing *writing, const StoredBatch *batch, uint64_t offset_bytes)
{
        bool full = false;

        for (size_t i = 0; i < batch->n_pieces; i++) {
                MemberRecord record = {.offset_bytes = offset_bytes};

                memcpy(record.block_sha256, batch->pieces[i].block_sha256, sizeof record.block_sha256);
                memcpy(record.member_sha256, batch->pieces[i].member_sha256, sizeof record.member_sha256);
                full = member_index_add(writing->index, &record);
                offset_bytes += batch->pieces[i].bytes;
        }
        return full;
}

/* In its turn. */
static int digest_pieces(Writing *writing, const StoredBatch *batch, Fault *fault)
{
        size_t done_bytes = 0;

        if (!writing->members_digest)
                return block_digest_update(writing->blocks_digest, batch->image, batch->image_bytes, fault);
        for (size_t i = 0; i < batch->n_pieces; i++) {
                const StoredPiece *piece = batch->pieces + i;
                int r;

                if (piece->block_bytes == BLOCK_DIGEST_BLOCK_BYTES)
                        r = block_digest_add(writing->blocks_digest, piece->block_sha256, fault);
                else
                        r = block_digest_update(writing->blocks_digest,
                                        batch->image + done_bytes,
                                        piece->block_bytes,
                                        fault);
                if (r >= 0)
                        r = digest_update(writing->members_digest,
                                        piece->member_sha256,
                                        sizeof piece->member_sha256,
                                        fault);
                if (r < 0)
                        return r;
                done_bytes += piece->block_bytes;
        }
        return 0;
}

/* Where that does not work, the sync at the end takes longer. */
static void write_behind(Writing *writing)
{
        uint64_t bytes = writing->stored_bytes - writing->begun_bytes;

        if (bytes < WRITE_BEHIND_BYTES)
                return;
        (void) sync_file_range(writing->stored_fd,
                        (off_t) writing->begun_bytes,
                        (off_t) bytes,
                        SYNC_FILE_RANGE_WRITE);
        writing->begun_bytes = writing->stored_bytes;
}

/* In its turn. */
static int put_out(Writing *writing, const StoredBatch *batch, Fault *fault)
{
        uint64_t offset_bytes = writing->stored_bytes;
        int r;

        r = digest_pieces(writing, batch, fault);
        if (r >= 0)
                r = put_pieces(writing, batch, fault);
        if (r >= 0 && writing->index && note_members(writing, batch, offset_bytes))
                r = flush_index(writing, fault);
        if (r >= 0)
                write_behind(writing);
        return r;
}

static int write_batch(Writing *writing, StoredBatch *batch, uint64_t number, Fault *fault)
{
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
                stored_batch_take_plain(batch);
        else
                r = stored_batch_compress(batch, number, fault);
        if (r < 0)
                return r;
        if (!sequence_enter(&writing->sequence, number))
                return 0;
        r = put_out(writing, batch, fault);
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
        _cleanup_(stored_batch_done) StoredBatch batch = {0};
        int r = stored_batch_begin(&batch,
                        writing->form->effort.compression_level,
                        writing->alignment_bytes,
                        writing->form->apart,
                        writing->older,
                        fault);

        while (r >= 0) {
                uint64_t number = atomic_fetch_add(&writing->next_batch, 1);

                if (number * STORED_IMAGE_BATCH_BYTES >= writing->image_bytes)
                        return 0;
                r = write_batch(writing, &batch, number, fault);
        }
        sequence_stop(&writing->sequence);
        return r;
}

static int begin_index(Writing *writing, Fault *fault)
{
        const StoredForm *form = writing->form;
        int r = digest_new(&writing->index_digest, fault);

        if (r < 0)
                return r;
        writing->index = calloc(1, sizeof *writing->index);
        if (!writing->index)
                return fault_set_errno(fault, ENOMEM, "Making room for blocks");
        if (form->aligned)
                writing->alignment_bytes = writing->index->alignment_bytes = STORED_IMAGE_ALIGNMENT_BYTES;
        if (form->older_fd < 0)
                return 0;
        /* Without its index there only is more work. */
        r = older_members_open(form->older_fd, form->older_index_sha256, &writing->older);
        writing->older_damaged = r < 0 && r != -ENOMEM;
        return 0;
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
        r = block_digest_new(&writing->blocks_digest, fault);
        if (r >= 0 && form->compression != COMPRESSION_NONE)
                r = digest_new(&writing->members_digest, fault);
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
        return begin_index(writing, fault);
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
        return put_index_member(writing, member, sizeof member, fault);
}

static int finish_digests(Writing *writing, StoredImage *result, Fault *fault)
{
        int r = block_digest_finish(writing->blocks_digest, result->blocks_sha256, fault);

        if (r >= 0 && writing->index_digest)
                r = digest_finish(writing->index_digest, result->index_sha256, fault);
        if (r >= 0 && writing->members_digest)
                return digest_finish(writing->members_digest, result->members_sha256, fault);
        memcpy(result->members_sha256, result->blocks_sha256, DIGEST_HEX_MAX);
        return r;
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
                r = finish_digests(&writing, &result, fault);
        if (r < 0)
                return r;
        result.database_bytes = writing.image_bytes;
        result.stored_bytes = writing.stored_bytes;
        result.reused_bytes = writing.reused_bytes;
        result.shared = writing.shared;
        result.older_damaged = writing.older_damaged;
        *ret = result;
        return 0;
}
