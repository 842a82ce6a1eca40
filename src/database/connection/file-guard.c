/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/connection/file-guard.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "base/macro.h"
#include "base/test-hook.h"

#define TEMPORARY_PREFIX "etilqs_"        /* SQLITE_TEMP_FILE_PREFIX in os.h */
#define SUPER_JOURNAL_TAIL "-mjXXXXXX9XX" /* vdbeCommit() in vdbeaux.c: X is a hexadecimal digit */

static const char *const side_suffixes[] = {"-journal", "-wal", "-shm"};

/* A file that SQLite has open here and may lock: a database, or a -shm. */
typedef struct OpenDatabase OpenDatabase;
struct OpenDatabase {
        OpenDatabase *next;
        int fd;
        dev_t device;
        ino_t inode;
        char path[];
};

/* A descriptor of the service's own on such a file. */
typedef struct OwnReader OwnReader;
struct OwnReader {
        OwnReader *next;
        int fd;
        dev_t device;
        ino_t inode;
        bool is_done; /* nobody reads any more: it is closed once that costs no locks */
};

static pthread_mutex_t databases_mutex = PTHREAD_MUTEX_INITIALIZER;
static OpenDatabase *databases; /* guarded by the mutex */
static OwnReader *readers;      /* as well */

static _Thread_local char refusal[512];

void file_guard_forget(void)
{
        refusal[0] = '\0';
}

const char *file_guard_refusal(void)
{
        return refusal[0] ? refusal : NULL;
}

/* SQLite tries to read what it can't write, but for a directory. */
static int refuse(const char *path, const char *what, bool is_directory)
{
        (void) snprintf(refusal, sizeof refusal, "%s is %s", path, what);
        errno = is_directory ? EISDIR : ELOOP;
        return -1;
}

