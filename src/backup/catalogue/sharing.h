/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which backups lie in the same blocks of the disk. Where the file system can, a backup shares with the one
 * before it what has not changed, that one with its own predecessor, and so on: one block that goes bad may
 * take the whole chain. So a chain counts as one backup for what always stays, and now and then a backup
 * begins a new one: it shares nothing with those before it. Pure functions over a Catalogue. */

#include "backup/catalogue/catalogue.h"

/* How long a chain grows. */
#define SHARING_BOUND_USEC USEC_PER_DAY

/* The name of the backup that began the chain; NULL for a manifest without a name. */
const char *manifest_chain(const Manifest *manifest);

/* For counting chains: given verified backups one by one, newest first, it is true for the first of each
 * chain. The members of a chain follow each other. `last` begins as NULL. */
bool chain_begins(const Manifest **last, const Manifest *manifest);

/* Whether a new backup that builds on `older` is to share nothing with it: there are fewer than
 * `minimum_verified` chains with a verified backup of the database, or the chain of `older` is a day old. In
 * doubt it shares nothing. */
bool sharing_is_over(const Catalogue *catalogue,
                const Manifest *older,
                unsigned minimum_verified,
                uint64_t now_usec);
