/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "age/primitive.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>

static inline void kdf_freep(EVP_KDF **kdf)
{
        EVP_KDF_free(*kdf);
}

static inline void kdf_context_freep(EVP_KDF_CTX **context)
{
        EVP_KDF_CTX_free(*context);
}

static inline void pkey_freep(EVP_PKEY **key)
{
        EVP_PKEY_free(*key);
}

static inline void pkey_context_freep(EVP_PKEY_CTX **context)
{
        EVP_PKEY_CTX_free(*context);
}

static inline void cipher_context_freep(EVP_CIPHER_CTX **context)
{
        EVP_CIPHER_CTX_free(*context);
}

int age_random(void *ret, size_t size_bytes)
{
        return RAND_bytes(ret, (int) size_bytes) == 1 ? 0 : -ENOSYS;
}

int age_derive(const void *secret,
                size_t secret_bytes,
                const void *salt,
                size_t salt_bytes,
                const char *purpose,
                unsigned char ret[static AGE_KEY_BYTES])
{
        _cleanup_(kdf_freep) EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
        _cleanup_(kdf_context_freep) EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
        OSSL_PARAM parameters[5], *parameter = parameters;
        char digest[] = "SHA256";

        if (!context)
                return -ENOSYS;
        *parameter++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
        *parameter++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *) secret, secret_bytes);
        *parameter++ = OSSL_PARAM_construct_octet_string(
                        OSSL_KDF_PARAM_INFO, (void *) purpose, strlen(purpose));
        /* None is the same as an empty one, which not every version of libcrypto takes. */
        if (salt_bytes > 0)
                *parameter++ = OSSL_PARAM_construct_octet_string(
                                OSSL_KDF_PARAM_SALT, (void *) salt, salt_bytes);
        *parameter = OSSL_PARAM_construct_end();
        return EVP_KDF_derive(context, ret, AGE_KEY_BYTES, parameters) == 1 ? 0 : -ENOSYS;
}

int age_mac(const unsigned char key[static AGE_KEY_BYTES],
                const void *data,
                size_t size_bytes,
                unsigned char ret[static AGE_KEY_BYTES])
{
        unsigned size = 0;

        if (!HMAC(EVP_sha256(), key, AGE_KEY_BYTES, data, size_bytes, ret, &size))
                return -ENOSYS;
        return size == AGE_KEY_BYTES ? 0 : -ENOSYS;
}

int age_point(const unsigned char scalar[static AGE_KEY_BYTES], unsigned char ret[static AGE_KEY_BYTES])
{
        _cleanup_(pkey_freep) EVP_PKEY *key =
                        EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, scalar, AGE_KEY_BYTES);
        size_t size = AGE_KEY_BYTES;

        if (!key || EVP_PKEY_get_raw_public_key(key, ret, &size) != 1)
                return -ENOSYS;
        return size == AGE_KEY_BYTES ? 0 : -ENOSYS;
}

int age_agree(const unsigned char scalar[static AGE_KEY_BYTES],
                const unsigned char point[static AGE_KEY_BYTES],
                unsigned char ret[static AGE_KEY_BYTES])
{
        static const unsigned char zero[AGE_KEY_BYTES];
        _cleanup_(pkey_freep) EVP_PKEY *own =
                        EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, scalar, AGE_KEY_BYTES);
        _cleanup_(pkey_freep) EVP_PKEY *other =
                        EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, point, AGE_KEY_BYTES);
        _cleanup_(pkey_context_freep) EVP_PKEY_CTX *context = own ? EVP_PKEY_CTX_new(own, NULL) : NULL;
        size_t size = AGE_KEY_BYTES;

        if (!other || !context || EVP_PKEY_derive_init(context) != 1 ||
                        EVP_PKEY_derive_set_peer(context, other) != 1)
                return -ENOSYS;
        /* With these inputs nothing else makes it fail than a result of zero, from a point of low order. */
        if (EVP_PKEY_derive(context, ret, &size) != 1)
                return -EBADMSG;
        return size == AGE_KEY_BYTES && CRYPTO_memcmp(ret, zero, sizeof zero) != 0 ? 0 : -EBADMSG;
}

int age_seal(const unsigned char key[static AGE_KEY_BYTES],
                const unsigned char nonce[static AGE_NONCE_BYTES],
                const void *plain,
                size_t size_bytes,
                unsigned char *ret)
{
        _cleanup_(cipher_context_freep) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
        int size = 0, rest = 0;

        if (!context || EVP_EncryptInit_ex(context, EVP_chacha20_poly1305(), NULL, key, nonce) != 1)
                return -ENOSYS;
        if (size_bytes > 0 && EVP_EncryptUpdate(context, ret, &size, plain, (int) size_bytes) != 1)
                return -ENOSYS;
        if (EVP_EncryptFinal_ex(context, ret + size, &rest) != 1 || (size_t) (size + rest) != size_bytes ||
                        EVP_CIPHER_CTX_ctrl(
                                        context, EVP_CTRL_AEAD_GET_TAG, AGE_TAG_BYTES, ret + size_bytes) !=
                                        1)
                return -ENOSYS;
        return 0;
}

int age_open(const unsigned char key[static AGE_KEY_BYTES],
                const unsigned char nonce[static AGE_NONCE_BYTES],
                const unsigned char *sealed,
                size_t size_bytes,
                unsigned char *ret)
{
        _cleanup_(cipher_context_freep) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
        unsigned char tag[AGE_TAG_BYTES];
        size_t plain_bytes;
        int size = 0, rest = 0;

        if (size_bytes < AGE_TAG_BYTES)
                return -EBADMSG;
        plain_bytes = size_bytes - AGE_TAG_BYTES;
        memcpy(tag, sealed + plain_bytes, sizeof tag);
        if (!context || EVP_DecryptInit_ex(context, EVP_chacha20_poly1305(), NULL, key, nonce) != 1 ||
                        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, AGE_TAG_BYTES, tag) != 1)
                return -ENOSYS;
        if (plain_bytes > 0 && EVP_DecryptUpdate(context, ret, &size, sealed, (int) plain_bytes) != 1)
                return -ENOSYS;
        if (EVP_DecryptFinal_ex(context, ret + size, &rest) != 1) {
                OPENSSL_cleanse(ret, plain_bytes);
                return -EBADMSG;
        }
        return (size_t) (size + rest) == plain_bytes ? 0 : -ENOSYS;
}

int age_stretch(const char *passphrase,
                const void *salt,
                size_t salt_bytes,
                unsigned log_work,
                unsigned char ret[static AGE_KEY_BYTES])
{
        uint64_t work = UINT64_C(1) << log_work;

        /* libcrypto's own bound is 32 MiB; the caller has bounded the work. */
        return EVP_PBE_scrypt(passphrase,
                               strlen(passphrase),
                               salt,
                               salt_bytes,
                               work,
                               8,
                               1,
                               KIB * work + MIB,
                               ret,
                               AGE_KEY_BYTES) == 1
                               ? 0
                               : -ENOSYS;
}
