/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Text that came from outside (a caller, a file name, a table name) and has to be valid UTF-8 before it goes
 * into a manifest or onto the bus, which both refuse anything else. Any thread. */

#include "base/macro.h"

/* Decodes the character at the start of `text`, which ends with a zero byte. Returns its length in bytes, 0
 * when it is not valid (overlong forms, surrogates and values past U+10FFFF are not). The final zero byte
 * decodes as the character 0 of length 1. */
size_t utf8_decode(const char *text, uint32_t *ret);

/* True when the whole text decodes; the empty one does. */
bool utf8_is_valid(const char *text);

/* The characters of a text that is valid. */
size_t utf8_count(const char *text);

/* Valid UTF-8 in which no character is a control character (C0, DEL, C1): what may be a name. Names in some
 * languages need the marks of direction, so those may stand in one; they are not shown, see below. */
bool utf8_is_line(const char *text);

/* Whether a terminal or a log obeys the character instead of showing it (C0, DEL, C1), or text reads
 * otherwise than it is because of it (marks that turn the direction of writing, separators of lines). The
 * one rule for what is shown to people: the log, faults and with them errors on the bus, terminals. */
bool utf8_is_command(uint32_t character);

/* Puts '?' in place of every byte that does not belong to valid UTF-8, or that belongs to a noncharacter
 * (U+FFFE, U+FDD0 and their like), with which sd-bus would refuse the whole message. */
void utf8_make_valid(char *text);

/* The same for every byte of a character that utf8_is_command(), so that utf8_is_line() holds. */
void utf8_make_line(char *text);
