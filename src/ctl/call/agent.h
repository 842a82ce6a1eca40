/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The password question on a terminal: polkit's own text agent, run beside this process for as long as it
 * talks to the service, as systemctl does. Where a session's agent with windows is registered, that one is
 * asked. Without an agent everything goes on, and polkit says that it found nobody to ask. */

#include "base/macro.h"

/* Starts it and waits until it is registered. Does nothing when standard input is no terminal, for root, who
 * is never asked, and while it runs. */
void agent_open(void);

/* Ends it. */
void agent_close(void);
