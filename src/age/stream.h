/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Writing and reading an age file in one pass and in constant memory. The payload is cut into chunks of
 * 64 KiB, each authenticated with its place and with whether it is the last; nothing of a chunk is handed
 * out before it is proved, and the end only when the last chunk was one. Used from one thread. */

#include "age/header.h"

/* Takes the bytes of an encrypted file, in order. */
typedef int (*AgeSink)(void *userdata, const void *data, size_t size, Fault *fault);

/* Gives the next bytes of an encrypted file: fewer than `size` only at its end. */
typedef int (*AgeSource)(void *userdata, void *data, size_t size, size_t *ret, Fault *fault);

typedef struct AgeWriter AgeWriter;
typedef struct AgeReader AgeReader;

/* Wipes what it holds. A file that was not finished can't be read to its end. */
AgeWriter *age_writer_free(AgeWriter *writer);
DEFINE_CLEANUP(AgeWriter *, age_writer_free);

/* Begins a file with a key of its own, and writes its header. The key goes to *ret_file_key, too, for
 * reading the file back, when that is not NULL. */
int age_writer_new(const AgeRecipients *recipients,
                AgeSink sink,
                void *userdata,
                AgeFileKey *ret_file_key,
                AgeWriter **ret,
                Fault *fault);
int age_writer_write(AgeWriter *writer, const void *data, size_t size, Fault *fault);

/* Writes the last chunk. */
int age_writer_finish(AgeWriter *writer, Fault *fault);

AgeReader *age_reader_free(AgeReader *reader);
DEFINE_CLEANUP(AgeReader *, age_reader_free);

/* Reads and opens the header; faults as age_header_open() has them. What `opener` points to is not used
 * afterwards. */
int age_reader_new(const AgeOpener *opener, AgeSource source, void *userdata, AgeReader **ret, Fault *fault);

/* The next `size` bytes of the content, fewer only at its end. CORRUPT when the file was changed, cut short
 * or has something behind its end. */
int age_reader_read(AgeReader *reader, void *data, size_t size, size_t *ret, Fault *fault);
