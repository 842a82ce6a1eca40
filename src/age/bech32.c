/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "age/bech32.h"

#include <assert.h>
#include <ctype.h>
#include <openssl/crypto.h>
#include <string.h>

#define CHECKSUM_LENGTH 6
#define GROUPS(size_bytes) (((size_bytes) *8 + 4) / 5)
#define GROUPS_MAX GROUPS(AGE_BECH32_CONTENT_MAX_BYTES)

static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

static uint32_t absorb(uint32_t state, unsigned value)
{
        static const uint32_t generator[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
        uint32_t top = state >> 25;

        state = (state & 0x1ffffff) << 5 ^ value;
        for (unsigned i = 0; i < ELEMENTSOF(generator); i++)
                if (top >> i & 1)
                        state ^= generator[i];
        return state;
}

/* Of the lower-case spelling, whatever the case at hand. */
static uint32_t absorb_prefix(const char *prefix)
{
        uint32_t state = 1;

        for (const char *c = prefix; *c; c++)
                state = absorb(state, (unsigned) tolower((unsigned char) *c) >> 5);
        state = absorb(state, 0);
        for (const char *c = prefix; *c; c++)
                state = absorb(state, (unsigned) tolower((unsigned char) *c) & 31);
        return state;
}

static bool is_upper(const char *prefix)
{
        return isupper((unsigned char) prefix[0]);
}

void age_bech32_encode(const char *prefix, const void *content, size_t size_bytes, char *ret)
{
        const unsigned char *bytes = content;
        uint32_t state = absorb_prefix(prefix), bits = 0;
        unsigned n_bits = 0;
        char *out = stpcpy(ret, prefix);
        size_t used = 0;

        assert(size_bytes <= AGE_BECH32_CONTENT_MAX_BYTES);
        *out++ = '1';
        for (size_t i = 0; i < GROUPS(size_bytes); i++) {
                unsigned group;

                if (n_bits < 5) {
                        bits = bits << 8 | (used < size_bytes ? bytes[used++] : 0U);
                        n_bits += 8;
                }
                n_bits -= 5;
                group = bits >> n_bits & 31;
                state = absorb(state, group);
                *out++ = alphabet[group];
        }
        for (unsigned i = 0; i < CHECKSUM_LENGTH; i++)
                state = absorb(state, 0);
        state ^= 1;
        for (unsigned i = CHECKSUM_LENGTH; i-- > 0;)
                *out++ = alphabet[state >> 5 * i & 31];
        *out = '\0';
        OPENSSL_cleanse(&bits, sizeof bits);
        if (is_upper(prefix))
                for (out = ret; *out; out++)
                        *out = (char) toupper((unsigned char) *out);
}

/* The value of each character behind the prefix, checksum included. */
static int read_groups(const char *text, size_t n, bool upper, unsigned char *ret)
{
        for (size_t i = 0; i < n; i++) {
                unsigned char c = (unsigned char) text[i];
                const char *found;

                if (c == '\0' || (upper ? islower(c) : isupper(c)))
                        return -EINVAL;
                found = strchr(alphabet, tolower(c));
                if (!found)
                        return -EINVAL;
                ret[i] = (unsigned char) (found - alphabet);
        }
        return 0;
}

/* -EINVAL when the bits that are left over are not zero: two spellings would mean the same. */
static int join_groups(const unsigned char *groups, unsigned char *ret, size_t size_bytes)
{
        uint32_t bits = 0;
        unsigned n_bits = 0;
        size_t done = 0;
        bool rest;

        for (size_t i = 0; i < GROUPS(size_bytes); i++) {
                bits = bits << 5 | groups[i];
                n_bits += 5;
                if (n_bits >= 8) {
                        n_bits -= 8;
                        ret[done++] = (unsigned char) (bits >> n_bits);
                }
        }
        rest = (bits & ((UINT32_C(1) << n_bits) - 1)) != 0;
        OPENSSL_cleanse(&bits, sizeof bits);
        return rest ? -EINVAL : 0;
}

int age_bech32_decode(const char *text, size_t length, const char *prefix, void *ret, size_t size_bytes)
{
        unsigned char groups[GROUPS_MAX + CHECKSUM_LENGTH], content[AGE_BECH32_CONTENT_MAX_BYTES];
        size_t prefix_length = strlen(prefix), n = GROUPS(size_bytes) + CHECKSUM_LENGTH;
        uint32_t state = absorb_prefix(prefix);
        int r;

        assert(size_bytes <= AGE_BECH32_CONTENT_MAX_BYTES);
        if (length != prefix_length + 1 + n || strncmp(text, prefix, prefix_length) != 0 ||
                        text[prefix_length] != '1')
                return -EINVAL;
        r = read_groups(text + prefix_length + 1, n, is_upper(prefix), groups);
        for (size_t i = 0; r >= 0 && i < n; i++)
                state = absorb(state, groups[i]);
        if (r >= 0 && state != 1)
                r = -EINVAL;
        if (r >= 0)
                r = join_groups(groups, content, size_bytes);
        if (r >= 0)
                memcpy(ret, content, size_bytes);
        OPENSSL_cleanse(groups, sizeof groups);
        OPENSSL_cleanse(content, sizeof content);
        return r;
}
