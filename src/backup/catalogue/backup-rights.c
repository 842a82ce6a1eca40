/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/catalogue/backup-rights.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/catalogue/backup-name.h"
#include "base/directory.h"

#define DIRECTORY_MODE 0700
#define GROUP_MAY_ENTER 0050
#define GROUP_MAY_READ 0040
#define PERMISSIONS 0777

void backup_rights_follow(int directory_fd, int fd)
{
        struct stat directory;

        if (fstat(directory_fd, &directory) < 0 || !(directory.st_mode & GROUP_MAY_READ))
                return;
        /* The mode last, so that no other group reads it meanwhile. */
        if (fchown(fd, (uid_t) -1, directory.st_gid) == 0)
                (void) fchmod(fd, BACKUP_FILE_MODE | GROUP_MAY_READ);
}

static bool is_stored(const char *name)
{
        char file[BACKUP_NAME_MAX], found[BACKUP_NAME_MAX];
        size_t length = strlen(name), suffix = strlen(MANIFEST_SUFFIX);
        Compression compression;
        bool encrypted;

        if (length > suffix && strcmp(name + length - suffix, MANIFEST_SUFFIX) == 0)
                length -= suffix;
        if (length >= sizeof file)
                return false;
        memcpy(file, name, length);
        file[length] = '\0';
        return backup_name_from_file(file, found, &compression, &encrypted) >= 0;
}

static void set_file(int directory_fd, const char *name, gid_t group)
{
        _cleanup_close_ int fd = openat(
                        directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        mode_t wanted = BACKUP_FILE_MODE | (group == BACKUP_GROUP_NONE ? 0 : GROUP_MAY_READ);
        struct stat status;

        if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_uid != geteuid())
                return;
        if ((status.st_mode & PERMISSIONS) == wanted &&
                        (group == BACKUP_GROUP_NONE || status.st_gid == group))
                return;
        if (fchmod(fd, BACKUP_FILE_MODE) == 0 && group != BACKUP_GROUP_NONE)
                backup_rights_follow(directory_fd, fd);
}

static int set_directory(int directory_fd, const char *path, gid_t group, Fault *fault)
{
        mode_t wanted = DIRECTORY_MODE | (group == BACKUP_GROUP_NONE ? 0 : GROUP_MAY_ENTER);
        struct stat status;

        if (fstat(directory_fd, &status) < 0)
                return fault_set_errno(fault, errno, "Looking at %s", path);
        if ((status.st_mode & PERMISSIONS) == wanted &&
                        (group == BACKUP_GROUP_NONE || status.st_gid == group))
                return 0;
        if (fchmod(directory_fd, DIRECTORY_MODE) < 0)
                return fault_set_errno(fault,
                                errno,
                                "%s has the mode %04o and not %04o; set it, or have the file system mounted "
                                "for this service alone",
                                path,
                                status.st_mode & 07777,
                                wanted);
        if (group == BACKUP_GROUP_NONE)
                return 0;
        if (fchown(directory_fd, (uid_t) -1, group) < 0)
                return fault_set_errno(fault,
                                errno,
                                "Giving %s to the group %u of BackupGroup=; make this service a member of "
                                "it "
                                "(SupplementaryGroups= in a drop-in)",
                                path,
                                (unsigned) group);
        if (fchmod(directory_fd, wanted) < 0)
                return fault_set_errno(fault, errno, "Setting the mode of %s", path);
        return 0;
}

int backup_rights_set(int directory_fd, const char *path, gid_t group, Fault *fault)
{
        _cleanup_(directory_list_done) DirectoryList list = {0};
        int r = set_directory(directory_fd, path, group, fault);

        if (r < 0)
                return r;
        r = directory_list(directory_fd, &list);
        if (r < 0)
                return fault_set_errno(fault, r, "Reading %s", path);
        for (size_t i = 0; i < list.n_names; i++)
                if (is_stored(list.names[i]))
                        set_file(directory_fd, list.names[i], group);
        return 0;
}
