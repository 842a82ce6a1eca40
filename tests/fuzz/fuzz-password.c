/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any text as what the column of a password holds, as a password and as a client's address: what a row may
 * ask for stays within its bounds, and a hash is never taken for a plain password. Nothing is hashed here.
 */

#include <string.h>

#include "base/utf8.h"
#include "fuzz.h"
#include "records/password-hash.h"
#include "records/sign-in.h"
#include "records/werkzeug-hash.h"

static void try_stored(const char *text)
{
        PasswordFormat format = password_format_of(text);
        const char *first = strchr(text, '$');
        WerkzeugHash hash;

        require(password_format_to_string(format) != NULL);
        require(format != PASSWORD_PLAIN || !first || !strchr(first + 1, '$'));
        require(format != PASSWORD_BCRYPT || strlen(text) == PASSWORD_HASH_MAX - 1);
        if (werkzeug_hash_parse(text, &hash) < 0) {
                require(format != PASSWORD_SCRYPT && format != PASSWORD_PBKDF2);
                return;
        }
        require(hash.salt > text && hash.salt_bytes > 0 &&
                        hash.salt + hash.salt_bytes < text + strlen(text));
        require(hash.digest_bytes >= 20 && hash.digest_bytes <= sizeof hash.digest);
        if (hash.method != WERKZEUG_SCRYPT)
                require(hash.iterations >= 1 && hash.iterations <= WERKZEUG_PBKDF2_ITERATIONS_MAX);
        else
                require((hash.scrypt_n & (hash.scrypt_n - 1)) == 0 && hash.scrypt_n > 1 &&
                                hash.scrypt_p > 0 &&
                                128 * hash.scrypt_r * (hash.scrypt_n + hash.scrypt_p) <=
                                                WERKZEUG_SCRYPT_MEMORY_MAX_BYTES &&
                                hash.scrypt_n * hash.scrypt_r * hash.scrypt_p <= WERKZEUG_SCRYPT_WORK_MAX);
}

static void try_password(const char *text, size_t size)
{
        _cleanup_fault_ Fault fault = {0};

        if (password_check(text, size, &fault) >= 0)
                require(size >= 1 && size <= PASSWORD_MAX_BYTES && strlen(text) == size &&
                                utf8_is_valid(text));
        else
                require(fault.code == FAULT_INVALID_ARGUMENT);
}

static void try_address(const char *text)
{
        char address[SIGN_IN_ADDRESS_MAX], again[SIGN_IN_ADDRESS_MAX];

        if (sign_in_read_address(text, address, NULL) < 0)
                return;
        require(sign_in_read_address(address, again, NULL) >= 0 && strcmp(address, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = malloc(size + 1);

        require(text != NULL);
        memcpy(text, data, size);
        text[size] = '\0';
        try_stored(text);
        try_password(text, size);
        try_address(text);
        free(text);
        return 0;
}
