/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/quarantine/file-move.h"

#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/rename.h"
#include "base/test-hook.h"

#define CHUNK_BYTES (256 * KIB)
#define COPY_SUFFIX ".moving"

int file_sync_directory_of(const char *path)
{
        _cleanup_free_ char *copy = strdup(path);
        _cleanup_close_ int fd = -EBADF;

        if (!copy)
                return -ENOMEM;
        fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int file_copy_content(int source_fd, int target_fd, Progress *progress, const char *name, Fault *fault)
{
        _cleanup_free_ char *buffer = malloc(CHUNK_BYTES);
        uint64_t offset_bytes = 0;
        size_t size;

        if (!buffer)
                return fault_set_errno(fault, ENOMEM, "Copying %s", name);
        do {
                int r = progress ? progress_check(progress, fault) : 0;

                if (r < 0)
                        return r;
                r = io_read_full_at(source_fd, buffer, CHUNK_BYTES, offset_bytes, &size);
                if (r >= 0)
                        r = io_write_all(target_fd, buffer, size);
                if (r < 0)
                        return fault_set_errno(fault, r, "Copying %s", name);
                offset_bytes += size;
                if (progress)
                        progress_add(progress, size);
        } while (size == CHUNK_BYTES);
        if (fsync(target_fd) < 0)
                return fault_set_errno(fault, errno, "Writing the copy of %s to the disk", name);
        return 0;
}

static int open_regular(const char *path, struct stat *ret)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

        if (fd < 0 || (fstat(fd, ret) == 0 && S_ISREG(ret->st_mode)))
                return fd;
        closep(&fd);
        errno = EINVAL;
        return -EBADF;
}

static bool reads_the_same(int fd, int other_fd)
{
        _cleanup_free_ char *buffer = malloc(CHUNK_BYTES), *other = malloc(CHUNK_BYTES);
        size_t size = CHUNK_BYTES, other_size;

        if (!buffer || !other)
                return false;
        for (uint64_t offset_bytes = 0; size == CHUNK_BYTES; offset_bytes += size)
                if (io_read_full_at(fd, buffer, CHUNK_BYTES, offset_bytes, &size) < 0 ||
                                io_read_full_at(other_fd, other, CHUNK_BYTES, offset_bytes, &other_size) <
                                                0 ||
                                size != other_size || memcmp(buffer, other, size) != 0)
                        return false;
        return true;
}

bool file_has_same_content(const char *path, const char *other)
{
        struct stat status, other_status;
        _cleanup_close_ int fd = open_regular(path, &status), other_fd = -EBADF;

        if (fd < 0)
                return false;
        other_fd = open_regular(other, &other_status);
        if (other_fd < 0)
                return false;
        if (status.st_dev == other_status.st_dev && status.st_ino == other_status.st_ino)
                return true;
        return status.st_size == other_status.st_size && reads_the_same(fd, other_fd);
}

static int refuse_to_replace(const char *from, const char *to, Fault *fault)
{
        return fault_set(fault,
                        FAULT_INVALID_ARGUMENT,
                        "%s is not moved to %s, where such a file exists already",
                        from,
                        to);
}

static int fill_copy(
                const char *from, int from_fd, const char *copy, const struct stat *status, Fault *fault)
{
        _cleanup_close_ int fd = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        int r;

        if (fd < 0)
                return fault_set_errno(fault, errno, "Creating %s", copy);
        r = file_copy_content(from_fd, fd, NULL, from, fault);
        if (r < 0)
                return r;
        if (fchmod(fd, status->st_mode & 0777) < 0)
                return fault_set_errno(fault, errno, "Setting the mode of %s", copy);
        /* Only root can give it away; for others it stays theirs, which the caller has judged before. */
        (void) !fchown(fd, status->st_uid, status->st_gid);
        return 0;
}

void file_forget_copy(const char *to)
{
        _cleanup_free_ char *copy = NULL;

        if (asprintf(&copy, "%s" COPY_SUFFIX, to) < 0)
                copy = NULL;
        else
                (void) unlink(copy);
}

/* `to` appears whole and synced. */
static int copy_to(const char *from, const char *to, Fault *fault)
{
        struct stat status;
        _cleanup_close_ int from_fd = open_regular(from, &status);
        _cleanup_free_ char *copy = NULL;
        int r;

        if (from_fd < 0)
                return fault_set_errno(fault, errno, "Opening %s", from);
        if (asprintf(&copy, "%s" COPY_SUFFIX, to) < 0) {
                copy = NULL;
                return fault_set_errno(fault, ENOMEM, "Moving %s", from);
        }
        (void) unlink(copy);
        r = fill_copy(from, from_fd, copy, &status, fault);
        TEST_POINT("quarantine-file-copied");
        if (r >= 0) {
                r = rename_noreplace(AT_FDCWD, copy, AT_FDCWD, to);
                if (r == -EEXIST)
                        r = refuse_to_replace(from, to, fault);
                else if (r < 0)
                        r = fault_set_errno(fault, r, "Moving %s to %s", from, to);
        }
        if (r < 0) {
                (void) unlink(copy);
                return r;
        }
        r = file_sync_directory_of(to);
        return r < 0 ? fault_set_errno(fault, r, "Writing the directory of %s to the disk", to) : 0;
}

int file_copy(const char *from, const char *to, Fault *fault)
{
        struct stat status;

        if (lstat(from, &status) < 0)
                return errno == ENOENT ? 0 : fault_set_errno(fault, errno, "Looking at %s", from);
        if (lstat(to, &status) == 0)
                return file_has_same_content(from, to) ? 0 : refuse_to_replace(from, to, fault);
        return copy_to(from, to, fault);
}

int file_move(const char *from, const char *to, Fault *fault)
{
        struct stat status;
        int r, renamed = rename_noreplace(AT_FDCWD, from, AT_FDCWD, to);

        if (renamed >= 0)
                return 0;
        /* The kernel says that they lie on two mounts before it says that there is nothing to move. */
        if (lstat(from, &status) < 0 && errno == ENOENT)
                return 0;
        if (renamed != -EXDEV && renamed != -EEXIST)
                return fault_set_errno(fault, renamed, "Moving %s to %s", from, to);
        /* The other file is a copy that an interrupted call made of this one, or another file. */
        if (file_has_same_content(from, to))
                r = 0;
        else
                r = renamed == -EXDEV ? copy_to(from, to, fault) : refuse_to_replace(from, to, fault);
        if (r < 0)
                return r;
        TEST_POINT("quarantine-file-across");
        return unlink(from) < 0 ? fault_set_errno(fault, errno, "Removing %s", from) : 0;
}
