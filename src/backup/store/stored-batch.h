/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What each thread that writes a stored file does alone: it makes members of a batch of blocks, or takes
 * them over from an older file, and leaves them in their order in a buffer of its own. A StoredBatch belongs
 * to one thread; of what others see it only reads.
 *
 * A member that is taken over passes through memory, so that the batch is one write: copying it within the
 * kernel costs more, in many small pieces, and leaves a file that is slower to read. Only where the file
 * system can share the older file's own extents is it left where it is, for its turn. */

#include "backup/store/older-members.h"
#include "backup/store/stored-image.h"

/* A member of the file to be: `bytes` of the batch's buffer from an offset on, or, when it is shared, of the
 * older file. */
typedef struct StoredPiece {
        bool is_shared;
        uint64_t offset_bytes;
        size_t bytes;
        size_t block_bytes;
        unsigned char block_sha256[MEMBER_INDEX_DIGEST_BYTES];
        unsigned char member_sha256[MEMBER_INDEX_DIGEST_BYTES];
} StoredPiece;

typedef struct StoredBatch {
        size_t alignment_bytes;    /* of members; 0 for none, and then nothing is shared */
        bool apart;                /* nor is anything shared then */
        const OlderMembers *older; /* or NULL; borrowed, and read by any thread */
        Deflater *deflater;
        Inflater *inflater;
        unsigned char *image; /* STORED_IMAGE_BATCH_BYTES; the caller fills it */
        size_t image_bytes;
        unsigned char *stored;
        size_t stored_bytes;
        unsigned char *proved; /* a block */
        size_t reused_bytes;   /* of all pieces */
        bool older_damaged;    /* so much so that it was seen here; in any batch until now */
        size_t n_pieces;
        StoredPiece pieces[STORED_IMAGE_BATCH_BLOCKS];
} StoredBatch;

/* stored_batch_done() is due in any case. */
int stored_batch_begin(StoredBatch *batch,
                unsigned compression_level,
                size_t alignment_bytes,
                bool apart,
                const OlderMembers *older,
                Fault *fault);
void stored_batch_done(StoredBatch *batch);

/* Makes pieces of the image's batch of that number, which is in `image`: a member for each block. */
int stored_batch_compress(StoredBatch *batch, uint64_t number, Fault *fault);

/* As it is: one piece, straight from the image. */
void stored_batch_take_plain(StoredBatch *batch);
