/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One recipient's part of an age header: the file's key, wrapped for an X25519 recipient or under a
 * passphrase. Only age-header.c includes this. */

#include "age/header.h"

#define AGE_STANZA_ARGUMENTS_MAX 4 /* more are read over; no stanza of ours has as many */
#define AGE_STANZA_BODY_BYTES (AGE_FILE_KEY_BYTES + AGE_TAG_BYTES)
#define AGE_STANZA_TEXT_MAX 128

/* Points into the header. */
typedef struct AgeSpan {
        const char *start;
        size_t length;
} AgeSpan;

typedef struct AgeStanza {
        AgeSpan arguments[AGE_STANZA_ARGUMENTS_MAX];
        size_t n_arguments;                        /* also those that are read over */
        unsigned char body[AGE_STANZA_BODY_BYTES]; /* only when it has exactly that size */
        size_t body_bytes;
} AgeStanza;

/* Unpadded base64 of one spelling only. Decoding writes at most `capacity` bytes; -EINVAL for anything else.
 */
void age_base64_encode(const void *data, size_t size_bytes, char *ret, size_t *ret_length);
int age_base64_decode(const char *text, size_t length, void *ret, size_t capacity, size_t *ret_bytes);

/* The text of a stanza, with its line ends but no final zero. -EBADMSG, -ENOSYS. */
int age_stanza_wrap(const AgeRecipient *recipient,
                const AgeFileKey *file_key,
                char ret[static AGE_STANZA_TEXT_MAX],
                size_t *ret_length);
int age_stanza_wrap_passphrase(const char *passphrase,
                unsigned log_work,
                const AgeFileKey *file_key,
                char ret[static AGE_STANZA_TEXT_MAX],
                size_t *ret_length);

/* Whether its first argument is that type. */
bool age_stanza_is(const AgeStanza *stanza, const char *type);

/* 1 with *ret when an identity opens it, 0 when none does. CORRUPT when it is not as the specification wants
 * a stanza of its type. */
int age_stanza_unwrap(
                const AgeStanza *stanza, const AgeIdentities *identities, AgeFileKey *ret, Fault *fault);
int age_stanza_unwrap_passphrase(
                const AgeStanza *stanza, const char *passphrase, AgeFileKey *ret, Fault *fault);
