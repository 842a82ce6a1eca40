/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/catalogue/remove.h"

#include <fcntl.h>
#include <string.h>

#include "backup/catalogue/unfinished.h"
#include "base/publish.h"
#include "base/test-hook.h"

int remove_backup(int directory_fd, const Manifest *manifest, Fault *fault)
{
        _cleanup_free_ char *marker = unfinished_marker_name(manifest->file), *meta = NULL;
        int r;

        if (!marker || asprintf(&meta, "%s" MANIFEST_SUFFIX, manifest->file) < 0) {
                meta = NULL;
                return fault_set_errno(fault, ENOMEM, "Removing %s", manifest->file);
        }
        if (faccessat(directory_fd, meta, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
                if (errno != ENOENT)
                        return fault_set_errno(fault, errno, "Looking at %s", meta);
                /* Adopted as it is: its one file is all of it. */
                return publish_remove(directory_fd, manifest->file, fault);
        }

        /* A stale one would be in the way; the manifest outweighs it. */
        r = publish_remove(directory_fd, marker, fault);
        if (r >= 0)
                r = publish_rename(directory_fd, meta, marker, fault);
        if (r < 0)
                return r;
        TEST_POINT("remove-marked");
        r = publish_remove(directory_fd, manifest->file, fault);
        if (r < 0)
                return r;
        TEST_POINT("remove-data-gone");
        r = publish_remove(directory_fd, marker, fault);
        if (r < 0)
                return r;
        TEST_POINT("remove-finished");
        return 0;
}
