/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/facts/file-identity.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

int file_identity_look(const char *path, FileIdentity *ret)
{
        struct statx status;

        if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &status) < 0) {
                if (errno != ENOENT)
                        return -errno;
                *ret = (FileIdentity){0};
                return 0;
        }
        *ret = (FileIdentity){
                        .exists = true,
                        .device = makedev(status.stx_dev_major, status.stx_dev_minor),
                        .inode = status.stx_ino,
                        /* A FIFO in the place of the database has no size, but nobody emptied a file. */
                        .size_bytes = S_ISREG(status.stx_mode) ? status.stx_size : UINT64_MAX,
                        .modified_nsec = status.stx_mtime.tv_sec * INT64_C(1000000000) +
                                         status.stx_mtime.tv_nsec,
        };
        if (status.stx_mask & STATX_BTIME)
                ret->born_nsec = (uint64_t) status.stx_btime.tv_sec * 1000000000 + status.stx_btime.tv_nsec;
        return 0;
}
