/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Passwords that a person types, or a script hands over: without echo from the terminal that standard input
 * is, else one line of standard input. Never an argument or the environment, which other processes can read.
 */

#include "base/fault.h"

typedef struct Secret {
        char *text; /* owned; UTF-8, without the end of the line */
} Secret;

/* Wipes it. */
void secret_done(Secret *secret);

/* Reads one. With `again`, a second prompt, a terminal is asked twice, and both have to be the same. From
 * now on this process leaves no core, and other processes of its user can't look into it. INVALID_ARGUMENT
 * for none, for one that is no text, and for two that differ; CANCELLED when a signal came that ends this
 * process or stops it, which is then delivered. */
int secret_read(const char *prompt, const char *again, Secret *ret, Fault *fault);
