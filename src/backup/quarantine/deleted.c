/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/quarantine/deleted.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/quarantine/file-move.h"
#include "backup/quarantine/quarantine.h"
#include "base/directory.h"
#include "base/io.h"

#define DELETED_MARK " (deleted)"
/* A checkpoint that starts the -wal over while it is copied: the copy is made again. */
#define COPIES_TRIED_MAX 8
#define WAL_HEADER_BYTES 32

/* The deleted database and its -wal, as one process has them open. */
typedef struct Deleted {
        int fds[2]; /* -EBADF for none */
        uint64_t modified_nsec;
} Deleted;

static const char *const suffixes[] = {"", "-wal"};

static void deleted_done(Deleted *deleted)
{
        closep(&deleted->fds[0]);
        closep(&deleted->fds[1]);
        deleted->fds[0] = deleted->fds[1] = -EBADF;
}

static void take_descriptor(int directory_fd, const char *name, const char *path, Deleted *deleted)
{
        char target[PATH_MAX];
        ssize_t length = readlinkat(directory_fd, name, target, sizeof target - 1);
        size_t path_length = strlen(path);
        struct stat status;

        if (length < 0)
                return;
        target[length] = '\0';
        if (strncmp(target, path, path_length) != 0)
                return;
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                size_t suffix_length = strlen(suffixes[i]);

                if (deleted->fds[i] >= 0 || strncmp(target + path_length, suffixes[i], suffix_length) != 0 ||
                                strcmp(target + path_length + suffix_length, DELETED_MARK) != 0)
                        continue;
                deleted->fds[i] = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
                if (deleted->fds[i] >= 0 && fstat(deleted->fds[i], &status) == 0)
                        deleted->modified_nsec = MAX_OF(deleted->modified_nsec,
                                        (uint64_t) status.st_mtim.tv_sec * 1000000000 +
                                                        (uint64_t) status.st_mtim.tv_nsec);
        }
}

static void look_at_process(const char *process, const char *path, Deleted *ret)
{
        _cleanup_(directory_list_done) DirectoryList list = {0};
        _cleanup_close_ int fd = -EBADF;
        char directory[64];

        *ret = (Deleted){.fds = {-EBADF, -EBADF}};
        if (snprintf(directory, sizeof directory, "/proc/%s/fd", process) >= (int) sizeof directory)
                return;
        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || directory_list(fd, &list) < 0)
                return;
        for (size_t i = 0; i < list.n_names; i++)
                take_descriptor(fd, list.names[i], path, ret);
}

static bool is_other_process(const char *name)
{
        char *end = NULL;
        long pid = strtol(name, &end, 10);

        return pid > 0 && *end == '\0' && pid != getpid();
}

/* Of several the one that was written last: a database may have been removed more than once. */
static int find(const char *path, Deleted *ret)
{
        _cleanup_(directory_list_done) DirectoryList list = {0};
        _cleanup_close_ int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = fd < 0 ? -errno : directory_list(fd, &list);

        *ret = (Deleted){.fds = {-EBADF, -EBADF}};
        for (size_t i = 0; r >= 0 && i < list.n_names; i++) {
                Deleted found;

                if (!is_other_process(list.names[i]))
                        continue;
                look_at_process(list.names[i], path, &found);
                if (found.fds[0] < 0 || (ret->fds[0] >= 0 && found.modified_nsec <= ret->modified_nsec)) {
                        deleted_done(&found);
                        continue;
                }
                deleted_done(ret);
                *ret = found;
        }
        return r;
}

static bool read_header(int fd, char ret[static WAL_HEADER_BYTES])
{
        size_t size = 0;

        memset(ret, 0, WAL_HEADER_BYTES);
        return fd < 0 || io_read_full_at(fd, ret, WAL_HEADER_BYTES, 0, &size) >= 0;
}

static int copy_to(int fd, const char *path, Progress *progress, Fault *fault)
{
        _cleanup_close_ int to_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (to_fd < 0)
                return fault_set_errno(fault, errno, "Creating %s", path);
        return file_copy_content(fd, to_fd, progress, path, fault);
}

/* The database first: what a checkpoint moves into it meanwhile is in the -wal as well, until that is
 * started over, which its header tells. */
