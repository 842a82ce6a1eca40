/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Documents that an import must refuse, and how that is asserted. */

#include "fixture.h"

/* The header's members but for the schema, in any document. */
#define IMPORT_HEADER                                                                               \
        "{\"format\":\"oracxpred-export\",\"version\":1,\"redacted\":false,\"encoding\":\"UTF-8\"," \
        "\"user_version\":0,\"application_id\":0"

/* A schema entry; `sql` must not need escaping. */
#define IMPORT_ENTRY(type, name, table, sql) \
        "{\"type\":\"" type "\",\"name\":\"" name "\",\"table\":\"" table "\",\"sql\":\"" sql "\"}"

/* The import of `text` must fail with this code and words, and leave no file. Returns the message in a
 * static buffer. */
const char *import_assert_refused(const char *text, FaultCode code, const char *words);

/* The import must succeed. Returns the path of the database. */
const char *import_assert_taken(const char *text);
