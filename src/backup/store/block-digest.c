/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/store/block-digest.h"

#include <openssl/sha.h>
#include <string.h>

struct BlockDigest {
        Digest *blocks;
        size_t begun_bytes; /* of the block in `block` */
        unsigned char block[BLOCK_DIGEST_BLOCK_BYTES];
};

BlockDigest *block_digest_free(BlockDigest *digest)
{
        if (digest)
                digest->blocks = digest_free(digest->blocks);
        free(digest);
        return NULL;
}

int block_digest_new(BlockDigest **ret, Fault *fault)
{
        _cleanup_(block_digest_freep) BlockDigest *digest = calloc(1, sizeof *digest);
        int r;

        if (!digest)
                return fault_set_errno(fault, ENOMEM, "Computing a digest");
        r = digest_new(&digest->blocks, fault);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(digest);
        return 0;
}

bool block_digest_at_block(const BlockDigest *digest)
{
        return digest->begun_bytes == 0;
}

int block_digest_add(BlockDigest *digest, const unsigned char block_sha256[BLOCK_DIGEST_BYTES], Fault *fault)
{
        return digest_update(digest->blocks, block_sha256, BLOCK_DIGEST_BYTES, fault);
}

static int end_block(BlockDigest *digest, Fault *fault)
{
        unsigned char sha256[BLOCK_DIGEST_BYTES];

        (void) SHA256(digest->block, digest->begun_bytes, sha256);
        digest->begun_bytes = 0;
        return block_digest_add(digest, sha256, fault);
}

int block_digest_update(BlockDigest *digest, const void *data, size_t size, Fault *fault)
{
        const unsigned char *next = data;

        while (size > 0) {
                size_t n = MIN_OF(size, sizeof digest->block - digest->begun_bytes);
                int r = 0;

                memcpy(digest->block + digest->begun_bytes, next, n);
                digest->begun_bytes += n;
                next += n;
                size -= n;
                if (digest->begun_bytes == sizeof digest->block)
                        r = end_block(digest, fault);
                if (r < 0)
                        return r;
        }
        return 0;
}

int block_digest_finish(BlockDigest *digest, char ret_hex[static DIGEST_HEX_MAX], Fault *fault)
{
        int r = digest->begun_bytes > 0 ? end_block(digest, fault) : 0;

        return r < 0 ? r : digest_finish(digest->blocks, ret_hex, fault);
}
