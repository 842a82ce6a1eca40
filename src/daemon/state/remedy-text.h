/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The unacknowledged remedies in the words of a reason of health: pure functions. */

#include "backup/remedy/remedy.h"

/* 1 with the text, owned by the caller, of what cost no row, or of what did; 0 when there is nothing of that
 * sort to tell. -ENOMEM, or -ERANGE (a time past the year 9999). */
int remedy_text_repaired(const Remedies *remedies, char **ret);
int remedy_text_rows_lost(const Remedies *remedies, char **ret);

/* "at least 703 rows (predictions 700, users at least 3, logs unknown)". */
int remedy_text_losses(const TableLosses *losses, char **ret);
