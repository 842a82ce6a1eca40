/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records/werkzeug-hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

/* The digest has the size that hashlib gives it by default: nothing shorter was ever written, and a short
 * one would be met by many passwords. */
static const struct {
        const char *prefix;
        size_t digest_bytes;
} methods[_WERKZEUG_METHOD_MAX] = {
                [WERKZEUG_SCRYPT] = {"scrypt:", 64},
                [WERKZEUG_PBKDF2_SHA1] = {"pbkdf2:sha1:", 20},
                [WERKZEUG_PBKDF2_SHA256] = {"pbkdf2:sha256:", 32},
                [WERKZEUG_PBKDF2_SHA512] = {"pbkdf2:sha512:", 64},
};

/* A number from 1 to `highest` that `end` follows; *text moves behind both. */
static int read_number(const char **text, uint64_t highest, char end, uint64_t *ret)
{
        const char *digit = *text;
        uint64_t value = 0;

        for (; *digit >= '0' && *digit <= '9'; digit++) {
                value = value * 10 + (uint64_t) (*digit - '0');
                if (value > highest)
                        return -EINVAL;
        }
        if (value == 0 || *digit != end)
                return -EINVAL;
        *text = digit + 1;
        *ret = value;
        return 0;
}

static int read_parameters(const char **text, WerkzeugHash *hash)
{
        if (hash->method != WERKZEUG_SCRYPT)
                return read_number(text, WERKZEUG_PBKDF2_ITERATIONS_MAX, '$', &hash->iterations);
        /* No number above the work's bound can be part of it, which keeps the product from wrapping. */
        if (read_number(text, WERKZEUG_SCRYPT_WORK_MAX, ':', &hash->scrypt_n) < 0 ||
                        read_number(text, WERKZEUG_SCRYPT_WORK_MAX, ':', &hash->scrypt_r) < 0 ||
                        read_number(text, WERKZEUG_SCRYPT_WORK_MAX, '$', &hash->scrypt_p) < 0)
                return -EINVAL;
        /* RFC 7914, section 2: N is a power of two, larger than 1; memory is 128 * r * (N + p). */
        if (hash->scrypt_n < 2 || (hash->scrypt_n & (hash->scrypt_n - 1)) != 0 ||
                        hash->scrypt_n * hash->scrypt_r > WERKZEUG_SCRYPT_WORK_MAX / hash->scrypt_p ||
                        128 * hash->scrypt_r * (hash->scrypt_n + hash->scrypt_p) >
                                        WERKZEUG_SCRYPT_MEMORY_MAX_BYTES)
                return -EINVAL;
        return 0;
}

static int hex_value(char digit)
{
        if (digit >= '0' && digit <= '9')
                return digit - '0';
        return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -EINVAL;
}

static int read_digest(const char *text, WerkzeugHash *hash)
{
        hash->digest_bytes = methods[hash->method].digest_bytes;
        if (strlen(text) != 2 * hash->digest_bytes)
                return -EINVAL;
        for (size_t i = 0; i < hash->digest_bytes; i++) {
                int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);

                if (high < 0 || low < 0)
                        return -EINVAL;
                hash->digest[i] = (unsigned char) (high << 4 | low);
        }
        return 0;
}

int werkzeug_hash_parse(const char *text, WerkzeugHash *ret)
{
        WerkzeugHash hash = {.method = _WERKZEUG_METHOD_INVALID};
        const char *end;

        for (WerkzeugMethod method = 0; method < _WERKZEUG_METHOD_MAX; method++)
                if (strncmp(text, methods[method].prefix, strlen(methods[method].prefix)) == 0)
                        hash.method = method;
        if (hash.method < 0)
                return -EINVAL;
        text += strlen(methods[hash.method].prefix);
        if (read_parameters(&text, &hash) < 0)
                return -EINVAL;
        end = strchr(text, '$');
        if (!end || end == text || read_digest(end + 1, &hash) < 0)
                return -EINVAL;
        hash.salt = text;
        hash.salt_bytes = (size_t) (end - text);
        *ret = hash;
        return 0;
}

static int derive(const WerkzeugHash *hash, const char *password, size_t password_bytes, unsigned char *ret)
{
        const unsigned char *salt = (const unsigned char *) hash->salt;

        if (hash->method == WERKZEUG_SCRYPT)
                return EVP_PBE_scrypt(password,
                                password_bytes,
                                salt,
                                hash->salt_bytes,
                                hash->scrypt_n,
                                hash->scrypt_r,
                                hash->scrypt_p,
                                WERKZEUG_SCRYPT_MEMORY_MAX_BYTES + MIB,
                                ret,
                                hash->digest_bytes);
        return PKCS5_PBKDF2_HMAC(password,
                        (int) password_bytes,
                        salt,
                        (int) hash->salt_bytes,
                        (int) hash->iterations,
                        hash->method == WERKZEUG_PBKDF2_SHA1     ? EVP_sha1()
                        : hash->method == WERKZEUG_PBKDF2_SHA256 ? EVP_sha256()
                                                                 : EVP_sha512(),
                        (int) hash->digest_bytes,
                        ret);
}

int werkzeug_hash_verify(const WerkzeugHash *hash, const char *password, size_t password_bytes, bool *ret)
{
        unsigned char digest[WERKZEUG_DIGEST_MAX_BYTES];
        int done = derive(hash, password, password_bytes, digest);

        if (done == 1)
                *ret = CRYPTO_memcmp(digest, hash->digest, hash->digest_bytes) == 0;
        explicit_bzero(digest, sizeof digest);
        return done == 1 ? 0 : -ENOSYS;
}
