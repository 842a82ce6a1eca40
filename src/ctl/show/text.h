/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Text that came from elsewhere, made fit for a terminal. A label or a file name may hold escape sequences
 * that move the cursor or set the window's title, and a character may fill no column or two. */

#include "base/macro.h"

/* A copy in which each character that utf8_is_command(), and every byte that is not valid UTF-8, is spelled
 * \xNN, byte by byte. Owned by the caller; NULL when out of memory. */
char *text_sanitize(const char *text);

/* The columns that a sanitized text fills on a terminal. */
size_t text_width(const char *text);

/* Writes `text` sanitized. What doesn't fit in memory is not written. */
void text_print(FILE *stream, const char *text);

/* The same for a text of several lines. */
void text_print_lines(FILE *stream, const char *text);

/* Of the `n_words`, the one that `word` is most likely a slip of: at most two letters off (one for short
 * words), or the only one that starts with it. NULL when none is near. */
const char *text_nearest(const char *word, const char *const *words, size_t n_words);
