/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The schema of a rescue: that of the damaged file, as far as it can be read, and the backup's in its gaps.
 * It lies in temp.rescue_schema of the result's connection, with the columns of sqlite_schema. */

#include "database/rescue/rescue-table.h"

/* Reads it. *ret_sound is false when rows of it come from the backup. */
int rescue_schema_read(Connection *target, SalvageFile *file, bool *ret_sound, Fault *fault);

/* Drops what the damaged database had no more, or had otherwise, and makes its tables. */
int rescue_schema_make_tables(Connection *target, Fault *fault);

/* Makes its indexes, views and triggers, once the tables are filled. */
int rescue_schema_make_others(Connection *target, Fault *fault);
