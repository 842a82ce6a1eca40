/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What `stats` and `status` both show of the service's figures. `document` holds them under the names that
 * the bus has, shaped as document.h says. */

#include "ctl/view/fields.h"

/* How the database has grown, in words: "12.0 KiB a day". "" when that isn't known. */
#define STATISTICS_GROWTH_MAX 64
void statistics_growth(json_object *document, char ret[static STATISTICS_GROWTH_MAX]);

/* A line of the sizes at the last backups, and the smallest and largest of them. */
void statistics_add_history(Table *fields, json_object *document);

/* The room on the backups' disk, how long it will do, and a bar. */
void statistics_add_disk(Table *fields, json_object *document);
