/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/io.h"

#include <fcntl.h>
#include <sys/stat.h>

/* At the file position without an `offset_bytes`. */
static int write_all(int fd, const void *data, size_t size, const uint64_t *offset_bytes)
{
        size_t done = 0;

        while (done < size) {
                const char *rest = (const char *) data + done;
                ssize_t n = offset_bytes ? pwrite(fd, rest, size - done, (off_t) (*offset_bytes + done))
                                         : write(fd, rest, size - done);

                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                done += (size_t) n;
        }
        return 0;
}

int io_write_all(int fd, const void *data, size_t size)
{
        return write_all(fd, data, size, NULL);
}

int io_write_all_at(int fd, const void *data, size_t size, uint64_t offset_bytes)
{
        return write_all(fd, data, size, &offset_bytes);
}

/* As write_all(). */
static int read_full(int fd, void *data, size_t size, const uint64_t *offset_bytes, size_t *ret)
{
        size_t done = 0;

        while (done < size) {
                char *rest = (char *) data + done;
                ssize_t n = offset_bytes ? pread(fd, rest, size - done, (off_t) (*offset_bytes + done))
                                         : read(fd, rest, size - done);

                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (n == 0)
                        break;
                done += (size_t) n;
        }
        *ret = done;
        return 0;
}

int io_read_full(int fd, void *data, size_t size, size_t *ret)
{
        return read_full(fd, data, size, NULL, ret);
}

int io_read_full_at(int fd, void *data, size_t size, uint64_t offset_bytes, size_t *ret)
{
        return read_full(fd, data, size, &offset_bytes, ret);
}

int io_read_file(int directory_fd, const char *name, size_t limit_bytes, char **ret, size_t *ret_size)
{
        _cleanup_close_ int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        _cleanup_free_ char *data = NULL;
        struct stat status;
        size_t size = 0;
        int r;

        if (fd < 0 || fstat(fd, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode))
                return -EINVAL;
        if ((uint64_t) status.st_size > limit_bytes)
                return -EFBIG;
        data = malloc((size_t) status.st_size + 2);
        if (!data)
                return -ENOMEM;
        r = io_read_full(fd, data, (size_t) status.st_size + 1, &size);
        if (r < 0)
                return r;
        /* One byte more than it had: it is being written to, and any part of it would be half the truth. */
        if (size > (size_t) status.st_size)
                return -EAGAIN;
        data[size] = '\0';
        *ret = TAKE_PTR(data);
        if (ret_size)
                *ret_size = size;
        return 0;
}
