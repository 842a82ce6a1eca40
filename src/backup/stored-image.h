/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A database image as it is stored: plain, or gzip (RFC 1952). The gzip form is a sequence of independent
 * members, one for each STORED_IMAGE_BLOCK_BYTES of the image, each with its own stored size in an extra
 * subfield; `gunzip` reads it as one file, while a reader that knows the subfield can inflate members in
 * parallel or alone. Either form may lie in an age file (age-stream.h). Writing and reading work in one pass
 * and in constant memory, and every byte that passes is digested. Members are made one after the other
 * today; nothing in this interface depends on it. An image of 0 bytes is CORRUPT in both directions: SQLite
 * takes an empty file for a sound database, but no backup of ours is one. Messages name no file; the caller
 * does. Each call begins a step of `progress` (which may not be NULL) and asks it between blocks. */

#include "backup/age-stream.h"
#include "backup/manifest.h"
#include "base/digest.h"
#include "base/progress.h"

#define STORED_IMAGE_BLOCK_BYTES (64 * KIB)

typedef struct StoredImage {
        uint64_t database_bytes;
        uint64_t stored_bytes;
        char database_sha256[DIGEST_HEX_MAX];
        char stored_sha256[DIGEST_HEX_MAX];
} StoredImage;

/* Reads the image from `image_fd` (offset 0 to its end) and writes the stored form to `stored_fd` at its
 * position, encrypted when there are `recipients`; the key of the file then goes to *ret_file_key, to be
 * wiped by the caller. Neither descriptor is closed or synced. */
int stored_image_write(int image_fd,
                Compression compression,
                const AgeRecipients *recipients,
                int stored_fd,
                AgeFileKey *ret_file_key,
                Progress *progress,
                StoredImage *ret,
                Fault *fault);

/* Reads a stored form from `stored_fd` (from offset 0) to its end, and writes the image to `image_fd`, or
 * nowhere when that is negative. `opener` is NULL for one that is not encrypted. Any valid gzip file is
 * read, not only our own. CORRUPT for a bad checksum, a truncated file, trailing rubbish; what was written
 * to `image_fd` until then is worth nothing. KEY_UNAVAILABLE, before anything is written, when `opener` does
 * not open it. */
int stored_image_read(int stored_fd,
                Compression compression,
                const AgeOpener *opener,
                int image_fd,
                Progress *progress,
                StoredImage *ret,
                Fault *fault);

/* Reads a stored form to its end without looking into it: fills in what can be told without its key. */
int stored_image_digest(int stored_fd, Progress *progress, StoredImage *ret, Fault *fault);
