/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The form of remedies.json. */

#include <json-c/json.h>

#include "backup/remedy/remedy.h"

/* -EUCLEAN for what this version would not have written; -ENOMEM. */
int remedies_parse(json_object *document, Remedies *ret);

/* -ENOMEM. */
int remedies_format(const Remedies *remedies, json_object **ret);
