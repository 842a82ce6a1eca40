/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Base64 (RFC 4648, section 4) in the strict sense: padded, without line breaks, one spelling for each
 * content, since a document that is read and written again must keep its bytes. Any thread. */

#include "base/macro.h"

/* Characters for so many bytes. */
#define BASE64_LENGTH(size_bytes) (((size_bytes) + 2) / 3 * 4)

/* Writes exactly BASE64_LENGTH(size_bytes) characters, without a final zero. */
void base64_encode(const void *data, size_t size_bytes, char *ret);

/* Decodes in place: `text` becomes the bytes, *ret_size_bytes their number. -EINVAL for anything that
 * base64_encode() would not have written. */
int base64_decode(char *text, size_t length, size_t *ret_size_bytes);
