/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A stored file on its way in: read piece by piece, decrypted where it is encrypted, and digested as it lies
 * on the disk, so that what is cut off at the front is always whole. Whoever reads on several threads calls
 * these functions under a lock of his own. */

#include "backup/store/stored-image.h"
#include "base/pace.h"

typedef struct StoredInput {
        Progress *progress;
        int fd;
        Pace pace;
        Digest *digest;        /* of the file; who passes all of it on in order may take it over meanwhile */
        uint64_t stored_bytes; /* of the file, read so far */
        uint64_t input_bytes;  /* the same, once decrypted */
        AgeReader *reader;     /* when it is encrypted */
        unsigned char *buffer; /* of which these are not used up yet: */
        size_t position;
        size_t available;
        bool at_end; /* the file has no more */
} StoredInput;

/* Begins a step of `progress`. `opener` is NULL for a file that is not encrypted. stored_input_done() is due
 * in any case. */
int stored_input_begin(StoredInput *input,
                int fd,
                const AgeOpener *opener,
                Effort effort,
                Progress *progress,
                Fault *fault);
void stored_input_done(StoredInput *input);

/* Moves what is left to the front of the buffer and reads on until it is full or the file ends: then it
 * holds more than STORED_MEMBER_MAX_BYTES, or all that is left. */
int stored_input_refill(StoredInput *input, Fault *fault);

/* What is not used up yet; its size is `available`. Good until the next call that may read. */
const unsigned char *stored_input_next(const StoredInput *input);
void stored_input_use_up(StoredInput *input, size_t size);

/* How many bytes of the input were used up. */
uint64_t stored_input_used_bytes(const StoredInput *input);

/* CORRUPT: the file ends too early; the data before byte `input_bytes` is not what it should be. */
int stored_input_cut_short(const StoredInput *input, Fault *fault);
int stored_input_damaged(uint64_t input_bytes, Fault *fault);

/* Uses up zeros, on to the end of the file: dd, tapes and some storages pad with them. */
int stored_input_skip_padding(StoredInput *input, Fault *fault);

/* What follows is neither the end nor the start of gzip data, or a member of ours that the file has no room
 * for: CORRUPT; else 0. */
int stored_input_require_gzip(const StoredInput *input, Fault *fault);

/* The digest of the whole file, once all was read. */
int stored_input_finish(StoredInput *input, char ret_sha256[static DIGEST_HEX_MAX], Fault *fault);
