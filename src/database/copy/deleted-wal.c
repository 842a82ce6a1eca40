/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/copy/deleted-wal.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/io.h"
#include "base/utf8.h"

/* How long a worker waits for other threads to close their connections. */
#define OWN_TRIES 100
#define OWN_DELAY_NSEC (20 * 1000 * 1000)

#define DELETED_MARK " (deleted)"
#define NAME_MAX_BYTES 64

static void closedirp(DIR **directory)
{
        if (*directory)
                (void) closedir(*directory);
}

void deleted_wal_done(DeletedWal *deleted)
{
        free(deleted->holders);
        *deleted = (DeletedWal){0};
}

static bool is_deleted(const char *path, const char *suffix, const char *target)
{
        size_t length = strlen(path), n = strlen(suffix);

        return strncmp(target, path, length) == 0 && strncmp(target + length, suffix, n) == 0 &&
               strcmp(target + length + n, DELETED_MARK) == 0;
}

/* A descriptor that is only a place (O_PATH), as a watch on the file has it for a moment, uses nothing. The
 * link has the rights of the descriptor. */
static bool is_used(int directory_fd, const char *name)
{
        struct stat status;

        return fstatat(directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) >= 0 &&
               (status.st_mode & (S_IRUSR | S_IWUSR)) != 0;
}

/* False for a process that can't be looked into, too, and for one that has a deleted database open: what it
 * has beside that is not the -wal of the one that is there. */
static bool holds(const char *path, const char *process)
{
        _cleanup_(closedirp) DIR *directory = NULL;
        char name[NAME_MAX + 16], target[PATH_MAX];
        struct dirent *entry;
        bool found = false;

        (void) snprintf(name, sizeof name, "/proc/%s/fd", process);
        directory = opendir(name);
        while (directory && (entry = readdir(directory))) {
                ssize_t n = readlinkat(dirfd(directory), entry->d_name, target, sizeof target - 1);

                if (n < 0)
                        continue;
                target[n] = '\0';
                if (is_deleted(path, "", target))
                        return false;
                if (!found && (is_deleted(path, "-wal", target) || is_deleted(path, "-shm", target)))
                        found = is_used(dirfd(directory), entry->d_name);
        }
        return found;
}

/* A process chooses its own name, and this one goes into messages. */
static int add_holder(DeletedWal *deleted, const char *process)
{
        char name[NAME_MAX + 16], text[NAME_MAX_BYTES] = "?", *joined;
        _cleanup_close_ int fd = -EBADF;
        size_t n = 0;

        (void) snprintf(name, sizeof name, "/proc/%s/comm", process);
        fd = open(name, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && io_read_full(fd, text, sizeof text - 1, &n) >= 0 && n > 0) {
                text[n] = '\0';
                text[strcspn(text, "\n")] = '\0';
                utf8_make_valid(text);
        }
        if (asprintf(&joined,
                            "%s%s%s (pid %s)",
                            deleted->holders ? deleted->holders : "",
                            deleted->holders ? ", " : "",
                            utf8_is_line(text) ? text : "?",
                            process) < 0)
                return -ENOMEM;
        free(deleted->holders);
        deleted->holders = joined;
        return 0;
}

static int find_others(const char *path, DeletedWal *deleted)
{
        _cleanup_(closedirp) DIR *directory = opendir("/proc");
        struct dirent *entry;
        int r = 0;

        while (r >= 0 && directory && (entry = readdir(directory)))
                if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
                                strtol(entry->d_name, NULL, 10) != getpid() && holds(path, entry->d_name))
                        r = add_holder(deleted, entry->d_name);
        return r;
}

int deleted_wal_find(const char *path, bool others, DeletedWal *ret)
{
        _cleanup_(deleted_wal_done) DeletedWal deleted = {0};
        _cleanup_free_ char *real = realpath(path, NULL);
        int r = 0;

        if (!real && errno == ENOMEM)
                return -ENOMEM;
        deleted.by_us = holds(real ? real : path, "self");
        if (others)
                r = find_others(real ? real : path, &deleted);
        if (r < 0)
                return r;
        *ret = deleted;
        deleted = (DeletedWal){0};
        return 0;
}

/* This process lets go of one as soon as it is noticed. */
static int wait_for_ourselves(const char *path, DeletedWal *deleted)
{
        for (unsigned i = 0;; i++) {
                int r = deleted_wal_find(path, false, deleted);

                if (r < 0 || !deleted->by_us || i == OWN_TRIES)
                        return r;
                (void) nanosleep(&(struct timespec){.tv_nsec = OWN_DELAY_NSEC}, NULL);
        }
}

int deleted_wal_refuse(const char *path, Fault *fault)
{
        _cleanup_(deleted_wal_done) DeletedWal deleted = {0};
        int r = wait_for_ourselves(path, &deleted);

        if (r >= 0 && !deleted.by_us)
                r = deleted_wal_find(path, true, &deleted);
        if (r < 0)
                return fault_set_errno(fault, r, "Looking for who has %s-wal open", path);
        if (deleted.by_us)
                return fault_set(fault,
                                FAULT_DATABASE_IN_USE,
                                "%s-wal or its -shm was deleted while this service has it open; it lets go "
                                "of it when its other work is done, try again then",
                                path);
        if (!deleted.holders)
                return 0;
        return fault_set(fault,
                        FAULT_DATABASE_IN_USE,
                        "%s-wal or its -shm was deleted while %s has it open, and only that process sees "
                        "all "
                        "commits; leave it running, have it write a copy (VACUUM INTO 'FILE'), and then "
                        "restart it",
                        path,
                        deleted.holders);
}
