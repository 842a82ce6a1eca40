/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/page/copy-target.h"

#include <string.h>

#include "base/io.h"

int copy_target_write(const CopyTarget *target,
                const void *data,
                size_t n_bytes,
                uint64_t offset_bytes,
                Fault *fault)
{
        int r = io_write_all_at(target->fd, data, n_bytes, offset_bytes);

        if (r >= 0)
                return 1;
        if (fault_code_from_errno(r) == FAULT_NO_SPACE)
                return fault_set(fault,
                                FAULT_NO_SPACE,
                                "%s: Copying the database: %s; make room on its file system",
                                target->path,
                                strerrordesc_np(-r));
        return fault_set_errno(fault, r, "Writing %s", target->path);
}
