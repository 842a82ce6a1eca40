/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The backup of a database that has not changed since the last one: another name for the same bytes, shared
 * by the file system where it can (FICLONE), else a hard link. It costs milliseconds and no room, and has a
 * manifest, a place in the list and an end of its own; removing either leaves the other whole.
 *
 * What it is not is a second copy: a sector that goes bad takes both. So it does not claim more than it has:
 * its `verified_usec` is the one of the bytes that it shares, the retention counts both as one, and a day
 * after the bytes were copied from the database they are copied again, changed or not, into blocks of their
 * own (sharing.h). */

#include "backup/create/create.h"
#include "base/publish.h"

#define UNCHANGED_BOUND_USEC USEC_PER_DAY

/* Notes in `manifest` what the database looks like now, before it is read, and compares that with what
 * request->older has noted. 1 with *ret, a publication of the shared stored file, and all that is known
 * about its bytes in `manifest`; 0 when there is something to be read. */
int unchanged_share(const CreateRequest *request,
                Progress *progress,
                Manifest *manifest,
                Publication **ret,
                Fault *fault);