static int copy_both(const Deleted *deleted,
                const char *path,
                const char *wal_path,
                Progress *progress,
                Fault *fault)
{
        for (unsigned i = 0; i < COPIES_TRIED_MAX; i++) {
                char before[WAL_HEADER_BYTES], after[WAL_HEADER_BYTES];
                int r;

                if (!read_header(deleted->fds[1], before))
                        return fault_set_errno(fault, EIO, "Reading the -wal of a deleted database");
                r = copy_to(deleted->fds[0], path, progress, fault);
                if (r >= 0 && deleted->fds[1] >= 0)
                        r = copy_to(deleted->fds[1], wal_path, progress, fault);
                if (r < 0)
                        return r;
                if (read_header(deleted->fds[1], after) && memcmp(before, after, sizeof before) == 0)
                        return file_sync_directory_of(path);
        }
        return fault_set(
                        fault, FAULT_BUSY, "A deleted database was written to for as long as it was copied");
}

static int join(const char *folder, const char *database_path, const char *suffix, char **ret)
{
        const char *slash = strrchr(database_path, '/');

        if (asprintf(ret, "%s/%s%s", folder, slash ? slash + 1 : database_path, suffix) < 0) {
                *ret = NULL;
                return -ENOMEM;
        }
        return 0;
}

/* Whether the folders have the same database and the same -wal, or none. */
static bool is_same(const char *folder, const char *other, const char *database_path)
{
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                _cleanup_free_ char *a = NULL, *b = NULL;

                if (join(folder, database_path, suffixes[i], &a) < 0 ||
                                join(other, database_path, suffixes[i], &b) < 0)
                        return false;
                if (access(a, F_OK) < 0 && access(b, F_OK) < 0)
                        continue;
                if (!file_has_same_content(a, b))
                        return false;
        }
        return true;
}

/* A restore that is tried again and again must not fill the disk. */
static int find_earlier(
                const char *quarantine_path, const char *folder, const char *database_path, char **ret)
{
        _cleanup_(directory_list_done) DirectoryList list = {0};
        _cleanup_close_ int fd = open(quarantine_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = fd < 0 ? -errno : directory_list(fd, &list);

        for (size_t i = 0; r >= 0 && i < list.n_names; i++) {
                _cleanup_free_ char *other = NULL;

                if (asprintf(&other, "%s/%s", quarantine_path, list.names[i]) < 0) {
                        other = NULL;
                        return -ENOMEM;
                }
                if (strcmp(other, folder) == 0 || !is_same(folder, other, database_path))
                        continue;
                *ret = TAKE_PTR(other);
                return 1;
        }
        return r;
}

static int copy_into_quarantine(const Deleted *deleted,
                const char *database_path,
                const char *quarantine_path,
                uint64_t now_usec,
                Progress *progress,
                char **ret_folder,
                Fault *fault)
{
        _cleanup_free_ char *folder = NULL, *path = NULL, *wal_path = NULL, *earlier = NULL;
        int r = quarantine_make_folder(quarantine_path, now_usec, &folder, fault);

        if (r < 0)
                return r;
        if (join(folder, database_path, "", &path) < 0 || join(folder, database_path, "-wal", &wal_path) < 0)
                return fault_set_errno(fault, ENOMEM, "Copying a deleted database");
        r = copy_both(deleted, path, wal_path, progress, fault);
        if (r < 0 || find_earlier(quarantine_path, folder, database_path, &earlier) > 0)
                (void) quarantine_remove(folder, database_path, NULL);
        if (r < 0)
                return r;
        *ret_folder = earlier ? TAKE_PTR(earlier) : TAKE_PTR(folder);
        return 0;
}

int deleted_copy_out(const char *database_path,
                const char *quarantine_path,
                uint64_t now_usec,
                Progress *progress,
                char **ret_folder,
                Fault *fault)
{
        _cleanup_(deleted_done) Deleted deleted = {.fds = {-EBADF, -EBADF}};
        const char *slash = strrchr(database_path, '/');
        _cleanup_free_ char *directory = NULL, *real = NULL, *path = NULL;
        int r;

        *ret_folder = NULL;
        directory = slash ? strndup(database_path, (size_t) (slash - database_path) + 1) : strdup("./");
        if (!directory)
                return fault_set_errno(fault, ENOMEM, "Looking for who has %s open", database_path);
        /* As /proc spells it. */
        real = realpath(directory, NULL);
        if (!real)
                return 0;
        if (join(real, database_path, "", &path) < 0)
                return fault_set_errno(fault, ENOMEM, "Looking for who has %s open", database_path);
        r = find(path, &deleted);
        if (r < 0 || deleted.fds[0] < 0)
                return 0;
        return copy_into_quarantine(
                        &deleted, database_path, quarantine_path, now_usec, progress, ret_folder, fault);
}
