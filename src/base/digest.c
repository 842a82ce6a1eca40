/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/digest.h"

#include <openssl/evp.h>

struct Digest {
        EVP_MD_CTX *context;
};

Digest *digest_free(Digest *digest)
{
        if (digest)
                EVP_MD_CTX_free(digest->context);
        free(digest);
        return NULL;
}

int digest_new(Digest **ret, Fault *fault)
{
        _cleanup_(digest_freep) Digest *digest = calloc(1, sizeof *digest);

        if (!digest)
                return fault_set_errno(fault, ENOMEM, "Computing a digest");
        digest->context = EVP_MD_CTX_new();
        if (!digest->context || EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) != 1)
                return fault_set(fault, FAULT_FAILED, "libcrypto offers no SHA-256");
        *ret = TAKE_PTR(digest);
        return 0;
}

int digest_update(Digest *digest, const void *data, size_t size, Fault *fault)
{
        if (EVP_DigestUpdate(digest->context, data, size) != 1)
                return fault_set(fault, FAULT_FAILED, "libcrypto failed to compute a SHA-256");
        return 0;
}

int digest_finish(Digest *digest, char ret_hex[static DIGEST_HEX_MAX], Fault *fault)
{
        static const char digits[] = "0123456789abcdef";
        unsigned char raw[EVP_MAX_MD_SIZE];
        unsigned size = 0;

        if (EVP_DigestFinal_ex(digest->context, raw, &size) != 1 || size != (DIGEST_HEX_MAX - 1) / 2)
                return fault_set(fault, FAULT_FAILED, "libcrypto failed to compute a SHA-256");
        for (unsigned i = 0; i < size; i++) {
                ret_hex[2 * i] = digits[raw[i] >> 4];
                ret_hex[2 * i + 1] = digits[raw[i] & 15];
        }
        ret_hex[2 * size] = '\0';
        return 0;
}
