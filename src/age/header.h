/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The text at the start of an age file (https://age-encryption.org/v1): the file's key, wrapped once for
 * every recipient, under a MAC. Pure functions on a buffer. Reading is strict: what the specification calls
 * an error is one, since the header comes from whoever gave us the file. Passwords are stretched with a work
 * factor that the file names; above AGE_WORK_MAX it is refused, which bounds memory and time. */

#include "age/key.h"

#define AGE_FILE_KEY_BYTES 16
#define AGE_VERSION_LINE "age-encryption.org/v1\n"
#define AGE_HEADER_OWN_MAX_BYTES (2 * KIB) /* of one that we write */
#define AGE_HEADER_MAX_BYTES (32 * KIB)    /* of one that we read: hundreds of recipients */
#define AGE_WORK_OWN 18 /* log2, as the `age` program writes it: 256 MiB, about a second */
#define AGE_WORK_MAX 20

/* Of one file. Wiped by its owner. */
typedef struct AgeFileKey {
        unsigned char bytes[AGE_FILE_KEY_BYTES];
} AgeFileKey;

/* What a file is to be opened with: its key, when we have just written it, else identities. */
typedef struct AgeOpener {
        const AgeFileKey *file_key;
        const AgeIdentities *identities;
} AgeOpener;

/* Writes the header of a file with that key. `ret` is not terminated. INVALID_ARGUMENT without recipients,
 * or with a passphrase beside others. */
int age_header_write(const AgeRecipients *recipients,
                const AgeFileKey *file_key,
                char ret[static AGE_HEADER_OWN_MAX_BYTES],
                size_t *ret_bytes,
                Fault *fault);

/* Reads a header from the start of `data`, opens it and proves its MAC. *ret_bytes is where the payload
 * begins. CORRUPT when it is none, is damaged or not as the specification wants it; NOT_SUPPORTED for
 * another version or more work than AGE_WORK_MAX; KEY_UNAVAILABLE when nothing of `opener`
 * fits. Messages name no file. */
int age_header_open(const char *data,
                size_t size,
                const AgeOpener *opener,
                AgeFileKey *ret,
                size_t *ret_bytes,
                Fault *fault);

/* Whether any of `identities` opens what is encrypted to `recipients`: 0, KEY_UNAVAILABLE, or FAILED. */
int age_header_test(const AgeRecipients *recipients, const AgeIdentities *identities, Fault *fault);
