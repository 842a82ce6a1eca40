/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A service that is starting, or that somebody has stopped, does not answer, and a terminal that says
 * nothing looks broken. Two seconds into a call a thread asks on a connection of its own whether the service
 * is alive, and says what the call waits for when it is not. */

#include "ctl/call/session.h"

typedef struct Patience Patience;

/* NULL where nobody is told: on another host, when it was said before, or without a thread. */
Patience *patience_begin(const Session *session);
Patience *patience_end(Patience *patience);
