/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/connection/open-files.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/io.h"
#include "base/utf8.h"

#define DELETED_MARK " (deleted)"

/* The main file first; the others are where a connection leaves a trace as well. */
static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};

typedef struct Wanted {
        char *path;            /* without symbolic links in its directory, as /proc spells it */
        const char *file_name; /* the last component of it */
        struct {
                bool exists;
                dev_t device;
                ino_t inode;
        } files[ELEMENTSOF(suffixes)];
        dev_t lock_device; /* as /proc/locks has it */
} Wanted;

static void wanted_done(Wanted *wanted)
{
        free(wanted->path);
}

void open_files_done(OpenFiles *open_files)
{
        free(open_files->holders);
        *open_files = (OpenFiles){0};
}

static char *resolve_path(const char *path)
{
        const char *slash = strrchr(path, '/'), *file_name = slash ? slash + 1 : path;
        _cleanup_free_ char *directory = NULL, *real = NULL;
        char *joined;

        directory = slash ? strndup(path, (size_t) (slash - path) + 1) : strdup(".");
        if (!directory)
                return NULL;
        real = realpath(directory, NULL);
        if (asprintf(&joined,
                            "%s/%s",
                            !real                    ? directory
                            : strcmp(real, "/") == 0 ? ""
                                                     : real,
                            file_name) < 0)
                return NULL;
        return joined;
}

/* The device of the file system that holds `path`. On btrfs and on overlays, stat() gives another one for
 * each subvolume or layer, and /proc/locks this one, which no call tells but /proc/self/mountinfo does. */
static bool read_lock_device(const char *path, dev_t *ret)
{
        _cleanup_fclose_ FILE *stream = NULL;
        _cleanup_free_ char *line = NULL;
        size_t size = 0;
        struct statx status;

        if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &status) < 0 ||
                        !(status.stx_mask & STATX_MNT_ID))
                return false;
        stream = fopen("/proc/self/mountinfo", "re");
        if (!stream)
                return false;
        while (getline(&line, &size, stream) > 0) {
                unsigned long long mount;
                unsigned major_number, minor_number;

                /* "36 35 98:0 /mnt1 /mnt2 rw,noatime ..." */
                if (sscanf(line, "%llu %*u %u:%u ", &mount, &major_number, &minor_number) != 3 ||
                                mount != status.stx_mnt_id)
                        continue;
                *ret = makedev(major_number, minor_number);
                return true;
        }
        return false;
}

static int wanted_init(Wanted *wanted, const char *path)
{
        wanted->path = resolve_path(path);
        if (!wanted->path)
                return -ENOMEM;
        wanted->file_name = strrchr(wanted->path, '/') + 1;

        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                _cleanup_free_ char *name = NULL;
                struct stat status;

                if (asprintf(&name, "%s%s", wanted->path, suffixes[i]) < 0) {
                        name = NULL;
                        return -ENOMEM;
                }
                if (stat(name, &status) < 0)
                        continue;
                wanted->files[i].exists = true;
                wanted->files[i].device = status.st_dev;
                wanted->files[i].inode = status.st_ino;
                if (wanted->lock_device == 0 && !read_lock_device(name, &wanted->lock_device))
                        wanted->lock_device = status.st_dev;
        }
        return 0;
}

static ssize_t find_inode(const Wanted *wanted, dev_t device, ino_t inode)
{
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++)
                if (wanted->files[i].exists && wanted->files[i].device == device &&
                                wanted->files[i].inode == inode)
                        return (ssize_t) i;
        return -1;
}

static bool is_locked_inode(const Wanted *wanted, dev_t device, ino_t inode)
{
        if (device != wanted->lock_device)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++)
                if (wanted->files[i].exists && wanted->files[i].inode == inode)
                        return true;
        return false;
}

static void read_process_name(pid_t pid, char ret[static OPEN_FILES_NAME_MAX])
{
        char path[32], text[OPEN_FILES_NAME_MAX];
        _cleanup_close_ int fd = -EBADF;
        size_t size = 0;

        (void) snprintf(ret, OPEN_FILES_NAME_MAX, "?");
        (void) snprintf(path, sizeof path, "/proc/%d/comm", (int) pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || io_read_full(fd, text, sizeof text - 1, &size) < 0 || size == 0)
                return;
        text[size] = '\0';
        text[strcspn(text, "\n")] = '\0';
        /* A process chooses its own name, and this one goes into messages. */
        utf8_make_valid(text);
        if (utf8_is_line(text) && text[0])
                (void) snprintf(ret, OPEN_FILES_NAME_MAX, "%s", text);
}

