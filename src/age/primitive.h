/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The five algorithms that the age format is made of, from libcrypto, each in the one form that it is used
 * in. Any thread. All return 0 or a negative errno: -EBADMSG where an input is not authentic (or a point is
 * of low order), -ENOSYS where libcrypto does not do its part. Nothing is left in a buffer of theirs. */

#include "base/macro.h"

#define AGE_KEY_BYTES 32 /* every derived key, X25519 scalars and points, and the MAC */
#define AGE_TAG_BYTES 16 /* what sealing adds */
#define AGE_NONCE_BYTES 12

/* Random bytes that are fit to be a key. */
int age_random(void *ret, size_t size_bytes);

/* HKDF-SHA-256; an empty salt is allowed. */
int age_derive(const void *secret,
                size_t secret_bytes,
                const void *salt,
                size_t salt_bytes,
                const char *purpose,
                unsigned char ret[static AGE_KEY_BYTES]);

/* HMAC-SHA-256. */
int age_mac(const unsigned char key[static AGE_KEY_BYTES],
                const void *data,
                size_t size_bytes,
                unsigned char ret[static AGE_KEY_BYTES]);

/* X25519: the point of a scalar, and what a scalar and another one's point have in common. */
int age_point(const unsigned char scalar[static AGE_KEY_BYTES], unsigned char ret[static AGE_KEY_BYTES]);
int age_agree(const unsigned char scalar[static AGE_KEY_BYTES],
                const unsigned char point[static AGE_KEY_BYTES],
                unsigned char ret[static AGE_KEY_BYTES]);

/* ChaCha20-Poly1305 without associated data. `ret` of age_seal() has AGE_TAG_BYTES more than the input, that
 * of age_open() has AGE_TAG_BYTES less, and is all zero when the input is not authentic. */
int age_seal(const unsigned char key[static AGE_KEY_BYTES],
                const unsigned char nonce[static AGE_NONCE_BYTES],
                const void *plain,
                size_t size_bytes,
                unsigned char *ret);
int age_open(const unsigned char key[static AGE_KEY_BYTES],
                const unsigned char nonce[static AGE_NONCE_BYTES],
                const unsigned char *sealed,
                size_t size_bytes,
                unsigned char *ret);

/* scrypt with r = 8 and p = 1: takes 1 KiB << log_work of memory. */
int age_stretch(const char *passphrase,
                const void *salt,
                size_t salt_bytes,
                unsigned log_work,
                unsigned char ret[static AGE_KEY_BYTES]);
