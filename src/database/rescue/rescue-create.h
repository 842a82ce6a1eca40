/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The SQL in a damaged schema is run here, and only as far as it is one CREATE statement in the result's
 * main database for what its row names: whoever may write the database may have written anything there.
 * SQLite's authorizer is asked at every turn of its parser, so no trick of spelling matters. */

#include "database/connection/connection.h"

/* `type` as sqlite_schema has it; NULL texts are refused. CORRUPT when the row is not as SQLite writes it.
 */
int rescue_create(Connection *target, const char *type, const char *name, const char *sql, Fault *fault);
