/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The digest of a database image: the SHA-256 of the SHA-256s of its blocks of BLOCK_DIGEST_BLOCK_BYTES, the
 * last of which may be shorter. So the blocks are digested on several threads, each of them once for all
 * purposes. The standard tools compute it as well:
 *
 *         zcat FILE | split -b 65536 --filter='openssl dgst -sha256 -binary' | sha256sum
 *
 * An object belongs to one thread at a time. */

#include "base/digest.h"

#define BLOCK_DIGEST_BLOCK_BYTES (64 * KIB)
#define BLOCK_DIGEST_BYTES 32

typedef struct BlockDigest BlockDigest;

int block_digest_new(BlockDigest **ret, Fault *fault);
BlockDigest *block_digest_free(BlockDigest *digest);
DEFINE_CLEANUP(BlockDigest *, block_digest_free);

/* Takes in the next `size` bytes of the image, wherever they are cut. */
int block_digest_update(BlockDigest *digest, const void *data, size_t size, Fault *fault);

/* Takes in the next whole block as its SHA-256. Only where a block begins. */
int block_digest_add(
                BlockDigest *digest, const unsigned char block_sha256[BLOCK_DIGEST_BYTES], Fault *fault);

/* Whether a block begins here. */
bool block_digest_at_block(const BlockDigest *digest);

/* Writes the hex form; the digest can't be used further. */
int block_digest_finish(BlockDigest *digest, char ret_hex[static DIGEST_HEX_MAX], Fault *fault);
