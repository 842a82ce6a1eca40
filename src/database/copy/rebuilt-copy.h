/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A database made anew from the tables of a damaged one, whose indexes and free pages are not read: VACUUM
 * copies indexes as they are, so in a private copy the roots of the damaged ones are emptied and the
 * freelist is dropped before it, and the indexes are made from their tables after it. Rows keep their
 * rowids. */

#include "database/check/damaged-indexes.h"

/* `raw_path` is a private copy in journal_mode=DELETE, which is changed; `path` must not exist. Where
 * `damaged` is structural, every index is made anew. Faults as VACUUM and damaged_index_rebuild() have them.
 */
int rebuilt_copy_make(const char *raw_path,
                const char *path,
                const DamagedIndexes *damaged,
                Progress *progress,
                Fault *fault);
