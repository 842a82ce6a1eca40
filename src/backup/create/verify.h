/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Proves one backup: reads the stored file in full, compares its digests and sizes with the manifest, and
 * runs the full integrity check on the image. The verdict is written into the manifest. A stored file that
 * the disk does not give back is bad, too: nothing is to be built upon it, nor counted on. */

#include "age/key.h"
#include "backup/catalogue/manifest.h"
#include "base/effort.h"
#include "base/progress.h"

/* 0 with *ret (the updated manifest, stored on disk too) when the verification passed. CORRUPT when the
 * backup is bad: *ret is filled then as well, with verification_fault set, and stored, except that a
 * manifest which can't be read is left as it is (`problem` says so, too). *ret carries the facts that the
 * reading gave where they were unknown: an adopted file gets a manifest that way. Other faults: it could not
 * be verified (KEY_UNAVAILABLE an encrypted one that nothing of
 * `identities` (may be NULL) opens, and of which only the digest of the stored file is proved, CANNOT_OPEN a
 * missing file, NO_SPACE, CANCELLED, …) or the verdict could not be stored; *ret and the manifest are left
 * alone. `manifest` is the caller's copy; what is on disk counts. The stored file itself is only read:
 * SQLite sees an unpacked copy. */
int verify_backup(int directory_fd,
                const char *directory_path,
                const Manifest *manifest,
                const AgeIdentities *identities,
                Effort effort,
                uint64_t now_usec,
                Progress *progress,
                Manifest **ret,
                Fault *fault);