static const char *last_component(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

/* The length of `path` without a suffix that SQLite appends to a database's name; 0 when it has none. */
static size_t length_without_suffix(const char *path)
{
        size_t length = strlen(path);

        for (size_t i = 0; i < ELEMENTSOF(side_suffixes); i++) {
                size_t suffix = strlen(side_suffixes[i]);

                if (length > suffix && strcmp(path + length - suffix, side_suffixes[i]) == 0)
                        return length - suffix;
        }
        return 0;
}

static bool is_super_journal(const char *path)
{
        static const char pattern[] = SUPER_JOURNAL_TAIL;
        size_t length = strlen(path), tail = sizeof pattern - 1;

        if (length <= tail)
                return false;
        for (size_t i = 0; i < tail; i++) {
                char found = path[length - tail + i];

                if (pattern[i] == 'X' ? !strchr("0123456789ABCDEF", found) : found != pattern[i])
                        return false;
        }
        return true;
}

static bool has_suffix(const char *path, const char *suffix)
{
        size_t length = strlen(path), n = strlen(suffix);

        return length > n && strcmp(path + length - n, suffix) == 0;
}

static const char *kind_of(mode_t mode)
{
        switch (mode & S_IFMT) {
        case S_IFIFO:
                return "a FIFO";
        case S_IFSOCK:
                return "a socket";
        case S_IFDIR:
                return "a directory";
        case S_IFLNK:
                return "a symbolic link";
        default:
                return "a device";
        }
}

/* NULL when SQLite may open it. */
static const char *find_objection(const char *path, const struct stat *status, bool reads)
{
        bool is_side_file = length_without_suffix(path) > 0;

        if (S_ISDIR(status->st_mode) && reads && !is_side_file)
                return NULL;
        if (!S_ISREG(status->st_mode))
                return kind_of(status->st_mode);
        return is_side_file && status->st_nlink > 1 ? "a file that has another name as well" : NULL;
}

/* What a hot journal names as its super-journal, or a super-journal as its children, is read whatever it is.
 * Databases are never read like that, unless they can't be written. */
static bool is_read_as_journal(const char *path, const struct stat *status, const char *itself, bool reads)
{
        return reads && S_ISREG(status->st_mode) && !has_suffix(path, "-journal") &&
               (status->st_nlink > 1 || !is_super_journal(path)) &&
               faccessat(AT_FDCWD, itself, W_OK, AT_EACCESS) == 0;
}

/* Looks through an O_PATH descriptor first: neither opening nor closing such a one does anything to the
 * file, its locks or its other end. */
static int open_existing(const char *path, int flags)
{
        _cleanup_close_ int found_fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        char itself[sizeof "/proc/self/fd/" + 10];
        bool reads = (flags & O_ACCMODE) == O_RDONLY;
        const char *objection;
        struct stat status;

        if (found_fd < 0 || fstat(found_fd, &status) < 0)
                return -1;
        objection = find_objection(path, &status, reads);
        if (objection)
                return refuse(path, objection, S_ISDIR(status.st_mode));
        (void) snprintf(itself, sizeof itself, "/proc/self/fd/%d", found_fd);
        /* An empty super-journal, which has no children. */
        if (is_read_as_journal(path, &status, itself, reads))
                return open("/dev/null", O_RDONLY | O_CLOEXEC);
        return open(itself, (flags & ~(O_CREAT | O_NOFOLLOW)) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static int open_or_create(const char *path, int flags, int mode)
{
        int fd;

        if (flags & O_EXCL)
                return open(path, flags | O_NOFOLLOW | O_CLOEXEC, mode);
        /* Whoever makes and removes the file all the time can't keep both from succeeding for long. */
        for (unsigned n = 0; n < 100; n++) {
                fd = open_existing(path, flags);
                if (fd >= 0 || errno != ENOENT || !(flags & O_CREAT))
                        return fd;
                fd = open(path, flags | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
                if (fd >= 0 || errno != EEXIST)
                        return fd;
        }
        return -1;
}

static bool has_locks(const char *path, int flags)
{
        return (flags & O_ACCMODE) == O_RDWR &&
               (length_without_suffix(path) == 0 || has_suffix(path, "-shm")) &&
               strncmp(last_component(path), TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) != 0;
}

/* With the mutex held. */
static const OpenDatabase *find_open(dev_t device, ino_t inode)
{
        for (const OpenDatabase *database = databases; database; database = database->next)
                if (database->device == device && database->inode == inode)
                        return database;
        return NULL;
}

static int remember_database(const char *path, int fd)
{
        OpenDatabase *database = malloc(sizeof *database + strlen(path) + 1);

        struct stat status;

        if (!database || fstat(fd, &status) < 0) {
                free(database);
                return -ENOMEM;
        }
        database->fd = fd;
        database->device = status.st_dev;
        database->inode = status.st_ino;
        memcpy(database->path, path, strlen(path) + 1);
        (void) pthread_mutex_lock(&databases_mutex);
        database->next = databases;
        databases = database;
        (void) pthread_mutex_unlock(&databases_mutex);
        return 0;
}

static int guarded_open(const char *path, int flags, int mode)
{
        int fd;

        /* What SQLite itself asks for, whatever a file says: random bytes, and the standard descriptors. */
        if (strcmp(path, "/dev/urandom") == 0 || strcmp(path, "/dev/null") == 0)
                return open(path, flags | O_CLOEXEC);
        fd = open_or_create(path, flags, mode);
        if (fd >= 0 && has_locks(path, flags) && remember_database(path, fd) < 0) {
                (void) close(fd);
                errno = ENOMEM;
                return -1;
        }
        return fd;
}

/* With the mutex held. SQLite takes no lock on a file before guarded_open() has remembered it. */
static void close_readers(void)
{
        for (OwnReader **next = &readers; *next;) {
                OwnReader *reader = *next;

                if (!reader->is_done || find_open(reader->device, reader->inode)) {
                        next = &reader->next;
                        continue;
                }
                *next = reader->next;
                (void) close(reader->fd);
                free(reader);
        }
}

int file_guard_open_reader(const char *path)
{
        OwnReader *reader = malloc(sizeof *reader);
        const OpenDatabase *database;
        struct stat status;
        int fd = -ENOENT;

        if (!reader)
                return -ENOMEM;
        if (stat(path, &status) < 0) {
                fd = -errno;
                free(reader);
                return fd;
        }
        (void) pthread_mutex_lock(&databases_mutex);
        database = find_open(status.st_dev, status.st_ino);
        if (database) {
                char itself[sizeof "/proc/self/fd/" + 10];

                (void) snprintf(itself, sizeof itself, "/proc/self/fd/%d", database->fd);
                fd = open(itself, O_RDONLY | O_DIRECT | O_CLOEXEC);
#if TEST_HOOKS
                if (test_hook_disk()) {
                        closep(&fd);
                        fd = open(test_hook_disk(), O_RDONLY | O_CLOEXEC);
                }
#endif
                if (fd < 0)
                        fd = -errno;
        }
        if (fd >= 0) {
                *reader = (OwnReader){
                                .next = readers, .fd = fd, .device = status.st_dev, .inode = status.st_ino};
                readers = reader;
        } else
                free(reader);
        (void) pthread_mutex_unlock(&databases_mutex);
        return fd;
}

void file_guard_close_reader(int fd)
{
        (void) pthread_mutex_lock(&databases_mutex);
        for (OwnReader *reader = readers; reader; reader = reader->next)
                if (reader->fd == fd)
                        reader->is_done = true;
        close_readers();
        (void) pthread_mutex_unlock(&databases_mutex);
}

static int guarded_close(int fd)
{
        OpenDatabase *database = NULL;

        (void) pthread_mutex_lock(&databases_mutex);
        for (OpenDatabase **next = &databases; *next; next = &(*next)->next)
                if ((*next)->fd == fd) {
                        database = *next;
                        *next = database->next;
                        break;
                }
        close_readers();
        (void) pthread_mutex_unlock(&databases_mutex);
        free(database);
        return close(fd);
}

static bool is_stranger(int fd, const struct stat *status)
{
        for (const OpenDatabase *database = databases; database; database = database->next)
                if (database->fd == fd)
                        return false;
        for (const OwnReader *reader = readers; reader; reader = reader->next)
                if (reader->fd == fd)
                        return false;
        return find_open(status->st_dev, status->st_ino) != NULL;
}

bool file_guard_finds_stranger(int n)
{
        bool found = false;

        (void) pthread_mutex_lock(&databases_mutex);
        for (int fd = 3; databases && fd < n && !found; fd++) {
                struct stat status;

                /* Not fstat(): the thread sanitizer takes that for a use of another thread's descriptor. */
                found = fstatat(fd, "", &status, AT_EMPTY_PATH) >= 0 && S_ISREG(status.st_mode) &&
                        is_stranger(fd, &status);
        }
        (void) pthread_mutex_unlock(&databases_mutex);
        return found;
}

static bool may_unlink(const char *path)
{
        const char *name = last_component(path);
        size_t stem = length_without_suffix(path), directory = (size_t) (name - path);
        bool may = false;

        if (strncmp(name, TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) == 0)
                return true;
        (void) pthread_mutex_lock(&databases_mutex);
        for (const OpenDatabase *database = databases; database && !may; database = database->next) {
                size_t beside = (size_t) (last_component(database->path) - database->path);

                may = stem > 0 ? strlen(database->path) == stem && memcmp(database->path, path, stem) == 0
                               : is_super_journal(path) && beside == directory &&
                                                      memcmp(database->path, path, directory) == 0;
        }
        (void) pthread_mutex_unlock(&databases_mutex);
        return may;
}

static int guarded_unlink(const char *path)
{
        return may_unlink(path) ? unlink(path) : 0;
}

static int installed = SQLITE_ERROR;

static void install(void)
{
        static const struct {
                const char *name;
                sqlite3_syscall_ptr call;
        } calls[] = {
                        {"open", (sqlite3_syscall_ptr) guarded_open},
                        {"close", (sqlite3_syscall_ptr) guarded_close},
                        {"unlink", (sqlite3_syscall_ptr) guarded_unlink},
        };
        sqlite3_vfs *vfs;

        installed = sqlite3_initialize();
        vfs = sqlite3_vfs_find("unix");
        if (installed == SQLITE_OK && (!vfs || vfs->iVersion < 3))
                installed = SQLITE_ERROR;
        for (size_t i = 0; i < ELEMENTSOF(calls) && installed == SQLITE_OK; i++)
                installed = vfs->xSetSystemCall(vfs, calls[i].name, calls[i].call);
}

int file_guard_install(void)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;

        (void) pthread_once(&once, install);
        return installed;
}

/* The real path of its directory and its own name, which may be a link. */
static int real_name(const char *path, char **ret)
{
        const char *name = last_component(path);
        _cleanup_free_ char *directory = NULL, *real = NULL, *whole = NULL;

        directory = name > path ? strndup(path, (size_t) (name - path)) : strdup(".");
        if (!directory)
                return -ENOMEM;
        real = realpath(directory, NULL);
        if (!real)
                return -errno;
        if (asprintf(&whole, "%s%s%s", real, strcmp(real, "/") == 0 ? "" : "/", name) < 0) {
                whole = NULL;
                return -ENOMEM;
        }
        *ret = TAKE_PTR(whole);
        return 0;
}

int file_guard_require_meant(sqlite3 *handle, const char *path, bool writes, Fault *fault)
{
        const char *opened = sqlite3_db_filename(handle, "main");
        _cleanup_free_ char *meant = NULL;
        struct stat status;
        int r = real_name(path, &meant);

        if (r < 0)
                return fault_set_errno(fault, r, "Looking at %s", path);
        if (!opened || strcmp(opened, meant) != 0)
                return fault_set(fault,
                                FAULT_UNSAFE_FILE_SYSTEM,
                                "%s is a symbolic link, which is not followed; configure the path that it "
                                "points to",
                                path);
        if (writes && lstat(path, &status) == 0 && status.st_nlink > 1)
                return fault_set(fault,
                                FAULT_UNSAFE_FILE_SYSTEM,
                                "%s has %ju hard links, and is not written into, since another of its names "
                                "may be another file; find them with find -samefile and remove the others",
                                path,
                                (uintmax_t) status.st_nlink);
        return 0;
}
