/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "age/stanza.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/base64.h"

#define X25519_PURPOSE "age-encryption.org/v1/X25519"
#define SCRYPT_PURPOSE "age-encryption.org/v1/scrypt"
#define SALT_BYTES 16
#define LINE_COLUMNS 64
#define BASE64_MAX (2 * LINE_COLUMNS)

/* Each key seals one thing only. */
static const unsigned char zero_nonce[AGE_NONCE_BYTES];

void age_base64_encode(const void *data, size_t size_bytes, char *ret, size_t *ret_length)
{
        char text[BASE64_MAX];
        size_t length = BASE64_LENGTH(size_bytes);

        base64_encode(data, size_bytes, text);
        while (length > 0 && text[length - 1] == '=')
                length--;
        memcpy(ret, text, length);
        *ret_length = length;
}

int age_base64_decode(const char *text, size_t length, void *ret, size_t capacity, size_t *ret_bytes)
{
        char padded[BASE64_MAX];
        size_t bytes;
        int r;

        if (length > BASE64_MAX - 4 || length % 4 == 1 || memchr(text, '=', length))
                return -EINVAL;
        memcpy(padded, text, length);
        while (length % 4 != 0)
                padded[length++] = '=';
        r = base64_decode(padded, length, &bytes);
        if (r < 0)
                return r;
        if (bytes > capacity)
                return -EINVAL;
        memcpy(ret, padded, bytes);
        *ret_bytes = bytes;
        return 0;
}

static void append_text(char **end, const char *text)
{
        *end = stpcpy(*end, text);
}

static void append_base64(char **end, const void *data, size_t size_bytes)
{
        size_t length;

        age_base64_encode(data, size_bytes, *end, &length);
        *end += length;
}

/* The salt is both points; so a wrapped key is good for this recipient and this share only. */
static int derive_wrap_key(const unsigned char *shared,
                const unsigned char *share,
                const AgeRecipient *recipient,
                unsigned char ret[static AGE_KEY_BYTES])
{
        unsigned char salt[2 * AGE_KEY_BYTES];

        memcpy(salt, share, AGE_KEY_BYTES);
        memcpy(salt + AGE_KEY_BYTES, recipient->point, AGE_KEY_BYTES);
        return age_derive(shared, AGE_KEY_BYTES, salt, sizeof salt, X25519_PURPOSE, ret);
}

int age_stanza_wrap(const AgeRecipient *recipient,
                const AgeFileKey *file_key,
                char ret[static AGE_STANZA_TEXT_MAX],
                size_t *ret_length)
{
        unsigned char scalar[AGE_KEY_BYTES], share[AGE_KEY_BYTES], shared[AGE_KEY_BYTES],
                        wrap_key[AGE_KEY_BYTES], body[AGE_STANZA_BODY_BYTES];
        char *end = ret;
        int r;

        r = age_random(scalar, sizeof scalar);
        if (r >= 0)
                r = age_point(scalar, share);
        if (r >= 0)
                r = age_agree(scalar, recipient->point, shared);
        if (r >= 0)
                r = derive_wrap_key(shared, share, recipient, wrap_key);
        if (r >= 0)
                r = age_seal(wrap_key, zero_nonce, file_key->bytes, sizeof file_key->bytes, body);
        OPENSSL_cleanse(scalar, sizeof scalar);
        OPENSSL_cleanse(shared, sizeof shared);
        OPENSSL_cleanse(wrap_key, sizeof wrap_key);
        if (r < 0)
                return r;
        append_text(&end, "-> X25519 ");
        append_base64(&end, share, sizeof share);
        append_text(&end, "\n");
        append_base64(&end, body, sizeof body);
        append_text(&end, "\n");
        *ret_length = (size_t) (end - ret);
        return 0;
}

static int stretch(const char *passphrase,
                const unsigned char salt[static SALT_BYTES],
                unsigned log_work,
                unsigned char ret[static AGE_KEY_BYTES])
{
        unsigned char labelled[sizeof SCRYPT_PURPOSE - 1 + SALT_BYTES];

        memcpy(labelled, SCRYPT_PURPOSE, sizeof SCRYPT_PURPOSE - 1);
        memcpy(labelled + sizeof SCRYPT_PURPOSE - 1, salt, SALT_BYTES);
        return age_stretch(passphrase, labelled, sizeof labelled, log_work, ret);
}

int age_stanza_wrap_passphrase(const char *passphrase,
                unsigned log_work,
                const AgeFileKey *file_key,
                char ret[static AGE_STANZA_TEXT_MAX],
                size_t *ret_length)
{
        unsigned char salt[SALT_BYTES], wrap_key[AGE_KEY_BYTES], body[AGE_STANZA_BODY_BYTES];
        char *end = ret, work[16];
        int r;

        r = age_random(salt, sizeof salt);
        if (r >= 0)
                r = stretch(passphrase, salt, log_work, wrap_key);
        if (r >= 0)
                r = age_seal(wrap_key, zero_nonce, file_key->bytes, sizeof file_key->bytes, body);
        OPENSSL_cleanse(wrap_key, sizeof wrap_key);
        if (r < 0)
                return r;
        (void) snprintf(work, sizeof work, " %u\n", log_work);
        append_text(&end, "-> scrypt ");
        append_base64(&end, salt, sizeof salt);
        append_text(&end, work);
        append_base64(&end, body, sizeof body);
        append_text(&end, "\n");
        *ret_length = (size_t) (end - ret);
        return 0;
}

