/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records/password-hash.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <string.h>

#include "base/utf8.h"
#include "records/werkzeug-hash.h"

/* What new hashes begin with. `$2a$` and `$2y$` are the same function for everything that is UTF-8. */
#define BCRYPT_PREFIX "$2b$"

/* A row with a higher cost is not tried: 16 takes four seconds, 31 days. */
#define BCRYPT_COST_BOUND 16

static const char *const format_names[_PASSWORD_FORMAT_MAX] = {
                [PASSWORD_NONE] = "none",
                [PASSWORD_BCRYPT] = "bcrypt",
                [PASSWORD_SCRYPT] = "scrypt",
                [PASSWORD_PBKDF2] = "pbkdf2",
                [PASSWORD_PLAIN] = "plain",
                [PASSWORD_UNKNOWN] = "unknown",
};

const char *password_format_to_string(PasswordFormat format)
{
        return format >= 0 && format < _PASSWORD_FORMAT_MAX ? format_names[format] : NULL;
}

/* The cost of a bcrypt hash; 0 for every other text. */
static unsigned bcrypt_cost(const char *stored)
{
        static const char digits[] = "0123456789",
                          characters[] = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        static const size_t n_prefix = sizeof(BCRYPT_PREFIX "12$") - 1;

        if (strlen(stored) != PASSWORD_HASH_MAX - 1 || strncmp(stored, "$2", 2) != 0 ||
                        !strchr("aby", stored[2]) || stored[3] != '$' || !strchr(digits, stored[4]) ||
                        !strchr(digits, stored[5]) || stored[6] != '$' ||
                        stored[n_prefix + strspn(stored + n_prefix, characters)] != '\0')
                return 0;
        return (unsigned) (stored[4] - '0') * 10 + (unsigned) (stored[5] - '0');
}

/* Hashes of all kinds have at least two. Such a text is never compared as if it were the password: whoever
 * has seen a hash could sign in with it. */
static bool looks_like_hash(const char *stored)
{
        const char *first = strchr(stored, '$');

        return first && strchr(first + 1, '$');
}

PasswordFormat password_format_of(const char *stored)
{
        unsigned cost;
        WerkzeugHash werkzeug;

        if (!stored || stored[0] == '\0')
                return PASSWORD_NONE;
        cost = bcrypt_cost(stored);
        if (cost > 0)
                return cost <= BCRYPT_COST_BOUND ? PASSWORD_BCRYPT : PASSWORD_UNKNOWN;
        if (werkzeug_hash_parse(stored, &werkzeug) >= 0)
                return werkzeug.method == WERKZEUG_SCRYPT ? PASSWORD_SCRYPT : PASSWORD_PBKDF2;
        return looks_like_hash(stored) ? PASSWORD_UNKNOWN : PASSWORD_PLAIN;
}

int password_check(const char *password, size_t password_bytes, Fault *fault)
{
        if (password_bytes == 0)
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "The password is empty");
        if (memchr(password, '\0', password_bytes))
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "The password has a NUL byte in it");
        if (password_bytes > PASSWORD_MAX_BYTES)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "The password is longer than %d bytes, of which letters with accents take "
                                "two; "
                                "bcrypt reads no more, and it is never cut. Take a shorter one",
                                PASSWORD_MAX_BYTES);
        if (!utf8_is_valid(password))
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "The password is not valid UTF-8");
        return 0;
}

/* Hashes as `setting` says: a salt, or a whole hash, whose salt it then takes. */
static int bcrypt(
                const char *password, const char *setting, char ret[static PASSWORD_HASH_MAX], Fault *fault)
{
        struct crypt_data *data = calloc(1, sizeof *data);
        const char *hash;
        int error;

        if (!data)
                return fault_set_errno(fault, ENOMEM, "Hashing a password");
        hash = crypt_rn(password, setting, data, sizeof *data);
        error = hash ? EINVAL : errno;
        if (hash && strlen(hash) == PASSWORD_HASH_MAX - 1)
                (void) memcpy(ret, hash, PASSWORD_HASH_MAX);
        else
                hash = NULL;
        explicit_bzero(data, sizeof *data);
        free(data);
        return hash ? 0 : fault_set_errno(fault, error, "Hashing a password");
}

int password_hash(const char *password, unsigned cost, char ret[static PASSWORD_HASH_MAX], Fault *fault)
{
        char setting[CRYPT_GENSALT_OUTPUT_SIZE];

        if (!crypt_gensalt_rn(BCRYPT_PREFIX, cost, NULL, 0, setting, sizeof setting))
                return fault_set_errno(fault, errno, "Making the salt of a password");
        return bcrypt(password, setting, ret, fault);
}

static int verify_bcrypt(const char *password, const char *stored, bool *ret, Fault *fault)
{
        char hash[PASSWORD_HASH_MAX];
        int r = bcrypt(password, stored, hash, fault);

        if (r < 0)
                return r;
        /* libxcrypt gives the prefix back as it was. */
        *ret = CRYPTO_memcmp(hash, stored, sizeof hash) == 0;
        explicit_bzero(hash, sizeof hash);
        return 0;
}

static int verify_werkzeug(const char *password, const char *stored, bool *ret, Fault *fault)
{
        WerkzeugHash hash;
        int r = werkzeug_hash_parse(stored, &hash);

        if (r >= 0)
                r = werkzeug_hash_verify(&hash, password, strlen(password), ret);
        return r < 0 ? fault_set_errno(fault, r, "Deriving an old hash of a password") : 0;
}

/* The whole of both buffers is compared, whatever is in them. */
static bool verify_plain(const char *password, const char *stored)
{
        char a[PASSWORD_MAX_BYTES + 1] = {0}, b[PASSWORD_MAX_BYTES + 1] = {0};
        size_t length = strlen(stored);
        bool right;

        (void) memcpy(a, password, MIN_OF(strlen(password), sizeof a));
        (void) memcpy(b, stored, MIN_OF(length, sizeof b));
        right = CRYPTO_memcmp(a, b, sizeof a) == 0;
        explicit_bzero(a, sizeof a);
        explicit_bzero(b, sizeof b);
        return right;
}

static int compare(const char *password, const char *stored, bool *ret, Fault *fault)
{
        switch (password_format_of(stored)) {
        case PASSWORD_BCRYPT:
                return verify_bcrypt(password, stored, ret, fault);
        case PASSWORD_SCRYPT:
        case PASSWORD_PBKDF2:
                return verify_werkzeug(password, stored, ret, fault);
        case PASSWORD_PLAIN:
                *ret = verify_plain(password, stored);
                return 0;
        default:
                *ret = false;
                return 0;
        }
}

int password_verify(
                const char *password, const char *stored, unsigned cost, PasswordVerdict *ret, Fault *fault)
{
        unsigned done_cost = password_format_of(stored) == PASSWORD_BCRYPT ? bcrypt_cost(stored) : 0;
        PasswordVerdict verdict = {0};
        bool current;
        int r;

        r = compare(password, stored, &verdict.right, fault);
        if (r < 0)
                return r;
        current = done_cost >= cost && strncmp(stored, BCRYPT_PREFIX, strlen(BCRYPT_PREFIX)) == 0;
        if (done_cost < cost || (verdict.right && !current)) {
                /* For a wrong password, too: only the time that it takes is wanted of it then. */
                r = password_hash(password, cost, verdict.replacement, fault);
                if (!verdict.right)
                        explicit_bzero(verdict.replacement, sizeof verdict.replacement);
        }
        if (r >= 0)
                *ret = verdict;
        explicit_bzero(&verdict, sizeof verdict);
        return r;
}
