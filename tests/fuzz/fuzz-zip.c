/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as a .zip to restore from: refused with a reason, or it gives the database whole, and never more
 * than it said. */

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "backup/store/zip-member.h"
#include "base/io.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_close_ int source_fd = memfd_create("archive", MFD_CLOEXEC),
                            target_fd = memfd_create("database", MFD_CLOEXEC);
        _cleanup_fault_ Fault fault = {0};
        struct stat status;
        Progress progress;

        progress_init(&progress);
        require(source_fd >= 0 && target_fd >= 0 && io_write_all(source_fd, data, size) == 0);
        if (zip_member_extract(source_fd, target_fd, "/dev/shm", 0, &progress, &fault) < 0)
                require(fault.code != FAULT_NONE && fault.message && fault.message[0]);
        else
                require(fault.code == FAULT_NONE && fstat(target_fd, &status) == 0 &&
                                (uint64_t) status.st_size == atomic_load(&progress.done_bytes));
        progress_done(&progress);
        return 0;
}