static int add_holder(OpenFiles *open_files, pid_t pid, bool on_replaced_file)
{
        OpenFilesHolder *grown;

        for (size_t i = 0; i < open_files->n_holders; i++)
                if (open_files->holders[i].pid == pid)
                        return 0;
        grown = reallocarray(open_files->holders, open_files->n_holders + 1, sizeof *grown);
        if (!grown)
                return -ENOMEM;
        open_files->holders = grown;
        grown[open_files->n_holders] = (OpenFilesHolder){.pid = pid, .on_replaced_file = on_replaced_file};
        read_process_name(pid, grown[open_files->n_holders].name);
        open_files->n_holders++;
        return 0;
}

/* "/data/oracxpred.db (deleted)", or its -wal. Not the -shm: the last connection that closes removes it just
 * before it lets go of it. */
static bool is_deleted_predecessor(const Wanted *wanted, const char *target)
{
        size_t length = strlen(wanted->path);

        if (strncmp(target, wanted->path, length) != 0)
                return false;
        return strcmp(target + length, DELETED_MARK) == 0 ||
               strcmp(target + length, "-wal" DELETED_MARK) == 0;
}

typedef struct Seen {
        bool any;
        bool main_file;
        bool predecessor;
} Seen;

static void look_at_descriptor(const Wanted *wanted, int directory_fd, const char *name, Seen *seen)
{
        char target[PATH_MAX];
        ssize_t length = readlinkat(directory_fd, name, target, sizeof target - 1);
        const char *slash;
        struct stat status;
        ssize_t which;

        if (length < 0)
                return;
        target[length] = '\0';
        slash = strrchr(target, '/');
        /* By name first: a stat on just any descriptor can hang on a dead network file system. The folders
         * before the name may differ, another process can have another view of the mounts. */
        if (!slash || strncmp(slash + 1, wanted->file_name, strlen(wanted->file_name)) != 0)
                return;
        if (is_deleted_predecessor(wanted, target)) {
                seen->any = seen->predecessor = true;
                return;
        }
        if (fstatat(directory_fd, name, &status, 0) < 0)
                return;
        which = find_inode(wanted, status.st_dev, status.st_ino);
        if (which >= 0)
                seen->any = true;
        if (which == 0)
                seen->main_file = true;
}

static int look_at_descriptors(const Wanted *wanted, pid_t pid, Seen *ret)
{
        char path[32];
        DIR *directory;
        struct dirent *entry;
        Seen seen = {0};

        (void) snprintf(path, sizeof path, "/proc/%d/fd", (int) pid);
        directory = opendir(path);
        if (!directory)
                return -errno;
        while ((entry = readdir(directory)))
                if (entry->d_name[0] != '.')
                        look_at_descriptor(wanted, dirfd(directory), entry->d_name, &seen);
        (void) closedir(directory);
        *ret = seen;
        return 0;
}

/* Whoever has a -wal or -shm of this name, but not the file that bears it, has the one before. Descriptors
 * that come and go while they are listed can look like that, so it has to be seen more than once. */
#define LOOKS_FOR_PREDECESSOR 3

static int look_at_process(const Wanted *wanted, pid_t pid, OpenFiles *open_files)
{
        bool on_replaced_file = true;
        Seen seen = {0};

        for (unsigned i = 0; on_replaced_file && i < LOOKS_FOR_PREDECESSOR; i++) {
                int r = look_at_descriptors(wanted, pid, &seen);

                if (r < 0) {
                        if (r != -ENOENT && r != -ESRCH)
                                open_files->complete = false;
                        return 0;
                }
                if (!seen.any)
                        return 0;
                on_replaced_file = seen.predecessor || !seen.main_file;
        }
        return add_holder(open_files, pid, on_replaced_file);
}

static int look_at_processes(const Wanted *wanted, OpenFiles *open_files)
{
        DIR *directory = opendir("/proc");
        struct dirent *entry;
        int r = 0;

        if (!directory)
                return -errno;
        while (r >= 0 && (entry = readdir(directory))) {
                char *end = NULL;
                long pid = strtol(entry->d_name, &end, 10);

                if (*end == '\0' && pid > 0 && pid != getpid())
                        r = look_at_process(wanted, (pid_t) pid, open_files);
        }
        (void) closedir(directory);
        return r;
}

