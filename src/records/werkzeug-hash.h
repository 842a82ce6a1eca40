/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The forms in which the application has written passwords before this service did, through
 * werkzeug.security: `scrypt:N:r:p$salt$hex` and `pbkdf2:DIGEST:ITERATIONS$salt$hex`. They are read here and
 * never written. What a row asks for in memory and time is bounded, since anybody who can write a row could
 * ask for hours. Any thread. */

#include "base/macro.h"

#define WERKZEUG_DIGEST_MAX_BYTES 64

/* werkzeug's own values are 32768:8:1, and a million iterations at the most. */
#define WERKZEUG_SCRYPT_MEMORY_MAX_BYTES (64 * MIB)
#define WERKZEUG_SCRYPT_WORK_MAX (UINT64_C(1) << 20) /* N * r * p */
#define WERKZEUG_PBKDF2_ITERATIONS_MAX 2000000

typedef enum WerkzeugMethod {
        WERKZEUG_SCRYPT,
        WERKZEUG_PBKDF2_SHA1,
        WERKZEUG_PBKDF2_SHA256,
        WERKZEUG_PBKDF2_SHA512,
        _WERKZEUG_METHOD_MAX,
        _WERKZEUG_METHOD_INVALID = -EINVAL,
} WerkzeugMethod;

typedef struct WerkzeugHash {
        WerkzeugMethod method;
        uint64_t scrypt_n;
        uint64_t scrypt_r;
        uint64_t scrypt_p;
        uint64_t iterations;
        const char *salt; /* points into the text */
        size_t salt_bytes;
        unsigned char digest[WERKZEUG_DIGEST_MAX_BYTES];
        size_t digest_bytes;
} WerkzeugHash;

/* -EINVAL when the text is of another form, or asks for more than the bounds above. It must outlive *ret. */
int werkzeug_hash_parse(const char *text, WerkzeugHash *ret);

/* Whether it was made from this password; compared in constant time. -ENOSYS when libcrypto does not do its
 * part, for lack of memory mostly. */
int werkzeug_hash_verify(const WerkzeugHash *hash, const char *password, size_t password_bytes, bool *ret);
