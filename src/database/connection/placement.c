/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/connection/placement.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "base/quantity.h"
#include "database/connection/access.h"

/* Magic numbers of linux/magic.h and, for the file systems outside the kernel, of their own sources. Unsafe
 * is where another host may have the file open: locks are emulated, late or absent, and the -shm can't be
 * mapped together. FUSE is whatever its server makes of it. A name that is not here is taken as local. */
static const struct {
        uint32_t magic;
        bool unsafe;
        const char *name;
} file_systems[] = {
                {0x0000ef53, false, "ext4"},
                {0x9123683e, false, "btrfs"},
                {0x58465342, false, "xfs"},
                {0x2fc12fc1, false, "zfs"},
                {0xf2f52010, false, "f2fs"},
                {0xca451a4e, false, "bcachefs"},
                {0x01021994, false, "tmpfs"},
                {0x858458f6, false, "ramfs"},
                {0x794c7630, false, "overlay"},
                {0x0000f15f, false, "ecryptfs"},
                {0x73717368, false, "squashfs"},
                {0x00004d44, false, "vfat"},
                {0x2011bab0, false, "exfat"},
                {0x7366746e, false, "ntfs3"},
                {0x00006969, true, "nfs"},
                {0xff534d42, true, "cifs"},
                {0xfe534d42, true, "smb2"},
                {0x0000517b, true, "smb"},
                {0x01021997, true, "9p"},
                {0x00c36400, true, "ceph"},
                {0x5346414f, true, "afs"},
                {0x6b414653, true, "afs"},
                {0x73757245, true, "coda"},
                {0x0000564c, true, "ncp"},
                {0x65735546, true, "fuse"},
                {0x65735543, true, "fusectl"},
                {0x7461636f, true, "ocfs2"},
                {0x01161970, true, "gfs2"},
                {0x0bd00bd0, true, "lustre"},
                {0x20030528, true, "orangefs"},
                {0x47504653, true, "gpfs"},
                {0xaad7aaea, true, "panfs"},
                {0x19830326, true, "beegfs"},
                {0x786f4256, true, "vboxsf"},
                {0xbacbacbc, true, "vmhgfs"},
                {0x7c7c6673, true, "prl_fs"},
};

/* f_type is signed, and 32 bits of it mean something. */
static size_t find_file_system(long magic)
{
        size_t i = 0;

        while (i < ELEMENTSOF(file_systems) && file_systems[i].magic != (uint32_t) magic)
                i++;
        return i;
}

const char *placement_file_system_name(long magic)
{
        static _Thread_local char number[sizeof "0xffffffff"];
        size_t i = find_file_system(magic);

        if (i < ELEMENTSOF(file_systems))
                return file_systems[i].name;
        (void) snprintf(number, sizeof number, "0x%08x", (unsigned) (uint32_t) magic);
        return number;
}

static int parent_of(const char *path, char **ret)
{
        const char *slash = strrchr(path, '/');
        char *parent;

        if (!slash)
                parent = strdup(".");
        else
                parent = strndup(path, slash == path ? 1 : (size_t) (slash - path));
        if (!parent)
                return -ENOMEM;
        *ret = parent;
        return 0;
}

/* What was made in a directory is there after a power failure only once the directory itself is synced. */
static int sync_parent(const char *path, Fault *fault)
{
        _cleanup_free_ char *parent = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r = parent_of(path, &parent);

        if (r < 0)
                return fault_set_errno(fault, r, "Creating %s", path);
        fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || fsync(fd) < 0)
                return fault_set_errno(fault, errno, "Writing the directory %s to the disk", parent);
        return 0;
}

static int set_mode(int fd, mode_t mode)
{
        if (fchmod(fd, mode) == 0)
                return 0;
        /* RestrictSUIDSGID= of our own unit refuses the setgid bit; tmpfiles.d has set it by then. */
        if (errno == EPERM && (mode & S_ISGID) && fchmod(fd, mode & ~(mode_t) S_ISGID) == 0)
                return 0;
        return -errno;
}

int placement_open_directory(const char *path, mode_t mode, int *ret_fd, Fault *fault)
{
        _cleanup_close_ int fd = -EBADF;
        bool created;
        int r;

        created = mkdir(path, mode & 0700) == 0;
        if (!created && errno != EEXIST)
                return fault_set_errno(fault, errno, "Creating the directory %s", path);
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 && errno == ENOTDIR)
                return fault_set(fault,
                                FAULT_CANNOT_OPEN,
                                "%s is not a directory; move it away, or configure another place",
                                path);
        if (fd < 0 && errno == EACCES) {
                r = access_require(path, R_OK | W_OK | X_OK, fault);
                /* What refuses may be none of the modes: AppArmor, SELinux. */
                return r < 0 ? r : fault_set_errno(fault, EACCES, "Opening the directory %s", path);
        }
        if (fd < 0)
                return fault_set_errno(fault, errno, "Opening the directory %s", path);
        if (!created)
                r = access_require(path, R_OK | W_OK | X_OK, fault);
        else {
                r = set_mode(fd, mode);
                if (r < 0)
                        return fault_set_errno(fault, r, "Setting the mode of %s", path);
                r = sync_parent(path, fault);
        }
        if (r < 0)
                return r;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int placement_create_database(const char *path, bool *ret_created, Fault *fault)
{
        /* O_EXCL: this is the one place that opens a database by hand, and only one that nobody can have
         * open through SQLite, since it did not exist. */
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0660);
        int r;

        if (fd < 0 && errno == EEXIST) {
                *ret_created = false;
                return 0;
        }
        if (fd < 0)
                return fault_set_errno(fault, errno, "Creating %s", path);
        r = set_mode(fd, 0660);
        if (r < 0)
                return fault_set_errno(fault, r, "Setting the mode of %s", path);
        r = sync_parent(path, fault);
        if (r < 0)
                return r;
        *ret_created = true;
        return 0;
}

