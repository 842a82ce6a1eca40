/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as oracxpred.conf: it is always read, every fault it has is one line of text, and encryption
 * that it speaks of wrongly keeps backups from being written. */

#include <string.h>
#include <sys/mman.h>

#include "base/io.h"
#include "base/utf8.h"
#include "daemon/configuration/configuration.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_close_ int fd = memfd_create("oracxpred.conf", MFD_CLOEXEC);
        _cleanup_fault_ Fault fault = {0};
        Configuration configuration;
        char path[64];

        require(fd >= 0 && io_write_all(fd, data, size) == 0);
        (void) snprintf(path, sizeof path, "/proc/self/fd/%i", fd);
        require(configuration_load(path, true, "/nonexistent", &configuration, &fault) >= 0);
        for (size_t i = 0; i < configuration.n_faults; i++)
                require(utf8_is_line(configuration.faults[i]));
        require(!configuration.encryption_fault || configuration.n_faults > 0);
        require(configuration.retention_usec > 0 && configuration.cadence_usec > 0);
        configuration_done(&configuration);
        return 0;
}
