/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The characters of a document as they arrive through a descriptor, counted in lines and columns. Waits for
 * a file, a pipe or a socket, blocking or not, in a way that progress_cancel() ends within a fraction of a
 * second. Belongs to one thread. */

#include "base/progress.h"

#define JSON_INPUT_BUFFER_BYTES (64 * KIB)
#define JSON_INPUT_END (-1)

typedef struct JsonInput {
        int fd;             /* borrowed */
        Progress *progress; /* borrowed; may be NULL */
        uint64_t line;      /* of the next character, from 1 */
        uint64_t column;    /* the same, from 1, in bytes */
        uint64_t read_bytes;
        size_t position, filled;
        unsigned char buffer[JSON_INPUT_BUFFER_BYTES];
} JsonInput;

/* *ret is the character that comes next, left where it is, or JSON_INPUT_END. */
int json_input_peek(JsonInput *input, int *ret, Fault *fault);

/* Past the character that json_input_peek() gave, which was not the end. */
void json_input_advance(JsonInput *input);

/* Past spaces and ends of lines; *ret as json_input_peek() gives it. */
int json_input_skip_space(JsonInput *input, int *ret, Fault *fault);
