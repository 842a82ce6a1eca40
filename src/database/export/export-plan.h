/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which tables an export takes, and the CREATE statements that belong to them. The thread that owns the
 * connection. */

#include "database/export/export-document.h"

typedef struct ExportPlan {
        char **tables; /* in the order in which they were created */
        size_t n_tables;
        bool whole;
} ExportPlan;

void export_plan_done(ExportPlan *plan);

/* `chosen` is NULL for all. NOT_FOUND for a name that is no table, NOT_SUPPORTED for a virtual table or a
 * part of one, INVALID_ARGUMENT for an empty choice. */
int export_plan_load(Connection *connection, const char *const *chosen, ExportPlan *ret, Fault *fault);

/* Writes the schema entries: tables, indexes, views, triggers, each kind in the order in which they were
 * created, which is the order in which triggers fire. */
int export_plan_write_schema(
                Connection *connection, const ExportPlan *plan, ExportDocument *document, Fault *fault);
