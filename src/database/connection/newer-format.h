/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files of a SQLite that this one does not know yet. It calls them no database, as it calls rubbish, and a
 * backup must not take their place. */

#include <sqlite3.h>

#include "base/macro.h"

#define NEWER_FORMAT_HEADER_BYTES 100

/* A header that is one in every fixed field (the file format's section 1.3), but for a read version or a
 * schema format that is a little higher than any known. */
bool newer_format_in(const unsigned char header[static NEWER_FORMAT_HEADER_BYTES]);

/* The same of the main file of the connection. */
bool newer_format_has(sqlite3 *handle);
