/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A buffer in front of a descriptor that somebody else reads, or doesn't: it never waits for the reader
 * longer than allowed, nor once cancelled, whatever kind of descriptor it is. The first error stays, and
 * whatever is put after it is dropped, so that a caller that writes many small pieces looks only now and
 * then. Belongs to one thread. */

#include "base/progress.h"

#define JSON_OUTPUT_BUFFER_BYTES (64 * KIB)

typedef enum JsonOutputKind {
        JSON_OUTPUT_FILE,   /* regular file, /dev/null: never waits for a reader */
        JSON_OUTPUT_PIPE,   /* POLLOUT promises PIPE_BUF bytes, no more */
        JSON_OUTPUT_SOCKET, /* MSG_DONTWAIT exists */
} JsonOutputKind;

typedef struct JsonOutput {
        int fd; /* borrowed */
        JsonOutputKind kind;
        uint64_t stall_usec;
        Progress *progress; /* borrowed; may be NULL */
        uint64_t written_bytes;
        int error; /* negative once something failed, with `fault` filled */
        Fault fault;
        size_t used_bytes;
        char buffer[JSON_OUTPUT_BUFFER_BYTES];
} JsonOutput;

/* INVALID_ARGUMENT for a terminal and for a descriptor that is not open for writing. */
int json_output_new(int fd, uint64_t stall_usec, Progress *progress, JsonOutput **ret, Fault *fault);
JsonOutput *json_output_free(JsonOutput *output);
DEFINE_CLEANUP(JsonOutput *, json_output_free);

/* Appends to the buffer, and hands it on when it is full. */
void json_output_put(JsonOutput *output, const void *data, size_t size_bytes);
void json_output_put_text(JsonOutput *output, const char *text);

/* Hands on what is in the buffer. */
void json_output_flush(JsonOutput *output);

/* 0, or the first error with its fault moved to *fault. */
int json_output_result(JsonOutput *output, Fault *fault);
