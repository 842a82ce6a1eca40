/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/connection/access.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define NAME_MAX_BYTES 64
/* Nobody sets it. */
#define PROBED_ATTRIBUTE "user.org.oracxpred.probe"

static void name_user(uid_t uid, char ret[static NAME_MAX_BYTES])
{
        char buffer[4096];
        struct passwd record, *found = NULL;

        if (getpwuid_r(uid, &record, buffer, sizeof buffer, &found) == 0 && found)
                (void) snprintf(ret, NAME_MAX_BYTES, "%s", found->pw_name);
        else
                (void) snprintf(ret, NAME_MAX_BYTES, "%u", (unsigned) uid);
}

/* access() knows nothing of +a, and says of +i only that it is not permitted. */
static int refuse_marked(const char *path, Fault *fault)
{
        struct statx status;
        bool immutable;

        if (statx(AT_FDCWD, path, 0, STATX_TYPE, &status) < 0)
                return 0;
        immutable = status.stx_attributes & STATX_ATTR_IMMUTABLE;
        if (!immutable && !(status.stx_attributes & STATX_ATTR_APPEND))
                return 0;
        return fault_set(fault,
                        FAULT_PERMISSION,
                        "%s is marked as %s, and not even root may change it; take the mark away with: "
                        "chattr -%c '%s'",
                        path,
                        immutable ? "immutable (chattr +i)" : "append-only (chattr +a)",
                        immutable ? 'i' : 'a',
                        path);
}

/* ext4 stops all writing after an error, and neither access() nor statvfs() tells. Removing an attribute
 * that is not there needs the same permission of the file system as a write, and changes nothing. */
static int refuse_stopped(const char *path, Fault *fault)
{
        if (removexattr(path, PROBED_ATTRIBUTE) == 0)
                return 0;
        if (errno == EROFS)
                return fault_set(fault,
                                FAULT_READ_ONLY,
                                "%s is on a file system that turned read-only, as one does after an error; "
                                "see "
                                "the kernel's log, check the disk and its file system, then mount it again",
                                path);
        if (errno == EIO)
                return fault_set(fault,
                                FAULT_IO,
                                "%s is on a file system that the kernel has shut down after an error; see "
                                "the "
                                "kernel's log, check the disk and its file system, then mount it again",
                                path);
        return 0;
}

/* Whoever may write the folder may put a link there before root does what is said: nothing of it follows
 * one. */
static int refuse_owner(const char *path, const struct stat *status, Fault *fault)
{
        char owner[NAME_MAX_BYTES], user[NAME_MAX_BYTES];
        bool directory = S_ISDIR(status->st_mode);

        name_user(status->st_uid, owner);
        name_user(geteuid(), user);
        return fault_set(fault,
                        FAULT_PERMISSION,
                        "%s belongs to %s (owner %u:%u, mode %04o) and can't be read and written by this "
                        "service (%s, user %u, group %u); mend it with: chown -h %u:%u '%s' && runuser -u "
                        "%s -- chmod %s '%s', or leave the owner and run: setfacl -P -m u:%u:%s '%s'",
                        path,
                        owner,
                        status->st_uid,
                        status->st_gid,
                        status->st_mode & 07777,
                        user,
                        geteuid(),
                        getegid(),
                        geteuid(),
                        getegid(),
                        path,
                        user,
                        directory ? "u+rwx" : "u+rw",
                        path,
                        geteuid(),
                        directory ? "rwx" : "rw",
                        path);
}

int access_require(const char *path, int wanted, Fault *fault)
{
        struct stat status;
        int error, r;

        error = faccessat(AT_FDCWD, path, wanted, AT_EACCESS) < 0 ? errno : 0;
        if (error == EROFS)
                return fault_set(fault,
                                FAULT_READ_ONLY,
                                "%s is on a file system that is mounted read-only; mount it writable",
                                path);
        if ((error == 0 || error == EPERM) && (wanted & W_OK)) {
                r = refuse_marked(path, fault);
                if (r >= 0 && error == 0)
                        r = refuse_stopped(path, fault);
                if (r < 0)
                        return r;
        }
        if (error == 0)
                return 0;
        if (error != EACCES || stat(path, &status) < 0)
                return fault_set_errno(fault, error, "Looking at %s", path);
        return refuse_owner(path, &status, fault);
}
