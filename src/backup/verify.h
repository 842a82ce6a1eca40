/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Proves one backup: reads the stored file in full, compares its digests and sizes with the manifest, and
 * runs the full integrity check on the image. The verdict is written into the manifest. */

#include "backup/manifest.h"
#include "base/progress.h"

/* 0 with *ret (the updated manifest, stored on disk too) when the verification passed. CORRUPT when the
 * backup is bad: *ret is filled then as well, with verification_fault set and stored. Other faults: it could
 * not be verified, and the manifest is left alone. `manifest` is the caller's copy. */
int verify_backup(int directory_fd,
                const char *directory_path,
                const Manifest *manifest,
                uint64_t now_usec,
                Progress *progress,
                Manifest **ret,
                Fault *fault);
