/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/rename.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/macro.h"

static bool is_not_supported(int error)
{
        return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP;
}

static bool is_one_file(int a_fd, const char *a, int b_fd, const char *b)
{
        struct stat a_status, b_status;

        return fstatat(a_fd, a, &a_status, AT_SYMLINK_NOFOLLOW) == 0 &&
               fstatat(b_fd, b, &b_status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(a_status.st_mode) &&
               a_status.st_nlink > 1 && a_status.st_dev == b_status.st_dev &&
               a_status.st_ino == b_status.st_ino;
}

/* -EPERM where the file system has no hard links, or none of this file. */
static int link_and_remove(int from_fd, const char *from, int to_fd, const char *to)
{
        if (linkat(from_fd, from, to_fd, to, 0) < 0) {
                if (errno == EEXIST && is_one_file(from_fd, from, to_fd, to))
                        return unlinkat(from_fd, from, 0) < 0 ? -errno : 0;
                return is_not_supported(errno) || errno == EMLINK ? -EPERM : -errno;
        }
        return unlinkat(from_fd, from, 0) < 0 ? -errno : 0;
}

static int look_and_rename(int from_fd, const char *from, int to_fd, const char *to)
{
        if (faccessat(to_fd, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                return -EEXIST;
        if (errno != ENOENT)
                return -errno;
        return renameat(from_fd, from, to_fd, to) < 0 ? -errno : 0;
}

int rename_noreplace(int from_fd, const char *from, int to_fd, const char *to)
{
        int r;

        if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0)
                return 0;
        if (!is_not_supported(errno))
                return -errno;
        r = link_and_remove(from_fd, from, to_fd, to);
        return r == -EPERM ? look_and_rename(from_fd, from, to_fd, to) : r;
}