bool age_stanza_is(const AgeStanza *stanza, const char *type)
{
        return stanza->arguments[0].length == strlen(type) &&
               memcmp(stanza->arguments[0].start, type, strlen(type)) == 0;
}

static int not_as_specified(const char *type, Fault *fault)
{
        return fault_set(fault, FAULT_CORRUPT, "The age header has a wrong stanza of type %s", type);
}

static int libcrypto_failed(Fault *fault)
{
        return fault_set(fault, FAULT_FAILED, "libcrypto failed to unwrap the file's key");
}

static int decode_argument(const AgeSpan *argument, unsigned char *ret, size_t size_bytes)
{
        size_t bytes = 0;
        int r = age_base64_decode(argument->start, argument->length, ret, size_bytes, &bytes);

        return r >= 0 && bytes == size_bytes ? 0 : -EINVAL;
}

static int unwrap_one(const AgeStanza *stanza,
                const unsigned char *share,
                const AgeIdentity *identity,
                AgeFileKey *ret)
{
        unsigned char shared[AGE_KEY_BYTES], wrap_key[AGE_KEY_BYTES];
        int r = age_agree(identity->secret, share, shared);

        if (r == -EBADMSG)
                r = -EINVAL;
        if (r >= 0)
                r = derive_wrap_key(shared, share, &identity->recipient, wrap_key);
        if (r >= 0)
                r = age_open(wrap_key, zero_nonce, stanza->body, sizeof stanza->body, ret->bytes);
        OPENSSL_cleanse(shared, sizeof shared);
        OPENSSL_cleanse(wrap_key, sizeof wrap_key);
        return r;
}

int age_stanza_unwrap(
                const AgeStanza *stanza, const AgeIdentities *identities, AgeFileKey *ret, Fault *fault)
{
        unsigned char share[AGE_KEY_BYTES];

        /* The size of the body before anything is decrypted: a longer one could be made for many keys. */
        if (stanza->n_arguments != 2 || stanza->body_bytes != AGE_STANZA_BODY_BYTES ||
                        decode_argument(stanza->arguments + 1, share, sizeof share) < 0)
                return not_as_specified("X25519", fault);
        for (size_t i = 0; identities && i < identities->n_items; i++) {
                int r = unwrap_one(stanza, share, identities->items + i, ret);

                if (r >= 0)
                        return 1;
                if (r == -EINVAL) /* a share of low order: the same key for everybody */
                        return not_as_specified("X25519", fault);
                if (r != -EBADMSG)
                        return libcrypto_failed(fault);
        }
        return 0;
}

/* Decimal without leading zeroes. */
static int parse_work(const AgeSpan *text, unsigned *ret)
{
        unsigned work = 0;

        if (text->length == 0 || text->start[0] == '0')
                return -EINVAL;
        for (size_t i = 0; i < text->length; i++) {
                if (text->start[i] < '0' || text->start[i] > '9')
                        return -EINVAL;
                /* Enough to tell that it is too much. */
                if (work < 1000)
                        work = 10 * work + (unsigned) (text->start[i] - '0');
        }
        *ret = work;
        return 0;
}

int age_stanza_unwrap_passphrase(
                const AgeStanza *stanza, const char *passphrase, AgeFileKey *ret, Fault *fault)
{
        unsigned char salt[SALT_BYTES], wrap_key[AGE_KEY_BYTES];
        unsigned log_work;
        int r;

        if (stanza->n_arguments != 3 || stanza->body_bytes != AGE_STANZA_BODY_BYTES ||
                        decode_argument(stanza->arguments + 1, salt, sizeof salt) < 0 ||
                        parse_work(stanza->arguments + 2, &log_work) < 0)
                return not_as_specified("scrypt", fault);
        if (log_work > AGE_WORK_MAX)
                return fault_set(fault,
                                FAULT_NOT_SUPPORTED,
                                "Its passphrase wants a work factor above 2^%d, which this service does not "
                                "do for anybody; decrypt it with `age -d`",
                                AGE_WORK_MAX);
        if (!passphrase)
                return 0;
        r = stretch(passphrase, salt, log_work, wrap_key);
        if (r >= 0)
                r = age_open(wrap_key, zero_nonce, stanza->body, sizeof stanza->body, ret->bytes);
        OPENSSL_cleanse(wrap_key, sizeof wrap_key);
        if (r == -EBADMSG)
                return 0;
        return r < 0 ? libcrypto_failed(fault) : 1;
}
