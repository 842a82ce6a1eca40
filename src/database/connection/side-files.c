/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/connection/side-files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macro.h"

/* Without opening it, which would drop this process's locks once it is closed; and only a file that is there
 * under this name alone. */
static void follow(const char *path, gid_t group)
{
        _cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
        struct stat status;

        if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_nlink != 1 ||
                        status.st_uid != geteuid() || status.st_gid == group)
                return;
        (void) !fchownat(fd, "", (uid_t) -1, group, AT_EMPTY_PATH);
}

void side_files_follow(const char *database_path)
{
        static const char *const suffixes[] = {"-wal", "-shm"};
        struct stat status;

        if (lstat(database_path, &status) < 0 || !S_ISREG(status.st_mode))
                return;
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                _cleanup_free_ char *path = NULL;

                if (asprintf(&path, "%s%s", database_path, suffixes[i]) < 0) {
                        path = NULL;
                        return;
                }
                follow(path, status.st_gid);
        }
}