static int check_file_system(const char *place, const char *path, Fault *fault)
{
        struct statfs status;
        size_t i;

        if (statfs(place, &status) < 0)
                return fault_set_errno(fault, errno, "Looking at the file system of %s", path);
        i = find_file_system((long) status.f_type);
        if (i < ELEMENTSOF(file_systems) && file_systems[i].unsafe)
                return fault_set(fault,
                                FAULT_UNSAFE_FILE_SYSTEM,
                                "%s lies on a %s file system, where SQLite's locks can't be relied on; move "
                                "it to a local disk",
                                path,
                                file_systems[i].name);
        return 0;
}

static int check_inode(const char *path, const struct stat *status, Fault *fault)
{
        if (S_ISLNK(status->st_mode))
                return fault_set(fault,
                                FAULT_UNSAFE_FILE_SYSTEM,
                                "%s is a symbolic link, and a program that follows it gives the journal "
                                "another name; configure the path that it points to",
                                path);
        if (!S_ISREG(status->st_mode))
                return fault_set(fault,
                                FAULT_CANNOT_OPEN,
                                "%s is not a regular file; move it away, or configure another path",
                                path);
        if (status->st_nlink > 1)
                return fault_set(fault,
                                FAULT_UNSAFE_FILE_SYSTEM,
                                "%s has %ju hard links, and a program that opens another of its names "
                                "doesn't find the journal; find them with find -samefile and remove the "
                                "others",
                                path,
                                (uintmax_t) status->st_nlink);
        return 0;
}

/* A -wal that root's sqlite3 left behind with its own owner stops everybody else. */
static int check_side_files(const char *path, Fault *fault)
{
        static const char *const suffixes[] = {"-wal", "-shm", "-journal"};

        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                _cleanup_free_ char *name = NULL;
                int r;

                if (asprintf(&name, "%s%s", path, suffixes[i]) < 0) {
                        name = NULL;
                        return fault_set_errno(fault, ENOMEM, "Looking at %s", path);
                }
                if (access(name, F_OK) < 0 && errno == ENOENT)
                        continue;
                r = access_require(name, R_OK | W_OK, fault);
                if (r == -ENOENT && fault) /* deleted in between, as SQLite does */
                        fault_done(fault);
                if (r < 0 && r != -ENOENT)
                        return r;
        }
        return 0;
}

int placement_check(const char *path, Fault *fault)
{
        _cleanup_free_ char *parent = NULL;
        struct stat status;
        int error, r;
        bool exists;

        r = parent_of(path, &parent);
        if (r < 0)
                return fault_set_errno(fault, r, "Looking at %s", path);
        error = lstat(path, &status) < 0 ? errno : 0;
        if (error == ENOENT && access(parent, F_OK) < 0 && errno == ENOENT)
                return 0;
        if (error != 0 && error != ENOENT) {
                r = access_require(parent, R_OK | W_OK | X_OK, fault);
                return r < 0 ? r : fault_set_errno(fault, error, "Looking at %s", path);
        }
        exists = error == 0;

        r = exists ? check_inode(path, &status, fault) : 0;
        if (r >= 0)
                r = check_file_system(exists ? path : parent, path, fault);
        if (r >= 0)
                r = access_require(parent, R_OK | W_OK | X_OK, fault);
        if (r >= 0 && exists)
                r = access_require(path, R_OK | W_OK, fault);
        if (r >= 0 && exists)
                r = check_side_files(path, fault);
        return r;
}

int placement_disk_space(const char *path, DiskSpace *ret, Fault *fault)
{
        struct statvfs status;

        if (statvfs(path, &status) < 0)
                return fault_set_errno(fault, errno, "Looking at the room left at %s", path);
        *ret = (DiskSpace){
                        .total_bytes = (uint64_t) status.f_blocks * status.f_frsize,
                        .free_bytes = (uint64_t) status.f_bavail * status.f_frsize,
        };
        return 0;
}

int placement_require_space(const char *path, uint64_t needed_bytes, Fault *fault)
{
        char needed[QUANTITY_MAX], left[QUANTITY_MAX];
        DiskSpace space = {0};
        int r = placement_disk_space(path, &space, fault);

        if (r < 0)
                return r;
        if (space.free_bytes >= needed_bytes)
                return 0;
        quantity_format_size(needed_bytes, needed);
        quantity_format_size(space.free_bytes, left);
        return fault_set(fault,
                        FAULT_NO_SPACE,
                        "The file system of %s has %s free and %s are needed; make room there",
                        path,
                        left,
                        needed);
}
