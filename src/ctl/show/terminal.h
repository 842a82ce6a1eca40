/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What standard output and standard error are: colour only on a terminal, and a pager for what may be long,
 * both as systemd's tools have them. */

#include "ctl/show/graph.h"

/* Whether standard output takes colour: a terminal that is not dumb, and no NO_COLOR. Asked first before a
 * pager stands between; the answer stays. */
bool terminal_colour(void);

/* What pictures standard output takes: none without a terminal or on a dumb one, else those that the locale
 * can show. Asked first before a pager stands between; the answer stays. */
GraphSet terminal_graphs(void);

/* Prints "title: message" on standard error, sanitized, and red where that takes colour. */
void terminal_print_fault(const char *title, const char *message);

/* Asks a question that y or n answers, on the terminal that standard input is. Everything but yes, in the
 * words of the locale, is no. */
bool terminal_confirm(const char *question);

/* Columns of the terminal on standard error; 80 when it doesn't say. */
size_t terminal_width_errors(void);

/* Puts a pager between standard output and the terminal, when that is one. Without any pager to be found,
 * everything goes on without; with `no_pager` (--no-pager) nothing happens. */
void terminal_open_pager(bool no_pager);

/* Writes out what is left and waits for the pager. Returns -errno when standard output could not take all.
 */
int terminal_finish(void);
