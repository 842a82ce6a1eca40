/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tables in a database are, against what schema-tables.c says they should be. Both sides are asked
 * through the same PRAGMAs, the second in an in-memory database made from the same CREATE statements, so
 * that no text of SQL has to be understood and no second description of the tables exists. */

#include "database/schema.h"

typedef enum SchemaState {
        SCHEMA_STATE_PRESENT, /* there, perhaps with differences */
        SCHEMA_STATE_MISSING, /* to be created */
        SCHEMA_STATE_UNFIT,   /* can't be created: something else is in its place */
} SchemaState;

/* Opens the in-memory database; closed with connection_close(). */
int schema_open_reference(Connection **ret, Fault *fault);

/* Says whether one of schema_objects is there. Differences of a table's columns, and why something is unfit,
 * are appended to the report. Of columns that the application has added nothing is said. An index counts as
 * there whatever its name, when one that is not partial begins with the same column. */
int schema_compare(Connection *connection,
                Connection *reference,
                const SchemaObject *object,
                SchemaReport *report,
                SchemaState *ret,
                Fault *fault);
