/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scratch.h"

#include <fcntl.h>

#include "base/io.h"
#include "fuzz.h"

void scratch_begin(Scratch *scratch)
{
        (void) snprintf(scratch->folder, sizeof scratch->folder, "/dev/shm/oracxpred-fuzz-XXXXXX");
        require(mkdtemp(scratch->folder) != NULL);
        (void) snprintf(scratch->path, sizeof scratch->path, "%s/test.db", scratch->folder);
}

void scratch_write(const Scratch *scratch, const char *suffix, const void *data, size_t size)
{
        _cleanup_close_ int fd = -EBADF;
        char path[sizeof scratch->path + 8];

        (void) snprintf(path, sizeof path, "%s%s", scratch->path, suffix);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        require(fd >= 0 && io_write_all(fd, data, size) == 0);
}

void scratch_end(const Scratch *scratch)
{
        static const char *const suffixes[] = {"", "-journal", "-wal", "-shm"};

        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                char path[sizeof scratch->path + 8];

                (void) snprintf(path, sizeof path, "%s%s", scratch->path, suffixes[i]);
                (void) unlink(path);
        }
        require(rmdir(scratch->folder) == 0);
}
