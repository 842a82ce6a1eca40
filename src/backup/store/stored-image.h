/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A database image as it is stored: plain, or gzip (RFC 1952). The gzip form is a sequence of independent
 * members, one for each STORED_IMAGE_BLOCK_BYTES of the image, each with its own stored size in an extra
 * subfield, and (in clear) an index of them (member-index.h); `gunzip` reads it as one file, while members
 * are deflated and inflated on several threads here, and taken over from an older file where their block has
 * not changed. On file systems that can, the two files share these members' extents: there each member is
 * padded to whole blocks of the file system. Either form may lie in an age file (age-stream.h). All work in
 * one pass and in constant memory, about two megabytes for each thread. An image of 0 bytes is CORRUPT in
 * both directions: SQLite takes an empty file for a sound database, but no backup of ours is one. Messages
 * name no file; the caller does. Each call begins a step of `progress` (which may not be NULL) and asks it
 * between blocks. */

#include "age/stream.h"
#include "backup/catalogue/manifest.h"
#include "backup/store/block-digest.h"
#include "backup/store/gzip-member.h"
#include "base/digest.h"
#include "base/effort.h"
#include "base/progress.h"

#define STORED_IMAGE_BLOCK_BYTES BLOCK_DIGEST_BLOCK_BYTES

/* What the file systems that share extents count in, as a rule. A larger unit would cost more than it saves.
 */
#define STORED_IMAGE_ALIGNMENT_BYTES ((size_t) 4096)

/* What no member of ours exceeds. */
#define STORED_MEMBER_MAX_BYTES GZIP_MEMBER_BOUND(STORED_IMAGE_BLOCK_BYTES, STORED_IMAGE_ALIGNMENT_BYTES)

/* What one thread takes at a time. */
#define STORED_IMAGE_BATCH_BLOCKS ((size_t) 16)
#define STORED_IMAGE_BATCH_BYTES (STORED_IMAGE_BATCH_BLOCKS * STORED_IMAGE_BLOCK_BYTES)

typedef struct StoredImage {
        uint64_t database_bytes;
        uint64_t stored_bytes;
        uint64_t reused_bytes;               /* writing: of stored_bytes, taken over from the older file */
        bool shared;                         /* writing: of them, in blocks that both files have */
        bool older_damaged;                  /* writing: the older file is not what was written once */
        char blocks_sha256[DIGEST_HEX_MAX];  /* writing, reading: block-digest.h */
        char members_sha256[DIGEST_HEX_MAX]; /* writing, proving: the SHA-256 of the SHA-256s of all members
                                              */
        char stored_sha256[DIGEST_HEX_MAX];  /* reading, proving: of the file */
        char index_sha256[DIGEST_HEX_MAX];   /* writing: member-index.h; "" for none */
} StoredImage;

typedef struct StoredForm {
        Compression compression;
        Effort effort;
        const AgeRecipients *recipients; /* to encrypt to; NULL or without any: in clear */
        int older_fd; /* another stored file, from which members may be taken; or negative */
        const char *older_index_sha256; /* as it was when that file was written; not NULL where there is one
                                         */
        bool apart;   /* what is taken over is copied, so that no block is the older file's, too */
        bool aligned; /* gzip in clear: members take whole blocks, and are shared with the older file */
} StoredForm;

/* Reads the image from `image_fd` (offset 0 to its end; nobody may change it meanwhile) and writes the
 * stored form to `stored_fd` at its position, which has to be the start of the file. The key of an encrypted
 * file goes to *ret_file_key, to be wiped by the caller. Neither descriptor is closed or synced.
 *
 * Each member that is deflated is inflated again and compared before it is written. One is taken from the
 * older file when that file's index says that a block with the same SHA-256 is in it: a member of which that
 * was compared when it was deflated, since the index is the one that was written then. What is not believed
 * is that it still lies there as it did: the caller in any case has to prove what was written
 * (stored_image_prove()), by the digests that the members had when they were compared; an older file that is
 * damaged gives another `members_sha256`, and the caller writes again without it. */
int stored_image_write(int image_fd,
                const StoredForm *form,
                int stored_fd,
                AgeFileKey *ret_file_key,
                Progress *progress,
                StoredImage *ret,
                Fault *fault);

/* Reads a stored form from `stored_fd` (from offset 0) to its end, and writes the image to `image_fd` from
 * its offset 0 on, or nowhere when that is negative. `opener` is NULL for one that is not encrypted. Any
 * valid gzip file is read, not only our own: members of another origin one after the other. CORRUPT for a
 * bad checksum, a truncated file, trailing rubbish; what was written to `image_fd` until then is worth
 * nothing. CORRUPT for an image of more than `effort.image_bytes`, and NO_SPACE, where that is 0,
 * for one of more than `effort.image_max_bytes`. KEY_UNAVAILABLE, before anything is
 * written, when `opener` does not open it. */
int stored_image_read(int stored_fd,
                Compression compression,
                const AgeOpener *opener,
                int image_fd,
                Effort effort,
                Progress *progress,
                StoredImage *ret,
                Fault *fault);

/* Reads a stored form that stored_image_write() made and digests its members without inflating them: it is
 * what was written when `members_sha256` and `stored_bytes` are those of the writing. CORRUPT where it is
 * cut short, or is not made of our members alone. `opener` as above. */
int stored_image_prove(int stored_fd,
                Compression compression,
                const AgeOpener *opener,
                Effort effort,
                Progress *progress,
                StoredImage *ret,
                Fault *fault);

/* Reads a stored form to its end without looking into it: fills in what can be told without its key. */
int stored_image_digest(int stored_fd, Effort effort, Progress *progress, StoredImage *ret, Fault *fault);
