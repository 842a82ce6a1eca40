/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/publish.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/rename.h"
#include "base/test-hook.h"

#define TEMPORARY_SUFFIX ".tmp"

Publication *publish_free(Publication *publication)
{
        if (!publication)
                return NULL;
        if (publication->fd >= 0)
                (void) close(publication->fd);
        if (publication->temporary_name)
                (void) unlinkat(publication->directory_fd, publication->temporary_name, 0);
        free(publication->temporary_name);
        free(publication->name);
        free(publication);
        return NULL;
}

/* On FAT and the like the mount decides who may read what; the file system refuses any other mode. */
static bool has_no_modes(int error)
{
        return error == EPERM || error == EOPNOTSUPP || error == ENOSYS;
}

int publish_begin(int directory_fd, const char *name, mode_t mode, Publication **ret, Fault *fault)
{
        _cleanup_(publish_freep) Publication *publication = calloc(1, sizeof *publication);

        if (!publication)
                return fault_set_errno(fault, ENOMEM, "Writing %s", name);
        publication->directory_fd = directory_fd;
        publication->fd = -EBADF;
        publication->name = strdup(name);
        if (!publication->name || asprintf(&publication->temporary_name, ".%s" TEMPORARY_SUFFIX, name) < 0) {
                publication->temporary_name = NULL;
                return fault_set_errno(fault, ENOMEM, "Writing %s", name);
        }

        (void) unlinkat(directory_fd, publication->temporary_name, 0);
        publication->fd = openat(directory_fd,
                        publication->temporary_name,
                        O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                        mode);
        if (publication->fd < 0 || (fchmod(publication->fd, mode) < 0 && !has_no_modes(errno)))
                return fault_set_errno(fault, errno, "Creating %s", publication->temporary_name);
        *ret = TAKE_PTR(publication);
        return 0;
}

static int link_source(Publication *publication, const char *source, Fault *fault)
{
        int directory_fd = publication->directory_fd;

        closep(&publication->fd);
        publication->fd = -EBADF;
        if (unlinkat(directory_fd, publication->temporary_name, 0) < 0 ||
                        linkat(directory_fd, source, directory_fd, publication->temporary_name, 0) < 0)
                return fault_set_errno(
                                fault, errno, "Linking %s to %s", publication->temporary_name, source);
        publication->fd = openat(directory_fd,
                        publication->temporary_name,
                        O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (publication->fd < 0)
                return fault_set_errno(fault, errno, "Opening %s", publication->temporary_name);
        return 0;
}

int publish_begin_shared(int directory_fd,
                const char *name,
                const char *source,
                mode_t mode,
                Publication **ret,
                Fault *fault)
{
        _cleanup_(publish_freep) Publication *publication = NULL;
        _cleanup_close_ int source_fd = -EBADF;
        int r = publish_begin(directory_fd, name, mode, &publication, fault);

        if (r < 0)
                return r;
        source_fd = openat(directory_fd, source, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (source_fd < 0)
                return fault_set_errno(fault, errno, "Opening %s", source);
        if (ioctl(publication->fd, FICLONE, source_fd) < 0) {
                r = link_source(publication, source, fault);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(publication);
        return 0;
}

int publish_sync(Publication *publication, Fault *fault)
{
        if (fsync(publication->fd) < 0)
                return fault_set_errno(fault, errno, "Writing %s to the disk", publication->name);
        (void) posix_fadvise(publication->fd, 0, 0, POSIX_FADV_DONTNEED);
        return 0;
}

static int sync_directory(int directory_fd, const char *name, Fault *fault)
{
        if (fsync(directory_fd) < 0)
                return fault_set_errno(fault, errno, "Writing the directory of %s to the disk", name);
        return 0;
}

static int rename_in_directory(
                int directory_fd, const char *from, const char *to, bool replace, Fault *fault)
{
        int r;

        if (replace)
                r = renameat(directory_fd, from, directory_fd, to) < 0 ? -errno : 0;
        else
                r = rename_noreplace(directory_fd, from, directory_fd, to);
        if (r == -EEXIST)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "%s exists already and is left as it is; move it away first",
                                to);
        if (r < 0)
                return fault_set_errno(fault, r, "Renaming %s to %s", from, to);
        return 0;
}

int publish_commit(Publication *publication, bool replace, Fault *fault)
{
        int r;

        if (fsync(publication->fd) < 0)
                return fault_set_errno(fault, errno, "Writing %s to the disk", publication->name);
        TEST_POINT("publish-synced");
        r = rename_in_directory(publication->directory_fd,
                        publication->temporary_name,
                        publication->name,
                        replace,
                        fault);
        if (r < 0)
                return r;
        /* From here on the temporary name belongs to nobody. */
        free(TAKE_PTR(publication->temporary_name));
        TEST_POINT("publish-renamed");
        return sync_directory(publication->directory_fd, publication->name, fault);
}

int publish_rename(int directory_fd, const char *from, const char *to, Fault *fault)
{
        int r = rename_in_directory(directory_fd, from, to, false, fault);

        if (r < 0)
                return r;
        TEST_POINT("publish-renamed");
        return sync_directory(directory_fd, to, fault);
}

int publish_remove(int directory_fd, const char *name, Fault *fault)
{
        if (unlinkat(directory_fd, name, 0) < 0) {
                if (errno == ENOENT)
                        return 0;
                return fault_set_errno(fault, errno, "Removing %s", name);
        }
        return sync_directory(directory_fd, name, fault);
}

bool publish_is_temporary_name(const char *name)
{
        size_t length = strlen(name), suffix = strlen(TEMPORARY_SUFFIX);

        return name[0] == '.' && length > 1 + suffix &&
               strcmp(name + length - suffix, TEMPORARY_SUFFIX) == 0;
}
