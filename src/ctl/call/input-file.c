/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/call/input-file.h"

#include <fcntl.h>
#include <string.h>

#include "base/io.h"

#define CHUNK_BYTES (256 * KIB)

/* The service gets a descriptor of its own that can't write, as it does of a file with a name. */
static int open_unnamed(const char *directory, int *ret_writer, int *ret_reader, Fault *fault)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int writer = -EBADF, reader = -EBADF;
        int r = 0;

        if (asprintf(&path, "%s/oracxpredctl.XXXXXX", directory) < 0) {
                path = NULL;
                return fault_set_errno(fault, ENOMEM, "Can't keep standard input");
        }
        writer = mkostemp(path, O_CLOEXEC);
        if (writer >= 0) {
                reader = open(path, O_RDONLY | O_CLOEXEC);
                r = reader < 0 ? -errno : 0;
                (void) unlink(path);
        }
        if (writer < 0 || r < 0)
                return fault_set_errno(
                                fault, writer < 0 ? errno : r, "Can't keep standard input in %s", directory);
        *ret_writer = TAKE_FD(writer);
        *ret_reader = TAKE_FD(reader);
        return 0;
}

static int copy_input(int writer, const char *directory, Fault *fault)
{
        _cleanup_free_ char *chunk = malloc(CHUNK_BYTES);
        ssize_t length;
        int r;

        if (!chunk)
                return fault_set_errno(fault, ENOMEM, "Can't read standard input");
        for (;;) {
                length = read(STDIN_FILENO, chunk, CHUNK_BYTES);
                if (length < 0 && errno == EINTR)
                        continue;
                if (length < 0)
                        return fault_set_errno(fault, errno, "Can't read standard input");
                if (length == 0)
                        return 0;
                r = io_write_all(writer, chunk, (size_t) length);
                if (r < 0)
                        return fault_set_errno(fault,
                                        r,
                                        "Can't keep standard input in %s; TMPDIR= names another place",
                                        directory);
        }
}

int input_file_collect(int *ret_fd, char **ret_name, Fault *fault)
{
        const char *directory = secure_getenv("TMPDIR");
        _cleanup_close_ int writer = -EBADF, reader = -EBADF;
        char *name;
        int r;

        if (!directory || directory[0] != '/')
                directory = "/var/tmp";
        r = open_unnamed(directory, &writer, &reader, fault);
        if (r >= 0)
                r = copy_input(writer, directory, fault);
        if (r < 0)
                return r;
        name = strdup("standard input");
        if (!name)
                return fault_set_errno(fault, ENOMEM, "Can't read standard input");
        *ret_fd = TAKE_FD(reader);
        *ret_name = name;
        return 0;
}
