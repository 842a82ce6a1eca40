/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Bech32 (BIP 173), the spelling of age's keys, for content of a size that is known beforehand. Pure
 * functions; buffers that may have held a secret are wiped. */

#include "base/macro.h"

/* Characters of the spelling, with its final zero. */
#define AGE_BECH32_MAX(prefix_length, size_bytes) ((prefix_length) + 1 + ((size_bytes) *8 + 4) / 5 + 6 + 1)

/* Spells `size_bytes` of content (at most AGE_BECH32_CONTENT_MAX_BYTES) behind `prefix`, and in the case of
 * the prefix's letters. `ret` has AGE_BECH32_MAX() characters. */
#define AGE_BECH32_CONTENT_MAX_BYTES 64
void age_bech32_encode(const char *prefix, const void *content, size_t size_bytes, char *ret);

/* Reads what age_bech32_encode() would have written, into `size_bytes` of `ret`. -EINVAL for anything else:
 * another prefix, another size, the other case or a mixed one, a wrong checksum, padding that is not zero.
 */
int age_bech32_decode(const char *text, size_t length, const char *prefix, void *ret, size_t size_bytes);
