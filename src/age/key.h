/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who can read an encrypted backup: recipients (`age1…`, public) that it is encrypted to, identities
 * (`AGE-SECRET-KEY-1…`) that open it, or a passphrase that does both. Identities and passphrases come from
 * credentials or passed descriptors, never from the configuration, and are wiped when they are freed. */

#include "age/primitive.h"
#include "base/fault.h"

#define AGE_RECIPIENTS_MAX 16
#define AGE_IDENTITIES_MAX 16
#define AGE_PASSPHRASE_MAX_BYTES 1024
#define AGE_KEY_FILE_MAX_BYTES (64 * KIB)
#define AGE_RECIPIENT_TEXT_MAX 64 /* "age1" and 58 characters */
#define AGE_IDENTITY_TEXT_MAX 76  /* "AGE-SECRET-KEY-1" and 58 characters */

typedef struct AgeRecipient {
        unsigned char point[AGE_KEY_BYTES];
} AgeRecipient;

/* A value without anything owned: what is made from it lives on when the configuration changes. */
typedef struct AgeRecipients {
        AgeRecipient items[AGE_RECIPIENTS_MAX];
        size_t n_items;
        const char *passphrase; /* borrowed; instead of items, as the format wants it alone; NULL for none */
} AgeRecipients;

/* True when there is anybody to encrypt to. NULL counts as nobody. */
bool age_recipients_any(const AgeRecipients *recipients);

/* INVALID_ARGUMENT for anything but an X25519 recipient in age's spelling that something can be encrypted
 * to. The message quotes no more of the text than shows where it is. */
int age_recipient_parse(const char *text, size_t length, AgeRecipient *ret, Fault *fault);
void age_recipient_format(const AgeRecipient *recipient, char ret[static AGE_RECIPIENT_TEXT_MAX]);

/* Adds one, once. INVALID_ARGUMENT when there is no room. */
int age_recipients_add(AgeRecipients *recipients, const AgeRecipient *recipient, Fault *fault);

/* All of them as the configuration names them, with spaces between; AGE_PASSPHRASE_WORD for a passphrase.
 * Owned by the caller; NULL when out of memory. */
#define AGE_PASSPHRASE_WORD "passphrase"
char *age_recipients_format(const AgeRecipients *recipients);

typedef struct AgeIdentity {
        unsigned char secret[AGE_KEY_BYTES];
        AgeRecipient recipient;
} AgeIdentity;

typedef struct AgeIdentities {
        AgeIdentity items[AGE_IDENTITIES_MAX];
        size_t n_items;
        char *passphrase; /* owned; NULL for none */
} AgeIdentities;

/* Wipes, and frees. */
AgeIdentities *age_identities_free(AgeIdentities *identities);
DEFINE_CLEANUP(AgeIdentities *, age_identities_free);

int age_identities_new(AgeIdentities **ret, Fault *fault);

/* A new identity, from libcrypto's random numbers. */
int age_identity_generate(AgeIdentity *ret, Fault *fault);
void age_identity_format(const AgeIdentity *identity, char ret[static AGE_IDENTITY_TEXT_MAX]);

/* Adds the identities of a file as `age-keygen` writes it: one a line, blank lines and `#` comments allowed.
 * INVALID_ARGUMENT with the line's number, and without a word of its content, when a line is anything else,
 * or when there is none or more than AGE_IDENTITIES_MAX. */
int age_identities_parse(AgeIdentities *identities, const char *text, size_t size, Fault *fault);

/* Takes a passphrase: one line, without its end. INVALID_ARGUMENT when it is empty, longer than
 * AGE_PASSPHRASE_MAX_BYTES, more than a line, or holds a NUL byte. */
int age_identities_set_passphrase(AgeIdentities *identities, const char *text, size_t size, Fault *fault);
