/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/leftover.h"

#include <fcntl.h>
#include <sys/stat.h>

static int leave(const char *name, const char *why, Fault *fault)
{
        (void) fault_set(fault,
                        FAULT_PERMISSION,
                        "%s has a name of this service's temporary files, but %s; it is left, remove it or "
                        "move it away",
                        name,
                        why);
        return -EEXIST;
}

int leftover_remove(int directory_fd, const char *name, Fault *fault)
{
        struct stat status;

        if (fstatat(directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT || errno == ENOTDIR
                                       ? 0
                                       : fault_set_errno(fault, errno, "Looking at %s", name);
        if (!S_ISREG(status.st_mode))
                return leave(name, S_ISDIR(status.st_mode) ? "is a directory" : "is no regular file", fault);
        if (status.st_uid != geteuid())
                return leave(name, "belongs to another user", fault);
        if (unlinkat(directory_fd, name, 0) >= 0)
                return 1;
        if (errno == ENOENT)
                return 0;
        if (errno == EPERM || errno == EACCES || errno == EISDIR || errno == EBUSY)
                return leave(name, "can't be removed", fault);
        return fault_set_errno(fault, errno, "Removing the left-over %s", name);
}
