/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* JSON made fit for a terminal. JSON itself escapes what is below space. The other characters of
 * utf8_is_command() can only stand within strings, so that their escapes mean the same. */

#include "base/macro.h"

/* What is known between two pieces of one text. Starts as {0}. */
typedef struct JSONTerminal {
        char held[5]; /* the bytes of a character that is not whole yet */
        size_t n_held;
} JSONTerminal;

/* Writes one piece of a text, however it is cut. */
void json_terminal_write(JSONTerminal *state, const char *data, size_t size, FILE *stream);

/* Writes what is held back, at the end of the text. */
void json_terminal_end(JSONTerminal *state, FILE *stream);
