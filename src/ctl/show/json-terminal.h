/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* JSON made fit for a terminal. JSON itself escapes what is below space; a terminal also obeys DEL and the
 * C1 range, which can only stand within strings, so that their escapes mean the same. */

#include "base/macro.h"

/* What is known between two pieces of one text. Starts as {0}. */
typedef struct JSONTerminal {
        bool lead; /* the last byte may begin a C1 character, and is held back */
} JSONTerminal;

/* Writes one piece of a text, however it is cut. */
void json_terminal_write(JSONTerminal *state, const char *data, size_t size, FILE *stream);

/* Writes what is held back, at the end of the text. */
void json_terminal_end(JSONTerminal *state, FILE *stream);
