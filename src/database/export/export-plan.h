/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which tables an export takes, and the CREATE statements that belong to them. The thread that owns the
 * connection. */

#include "database/export/export-document.h"

/* A virtual table goes as its CREATE statement alone. Its rows are in its shadow tables, which go whole,
 * like any other: no module has to run to write or to read them, and what comes back is the same to the
 * byte. */
typedef struct ExportPlanTable {
        char *name;
        bool is_virtual;
} ExportPlanTable;

typedef struct ExportPlan {
        ExportPlanTable *tables; /* in the order in which they were created */
        size_t n_tables;
        bool whole;
} ExportPlan;

void export_plan_done(ExportPlan *plan);

/* `chosen` is NULL for all. With a virtual table come its shadow tables. NOT_FOUND for a name that is no
 * table, NOT_SUPPORTED for a virtual table whose module this SQLite does not have, so that its shadow tables
 * are not known, INVALID_ARGUMENT for an empty choice. */
int export_plan_load(Connection *connection, const char *const *chosen, ExportPlan *ret, Fault *fault);

/* Whether the document needs a reader that knows virtual tables. */
bool export_plan_has_virtual(const ExportPlan *plan);

/* Writes the schema entries: tables, virtual tables, indexes, views, triggers, each kind in the order in
 * which they were created, which is the order in which triggers fire. */
int export_plan_write_schema(
                Connection *connection, const ExportPlan *plan, ExportDocument *document, Fault *fault);
