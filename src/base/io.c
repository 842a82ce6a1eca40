/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/io.h"

#include <fcntl.h>
#include <sys/stat.h>

int io_write_all(int fd, const void *data, size_t size)
{
        const char *position = data;

        while (size > 0) {
                ssize_t n = write(fd, position, size);

                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                position += n;
                size -= (size_t) n;
        }
        return 0;
}

int io_write_all_at(int fd, const void *data, size_t size, uint64_t offset_bytes)
{
        size_t done = 0;

        while (done < size) {
                ssize_t n = pwrite(
                                fd, (const char *) data + done, size - done, (off_t) (offset_bytes + done));

                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                done += (size_t) n;
        }
        return 0;
}

int io_read_full(int fd, void *data, size_t size, size_t *ret)
{
        size_t done = 0;

        while (done < size) {
                ssize_t n = read(fd, (char *) data + done, size - done);

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

int io_read_full_at(int fd, void *data, size_t size, uint64_t offset_bytes, size_t *ret)
{
        size_t done = 0;

        while (done < size) {
                ssize_t n = pread(fd, (char *) data + done, size - done, (off_t) (offset_bytes + done));

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

int io_read_file(int directory_fd, const char *name, size_t limit_bytes, char **ret, size_t *ret_size)
{
        _cleanup_close_ int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        _cleanup_free_ char *data = NULL;
        struct stat status;
        size_t size;
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
