/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the application's tables call `extra_data`: a JSON object, which the application reads with Python's
 * json. Belongs to the connection's thread. */

#include "database/connection/connection.h"

/* 1 when the text is a JSON object, 0 when it is anything else. `statement` keeps what was prepared for it
 * from one call to the next: NULL at first, finalized by the caller. */
int extra_data_is_object(Connection *connection, sqlite3_stmt **statement, const char *text, Fault *fault);
