/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Writes small documents into the state directory (restore-state.h) for the loop. The quick lane does it,
 * since the loop must not wait for an fsync. Of several documents of one name that are put while the lane is
 * busy only the last is written. */

#include <json-c/json.h>

#include "daemon/manager.h"

/* Writes `document` as STATE/NAME, or removes that file when it is NULL. Takes the document over. `name` is
 * static. What can't be written is logged. */
void state_writer_put(Manager *manager, const char *name, json_object *document);

bool state_writer_is_busy(const StateWriter *writer);

/* Call it when no worker is left. */
StateWriter *state_writer_free(StateWriter *writer);
