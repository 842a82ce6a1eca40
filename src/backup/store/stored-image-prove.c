/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* That a stored file is what was written. Under one lock the threads take turns in reading on and in cutting
 * off a batch of members; each digests its batch alone and waits for its turn to put the digests together.
 */

#include <openssl/sha.h>
#include <string.h>

#include "backup/store/member-index.h"
#include "backup/store/stored-input.h"
#include "base/parallel.h"

typedef struct Proving {
        pthread_mutex_t input_mutex; /* guards the next ones */
        StoredInput input;
        bool ended;
        uint64_t next_batch;

        Sequence sequence; /* whose turn it is to use the rest */
        Digest *members_digest;
        Digest *stored_digest; /* the input's, where what is cut off is the file as it lies on the disk */
} Proving;

/* One thread's. */
typedef struct Batch {
        uint64_t number;
        size_t n_members;
        size_t stored_bytes;
        size_t member_bytes[STORED_IMAGE_BATCH_BLOCKS];
        unsigned char digests[STORED_IMAGE_BATCH_BLOCKS * SHA256_DIGEST_LENGTH];
        unsigned char stored[STORED_IMAGE_BATCH_BLOCKS * STORED_MEMBER_MAX_BYTES];
} Batch;

static void proving_done(Proving *proving)
{
        stored_input_done(&proving->input);
        proving->members_digest = digest_free(proving->members_digest);
        proving->stored_digest = digest_free(proving->stored_digest);
        sequence_done(&proving->sequence);
        (void) pthread_mutex_destroy(&proving->input_mutex);
}

static size_t next_member_bytes(const StoredInput *input)
{
        const unsigned char *start = stored_input_next(input);
        size_t size = gzip_member_stored_bytes(start, input->available);

        return size > 0 ? size : member_index_stored_bytes(start, input->available);
}

/* Under the lock of the input: cuts off as many members as a batch has room for. None at the end. */
static int fetch(Proving *proving, Batch *batch, Fault *fault)
{
        StoredInput *input = &proving->input;
        int r;

        batch->stored_bytes = 0;
        batch->number = proving->next_batch++;
        for (batch->n_members = 0; batch->n_members < STORED_IMAGE_BATCH_BLOCKS; batch->n_members++) {
                size_t size;

                if (input->available < STORED_MEMBER_MAX_BYTES) {
                        r = stored_input_refill(input, fault);
                        if (r < 0)
                                return r;
                }
                size = next_member_bytes(input);
                if (size == 0 || size > input->available || size > STORED_MEMBER_MAX_BYTES)
                        break;
                memcpy(batch->stored + batch->stored_bytes, stored_input_next(input), size);
                stored_input_use_up(input, size);
                batch->member_bytes[batch->n_members] = size;
                batch->stored_bytes += size;
        }
        if (batch->n_members > 0)
                return 0;
        proving->ended = true;
        if (input->available == 0 && stored_input_used_bytes(input) > 0)
                return 0;
        r = stored_input_require_gzip(input, fault);
        return r < 0 ? r : stored_input_damaged(stored_input_used_bytes(input), fault);
}

static void digest_members(Batch *batch)
{
        const unsigned char *member = batch->stored;

        for (size_t i = 0; i < batch->n_members; i++) {
                (void) SHA256(member, batch->member_bytes[i], batch->digests + i * SHA256_DIGEST_LENGTH);
                member += batch->member_bytes[i];
        }
}

/* 1 to go on, 0 at the end. */
static int prove_batch(Proving *proving, Batch *batch, Fault *fault)
{
        int r = 0;

        (void) pthread_mutex_lock(&proving->input_mutex);
        batch->n_members = 0;
        if (!proving->ended)
                r = fetch(proving, batch, fault);
        (void) pthread_mutex_unlock(&proving->input_mutex);
        if (r < 0 || batch->n_members == 0)
                return r;

        digest_members(batch);
        if (!sequence_enter(&proving->sequence, batch->number))
                return 0;
        r = digest_update(proving->members_digest,
                        batch->digests,
                        batch->n_members * SHA256_DIGEST_LENGTH,
                        fault);
        if (r >= 0 && proving->stored_digest)
                r = digest_update(proving->stored_digest, batch->stored, batch->stored_bytes, fault);
        if (r < 0)
                return r;
        sequence_leave(&proving->sequence);
        return 1;
}

/* ParallelFunction */
static int prove_batches(void *userdata, unsigned index, Fault *fault)
{
        Proving *proving = userdata;
        _cleanup_free_ Batch *batch = malloc(sizeof *batch);
        int r = batch ? 1 : fault_set_errno(fault, ENOMEM, "Making room for blocks");

        while (r > 0)
                r = prove_batch(proving, batch, fault);
        if (r < 0)
                sequence_stop(&proving->sequence);
        return r;
}

static int prove_members(Proving *proving, unsigned threads, StoredImage *result, Fault *fault)
{
        int r = digest_new(&proving->members_digest, fault);

        /* In its turn, so that the lock of the input is held for reading alone. */
        if (!proving->input.reader)
                proving->stored_digest = TAKE_PTR(proving->input.digest);
        if (r >= 0)
                r = parallel_run(threads, prove_batches, proving, fault);
        if (proving->stored_digest)
                proving->input.digest = TAKE_PTR(proving->stored_digest);
        return r < 0 ? r : digest_finish(proving->members_digest, result->members_sha256, fault);
}

/* One member, so to say: the image, which is digested in blocks. */
static int prove_plain(StoredInput *input, StoredImage *result, Fault *fault)
{
        _cleanup_(block_digest_freep) BlockDigest *digest = NULL;
        int r = block_digest_new(&digest, fault);

        while (r >= 0 && !input->at_end) {
                r = stored_input_refill(input, fault);
                if (r >= 0)
                        r = block_digest_update(digest, stored_input_next(input), input->available, fault);
                stored_input_use_up(input, input->available);
        }
        return r < 0 ? r : block_digest_finish(digest, result->members_sha256, fault);
}

int stored_image_prove(int stored_fd,
                Compression compression,
                const AgeOpener *opener,
                Effort effort,
                Progress *progress,
                StoredImage *ret,
                Fault *fault)
{
        _cleanup_(proving_done) Proving proving = {0};
        StoredImage result = {0};
        int r;

        sequence_init(&proving.sequence);
        (void) pthread_mutex_init(&proving.input_mutex, NULL);
        r = stored_input_begin(&proving.input, stored_fd, opener, effort, progress, fault);
        if (r >= 0 && compression == COMPRESSION_NONE)
                r = prove_plain(&proving.input, &result, fault);
        else if (r >= 0)
                r = prove_members(&proving, effort.threads, &result, fault);
        if (r >= 0)
                r = stored_input_finish(&proving.input, result.stored_sha256, fault);
        if (r < 0)
                return r;
        result.stored_bytes = proving.input.stored_bytes;
        *ret = result;
        return 0;
}

int stored_image_digest(int stored_fd, Effort effort, Progress *progress, StoredImage *ret, Fault *fault)
{
        _cleanup_(stored_input_done) StoredInput input = {0};
        StoredImage result = {0};
        int r = stored_input_begin(&input, stored_fd, NULL, effort, progress, fault);

        while (r >= 0 && !input.at_end) {
                r = stored_input_refill(&input, fault);
                stored_input_use_up(&input, input.available);
        }
        if (r >= 0)
                r = stored_input_finish(&input, result.stored_sha256, fault);
        if (r < 0)
                return r;
        result.stored_bytes = input.stored_bytes;
        *ret = result;
        return 0;
}
