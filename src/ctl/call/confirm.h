/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Asking before data is replaced or removed. --yes answers beforehand. A script has nobody to ask: without a
 * terminal, what needs an answer is refused instead of done. */

#include "ctl/call/session.h"

/* True without --yes: a person has to be asked. */
bool confirm_asks(const Session *session);

/* True when standard input is a terminal, at which somebody can answer. */
bool confirm_can_ask(void);

/* INVALID_ARGUMENT when somebody has to be asked and can't be. Called before anything is done. */
int confirm_require(const Session *session, Fault *fault);

/* Asks `question` unless --yes was given. CANCELLED when the answer is not yes; `kept` says what stays as it
 * is: "the database is as it was". */
int confirm_ask(const Session *session, const char *question, const char *kept, Fault *fault);
