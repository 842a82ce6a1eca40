/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/store/stored-batch.h"

#include <openssl/sha.h>
#include <string.h>

int stored_batch_begin(StoredBatch *batch,
                unsigned compression_level,
                size_t alignment_bytes,
                bool apart,
                const OlderMembers *older,
                Fault *fault)
{
        *batch = (StoredBatch){.alignment_bytes = alignment_bytes, .apart = apart, .older = older};
        batch->image = malloc(STORED_IMAGE_BATCH_BYTES);
        batch->stored = malloc(STORED_IMAGE_BATCH_BLOCKS * STORED_MEMBER_MAX_BYTES);
        batch->proved = malloc(STORED_IMAGE_BLOCK_BYTES);
        if (!batch->image || !batch->stored || !batch->proved ||
                        deflater_new(compression_level, &batch->deflater) < 0 ||
                        inflater_new(&batch->inflater) < 0)
                return fault_set_errno(fault, ENOMEM, "Making room for blocks");
        return 0;
}

void stored_batch_done(StoredBatch *batch)
{
        batch->deflater = deflater_free(batch->deflater);
        batch->inflater = inflater_free(batch->inflater);
        free(batch->image);
        free(batch->stored);
        free(batch->proved);
}

static size_t block_size(const StoredBatch *batch, size_t i)
{
        return MIN_OF(batch->image_bytes - i * STORED_IMAGE_BLOCK_BYTES, (size_t) STORED_IMAGE_BLOCK_BYTES);
}

static int deflate_block(StoredBatch *batch, const unsigned char *block, StoredPiece *piece, Fault *fault)
{
        unsigned char *member = batch->stored + batch->stored_bytes;
        int r;

        piece->offset_bytes = batch->stored_bytes;
        r = gzip_member_encode(batch->deflater,
                        block,
                        piece->block_bytes,
                        batch->alignment_bytes,
                        member,
                        STORED_MEMBER_MAX_BYTES,
                        &piece->bytes);
        if (r < 0)
                return fault_set_errno(fault, r, "Compressing a block");
        r = gzip_member_prove(
                        batch->inflater, member, piece->bytes, block, piece->block_bytes, batch->proved);
        if (r == -EBADMSG)
                return fault_set(fault,
                                FAULT_FAILED,
                                "What was compressed does not decompress to the same; check the memory of "
                                "this machine");
        if (r < 0)
                return fault_set_errno(fault, r, "Decompressing a block");
        (void) SHA256(member, piece->bytes, piece->member_sha256);
        batch->stored_bytes += piece->bytes;
        return 0;
}

/* Whether what is taken over stays where it lies. */
static bool is_shared(const StoredBatch *batch)
{
        return batch->alignment_bytes > 0 && !batch->apart;
}

/* Of a file whose members are not aligned, nothing can be taken into one where they are. */
static bool is_aligned(const StoredBatch *batch, const MemberRecord *record, const StoredPiece *piece)
{
        return batch->alignment_bytes == 0 || (record->offset_bytes % batch->alignment_bytes == 0 &&
                                                              piece->bytes % batch->alignment_bytes == 0);
}

static int share_older(const MemberRecord *record, StoredPiece *piece)
{
        piece->is_shared = true;
        piece->offset_bytes = record->offset_bytes;
        return 1;
}

static int read_older(StoredBatch *batch, const MemberRecord *record, StoredPiece *piece)
{
        int r = older_members_read_member(
                        batch->older, record, batch->stored + batch->stored_bytes, piece->bytes);

        if (r < 0)
                return r;
        piece->offset_bytes = batch->stored_bytes;
        batch->stored_bytes += piece->bytes;
        return 1;
}

/* False when the block is to be deflated. */
static bool take_older(StoredBatch *batch, const MemberRecord *record, StoredPiece *piece)
{
        int r = older_members_find(batch->older, record, piece->block_sha256, &piece->bytes);

        if (r > 0 && !is_aligned(batch, record, piece))
                return false;
        if (r > 0)
                r = is_shared(batch) ? share_older(record, piece) : read_older(batch, record, piece);
        if (r < 0)
                batch->older_damaged = true;
        if (r <= 0)
                return false;
        memcpy(piece->member_sha256, record->member_sha256, sizeof piece->member_sha256);
        batch->reused_bytes += piece->bytes;
        return true;
}

/* From the first to the last that will be read, so that the disk begins with them. */
static void expect_older(const StoredBatch *batch, const MemberRecord *records, size_t n_records)
{
        size_t first = n_records, last = 0;

        for (size_t i = 0; i < MIN_OF(n_records, batch->n_pieces); i++)
                if (older_members_hold(records + i, batch->pieces[i].block_sha256)) {
                        first = MIN_OF(first, i);
                        last = i;
                }
        if (first < n_records)
                older_members_expect(batch->older, records + first, last - first + 1);
}

static const unsigned char *block_at(const StoredBatch *batch, size_t i)
{
        return batch->image + i * STORED_IMAGE_BLOCK_BYTES;
}

static void empty(StoredBatch *batch)
{
        batch->stored_bytes = batch->reused_bytes = batch->n_pieces = 0;
}

int stored_batch_compress(StoredBatch *batch, uint64_t number, Fault *fault)
{
        MemberRecord records[STORED_IMAGE_BATCH_BLOCKS];
        size_t n_records = older_members_read(
                        batch->older, number * STORED_IMAGE_BATCH_BLOCKS, ELEMENTSOF(records), records);

        empty(batch);
        for (; batch->n_pieces * STORED_IMAGE_BLOCK_BYTES < batch->image_bytes; batch->n_pieces++) {
                StoredPiece *piece = batch->pieces + batch->n_pieces;

                *piece = (StoredPiece){.block_bytes = block_size(batch, batch->n_pieces)};
                (void) SHA256(block_at(batch, batch->n_pieces), piece->block_bytes, piece->block_sha256);
        }
        if (!is_shared(batch))
                expect_older(batch, records, n_records);
        for (size_t i = 0; i < batch->n_pieces; i++) {
                StoredPiece *piece = batch->pieces + i;
                int r;

                if (i < n_records && take_older(batch, records + i, piece))
                        continue;
                r = deflate_block(batch, block_at(batch, i), piece, fault);
                if (r < 0)
                        return r;
        }
        return 0;
}

void stored_batch_take_plain(StoredBatch *batch)
{
        empty(batch);
        memcpy(batch->stored, batch->image, batch->image_bytes);
        batch->pieces[0] = (StoredPiece){.bytes = batch->image_bytes};
        batch->n_pieces = 1;
}
