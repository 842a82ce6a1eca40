/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "age/key.h"

#include <openssl/crypto.h>
#include <string.h>

#include "age/bech32.h"

#define RECIPIENT_PREFIX "age"
#define IDENTITY_PREFIX "AGE-SECRET-KEY-"

static int crypto_failed(Fault *fault)
{
        return fault_set(fault, FAULT_FAILED, "libcrypto refuses to do X25519");
}

bool age_recipients_any(const AgeRecipients *recipients)
{
        return recipients && (recipients->n_items > 0 || recipients->passphrase);
}

/* Whether somebody can agree on a key with that point: not when it is of low order. */
static int try_point(const AgeRecipient *recipient)
{
        unsigned char scalar[AGE_KEY_BYTES] = {0}, shared[AGE_KEY_BYTES];
        int r = age_agree(scalar, recipient->point, shared);

        OPENSSL_cleanse(shared, sizeof shared);
        return r;
}

int age_recipient_parse(const char *text, size_t length, AgeRecipient *ret, Fault *fault)
{
        AgeRecipient recipient;
        int r = age_bech32_decode(text, length, RECIPIENT_PREFIX, recipient.point, sizeof recipient.point);

        if (r >= 0)
                r = try_point(&recipient);
        if (r == -ENOSYS)
                return crypto_failed(fault);
        if (r < 0)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "\"%.*s\" is no age recipient; copy the whole line `age1…` that "
                                "`oracxpredctl key show` or age-keygen prints",
                                (int) MIN_OF(length, (size_t) AGE_RECIPIENT_TEXT_MAX),
                                text);
        *ret = recipient;
        return 0;
}

void age_recipient_format(const AgeRecipient *recipient, char ret[static AGE_RECIPIENT_TEXT_MAX])
{
        age_bech32_encode(RECIPIENT_PREFIX, recipient->point, sizeof recipient->point, ret);
}

int age_recipients_add(AgeRecipients *recipients, const AgeRecipient *recipient, Fault *fault)
{
        for (size_t i = 0; i < recipients->n_items; i++)
                if (memcmp(recipients->items + i, recipient, sizeof *recipient) == 0)
                        return 0;
        if (recipients->n_items >= AGE_RECIPIENTS_MAX)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "There are more than %d recipients",
                                AGE_RECIPIENTS_MAX);
        recipients->items[recipients->n_items++] = *recipient;
        return 0;
}

char *age_recipients_format(const AgeRecipients *recipients)
{
        char *text, *end;

        if (recipients->passphrase)
                return strdup(AGE_PASSPHRASE_WORD);
        text = end = calloc(recipients->n_items + 1, AGE_RECIPIENT_TEXT_MAX);
        for (size_t i = 0; text && i < recipients->n_items; i++) {
                if (i > 0)
                        *end++ = ' ';
                age_recipient_format(recipients->items + i, end);
                end += strlen(end);
        }
        return text;
}

static void wipe_text(char *text)
{
        if (text)
                OPENSSL_cleanse(text, strlen(text));
        free(text);
}

AgeIdentities *age_identities_free(AgeIdentities *identities)
{
        if (!identities)
                return NULL;
        wipe_text(identities->passphrase);
        OPENSSL_cleanse(identities, sizeof *identities);
        free(identities);
        return NULL;
}

int age_identities_new(AgeIdentities **ret, Fault *fault)
{
        AgeIdentities *identities = calloc(1, sizeof *identities);

        if (!identities)
                return fault_set_errno(fault, ENOMEM, "Reading a key");
        *ret = identities;
        return 0;
}

int age_identity_generate(AgeIdentity *ret, Fault *fault)
{
        if (age_random(ret->secret, sizeof ret->secret) < 0 ||
                        age_point(ret->secret, ret->recipient.point) < 0)
                return crypto_failed(fault);
        return 0;
}

void age_identity_format(const AgeIdentity *identity, char ret[static AGE_IDENTITY_TEXT_MAX])
{
        age_bech32_encode(IDENTITY_PREFIX, identity->secret, sizeof identity->secret, ret);
}

static int add_line(AgeIdentities *identities, const char *line, size_t length, size_t number, Fault *fault)
{
        AgeIdentity *identity = identities->items + identities->n_items;

        while (length > 0 && strchr(" \t\r", line[length - 1]) && line[length - 1])
                length--;
        if (length == 0 || line[0] == '#')
                return 0;
        if (identities->n_items >= AGE_IDENTITIES_MAX)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "The key file holds more than %d identities",
                                AGE_IDENTITIES_MAX);
        if (age_bech32_decode(line, length, IDENTITY_PREFIX, identity->secret, sizeof identity->secret) < 0)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "Line %zu of the key file is no identity (" IDENTITY_PREFIX
                                "1…); give the file that `oracxpredctl key generate` or age-keygen wrote",
                                number);
        if (age_point(identity->secret, identity->recipient.point) < 0)
                return crypto_failed(fault);
        identities->n_items++;
        return 0;
}

int age_identities_parse(AgeIdentities *identities, const char *text, size_t size, Fault *fault)
{
        size_t before = identities->n_items, number = 0;

        while (size > 0) {
                const char *end = memchr(text, '\n', size);
                size_t length = end ? (size_t) (end - text) : size;
                int r = add_line(identities, text, length, ++number, fault);

                if (r < 0)
                        return r;
                length += end ? 1 : 0;
                text += length;
                size -= length;
        }
        if (identities->n_items == before)
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "The key file holds no identity");
        return 0;
}

int age_identities_set_passphrase(AgeIdentities *identities, const char *text, size_t size, Fault *fault)
{
        char *passphrase;

        if (size > 0 && text[size - 1] == '\n')
                size--;
        if (size > 0 && text[size - 1] == '\r')
                size--;
        if (size == 0)
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "The passphrase is empty");
        if (size > AGE_PASSPHRASE_MAX_BYTES || memchr(text, '\n', size) || memchr(text, '\0', size))
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "A passphrase is one line of at most %d bytes",
                                AGE_PASSPHRASE_MAX_BYTES);
        passphrase = calloc(1, size + 1);
        if (!passphrase)
                return fault_set_errno(fault, ENOMEM, "Reading a passphrase");
        memcpy(passphrase, text, size);
        wipe_text(identities->passphrase);
        identities->passphrase = passphrase;
        return 0;
}
