/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* When the database was last read from its disk and checked in full, so that a restart neither forgets it
 * nor begins anew: STATE/last-check.json. */

#include "base/fault.h"

/* Wall clock; 0 when it never was, or when that is not known. */
uint64_t last_check_load(const char *state_directory_path);

/* Remembers it. What can't be written is left, and only means that it is checked again. */
void last_check_note(const char *state_directory_path, uint64_t checked_usec);
