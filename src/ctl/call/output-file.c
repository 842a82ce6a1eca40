/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/call/output-file.h"

#include <fcntl.h>
#include <string.h>

int output_file_locate(const char *path, int *ret_directory_fd, const char **ret_name, Fault *fault)
{
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
        _cleanup_free_ char *directory = NULL;
        int fd;

        if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "'%s' is not the name of a new file.", path);
        directory = slash ? strndup(path, MAX_OF((size_t) (slash - path), (size_t) 1)) : strdup(".");
        if (!directory)
                return fault_set_errno(fault, ENOMEM, "Can't write to %s", path);
        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return fault_set_errno(fault, errno, "Can't write to %s", path);
        *ret_directory_fd = fd;
        *ret_name = name;
        return 0;
}
