/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* SHA-256 (FIPS 180-4) through libcrypto, as lower-case hex: what the manifests carry. */

#include "base/fault.h"

#define DIGEST_HEX_MAX 65 /* 64 digits and the final zero */

typedef struct Digest Digest;

int digest_new(Digest **ret, Fault *fault);
Digest *digest_free(Digest *digest);
DEFINE_CLEANUP(Digest *, digest_free);

/* Takes in the next `size` bytes. */
int digest_update(Digest *digest, const void *data, size_t size, Fault *fault);

/* Writes the hex form; the digest can't be used further. */
int digest_finish(Digest *digest, char ret_hex[static DIGEST_HEX_MAX], Fault *fault);