static int look_at_locks_once(const Wanted *wanted, FILE *stream, OpenFiles *open_files)
{
        _cleanup_free_ char *line = NULL;
        size_t size = 0;
        int r = 0;

        while (r >= 0 && getline(&line, &size, stream) > 0) {
                unsigned major_number, minor_number;
                unsigned long inode;
                int pid;

                /* "1: POSIX  ADVISORY  READ  1234 fe:00:5678 128 128"; a line with "->" only waits. */
                if (sscanf(line,
                                    "%*u: %*s %*s %*s %d %x:%x:%lu ",
                                    &pid,
                                    &major_number,
                                    &minor_number,
                                    &inode) != 4)
                        continue;
                if (pid > 0 && pid != getpid() &&
                                is_locked_inode(wanted, makedev(major_number, minor_number), inode))
                        r = add_holder(open_files, pid, false);
        }
        return r;
}

/* The kernel gives the list in pieces, a page at the most, and goes on by the number of the line: when an
 * earlier lock is let go of between two pieces, the next one is in neither. A lock that stays is missed now
 * and then on a busy machine, but not each time. */
#define LOOKS_AT_LOCKS 8

static int look_at_locks(const Wanted *wanted, OpenFiles *open_files)
{
        char pieces[16 * KIB]; /* stdio's own are of a quarter of a page here */
        _cleanup_fclose_ FILE *stream = fopen("/proc/locks", "re");
        int r = 0;

        if (!stream)
                return 0; /* hidden by a sandbox: then the descriptors have to do */
        (void) setvbuf(stream, pieces, _IOFBF, sizeof pieces);
        for (unsigned i = 0; r >= 0 && i < LOOKS_AT_LOCKS; i++) {
                rewind(stream);
                r = look_at_locks_once(wanted, stream, open_files);
        }
        return r;
}

static int compare_by_pid(const void *one, const void *other)
{
        pid_t a = ((const OpenFilesHolder *) one)->pid, b = ((const OpenFilesHolder *) other)->pid;

        return (a > b) - (a < b);
}

int open_files_find(const char *path, OpenFiles *ret, Fault *fault)
{
        _cleanup_(open_files_done) OpenFiles open_files = {.complete = true};
        _cleanup_(wanted_done) Wanted wanted = {0};
        int r = wanted_init(&wanted, path);

        if (r >= 0)
                r = look_at_processes(&wanted, &open_files);
        if (r >= 0)
                r = look_at_locks(&wanted, &open_files);
        if (r < 0)
                return fault_set_errno(fault, r, "Finding out who has %s open", path);
        if (open_files.n_holders > 0)
                qsort(open_files.holders, open_files.n_holders, sizeof *open_files.holders, compare_by_pid);
        *ret = open_files;
        open_files = (OpenFiles){0};
        return 0;
}

char *open_files_describe(const OpenFiles *open_files)
{
        size_t n_named = MIN_OF(open_files->n_holders, 5), n_more = open_files->n_holders - n_named;
        char *text = NULL;
        size_t size = 0;
        FILE *stream;
        bool failed;

        if (open_files->n_holders == 0)
                return strdup("other processes");
        stream = open_memstream(&text, &size);
        if (!stream)
                return NULL;
        for (size_t i = 0; i < n_named; i++) {
                const char *separator = i == 0 ? "" : i + 1 == n_named && n_more == 0 ? " and " : ", ";

                (void) fprintf(stream,
                                "%s%s (pid %d)",
                                separator,
                                open_files->holders[i].name,
                                (int) open_files->holders[i].pid);
        }
        if (n_more > 0)
                (void) fprintf(stream, " and %zu more", n_more);
        failed = ferror(stream);
        if (fclose(stream) != 0 || failed) {
                free(text);
                return NULL;
        }
        return text;
}

int open_files_probe(const char *path, OpenFilesUse *ret, Fault *fault)
{
        /* Without waiting for a lease that somebody else has; O_RDONLY, since it must not count as a writer.
         */
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY);

        if (fd < 0 && errno == EWOULDBLOCK) {
                *ret = OPEN_FILES_IN_USE;
                return 0;
        }
        if (fd < 0)
                return fault_set_errno(fault, errno, "Opening %s", path);

        /* Whoever opens the file in the blink of an eye that the lease lasts makes the kernel signal this
         * process; SIGIO, the default, would end it, and SIGURG is ignored unless asked for. */
        if (fcntl(fd, F_SETSIG, SIGURG) == 0 && fcntl(fd, F_SETLEASE, F_WRLCK) == 0) {
                (void) fcntl(fd, F_SETLEASE, F_UNLCK);
                *ret = OPEN_FILES_UNUSED;
        } else
                *ret = errno == EAGAIN ? OPEN_FILES_IN_USE : OPEN_FILES_UNKNOWN;
        return 0;
}
