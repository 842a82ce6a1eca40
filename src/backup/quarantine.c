/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/quarantine.h"

#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/publish.h"
#include "base/rename.h"
#include "base/test-hook.h"
#include "base/timestamp.h"

#define COPY_CHUNK_BYTES (256 * KIB)
#define FOLDER_MODE 0750
#define FILE_MODE 0600 /* of a copy; what is moved keeps its own */
/* Incidents in one second, one after the other, before something must be wrong. */
#define FOLDERS_TRIED_MAX 1000

const char *const quarantine_suffixes[QUARANTINE_N_FILES] = {"", "-wal", "-journal", "-shm"};

static const char *file_name_of(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

static int join(char **ret, const char *first, const char *separator, const char *second, const char *suffix)
{
        char *text;

        if (asprintf(&text, "%s%s%s%s", first, separator, second, suffix) < 0)
                return -ENOMEM;
        *ret = text;
        return 0;
}

static int sync_directory_of(const char *path)
{
        _cleanup_free_ char *copy = strdup(path);
        _cleanup_close_ int fd = -EBADF;

        if (!copy)
                return -ENOMEM;
        fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int open_quarantine(const char *path, int *ret_fd, Fault *fault)
{
        int fd;

        if (mkdir(path, FOLDER_MODE) < 0) {
                if (errno != EEXIST)
                        return fault_set_errno(fault, errno, "Creating %s", path);
        } else if (sync_directory_of(path) < 0)
                return fault_set_errno(fault, errno, "Writing the directory of %s to the disk", path);
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return fault_set_errno(fault, errno, "Opening %s", path);
        *ret_fd = fd;
        return 0;
}

int quarantine_make_folder(const char *quarantine_path, uint64_t now_usec, char **ret_folder, Fault *fault)
{
        _cleanup_close_ int fd = -EBADF;
        char label[TIMESTAMP_LABEL_MAX];
        int r = open_quarantine(quarantine_path, &fd, fault);

        if (r < 0)
                return r;
        for (unsigned i = 0; i < FOLDERS_TRIED_MAX; i++) {
                if (timestamp_format_label(now_usec + i * USEC_PER_SEC, label) < 0)
                        break;
                if (mkdirat(fd, label, FOLDER_MODE) < 0) {
                        if (errno == EEXIST)
                                continue;
                        return fault_set_errno(fault, errno, "Creating %s/%s", quarantine_path, label);
                }
                if (fsync(fd) < 0)
                        return fault_set_errno(fault, errno, "Writing %s to the disk", quarantine_path);
                if (join(ret_folder, quarantine_path, "/", label, "") < 0)
                        return fault_set_errno(fault, ENOMEM, "Creating %s/%s", quarantine_path, label);
                return 0;
        }
        return fault_set(fault,
                        FAULT_FAILED,
                        "%s has no free name for this moment; check the clock, and remove what is not "
                        "needed",
                        quarantine_path);
}

int quarantine_files_open(const char *database_path, QuarantineFiles *ret, Fault *fault)
{
        QuarantineFiles files = QUARANTINE_FILES_NONE;

        for (size_t i = 0; i < QUARANTINE_N_FILES; i++) {
                _cleanup_free_ char *path = NULL;

                if (join(&path, database_path, "", "", quarantine_suffixes[i]) < 0) {
                        quarantine_files_close(&files);
                        return fault_set_errno(fault, ENOMEM, "Opening %s", database_path);
                }
                files.fds[i] = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
                if (files.fds[i] < 0 && errno != ENOENT) {
                        int r = fault_set_errno(fault, errno, "Opening %s", path);

                        quarantine_files_close(&files);
                        return r;
                }
        }
        *ret = files;
        return 0;
}

void quarantine_files_close(QuarantineFiles *files)
{
        for (size_t i = 0; i < QUARANTINE_N_FILES; i++) {
                closep(&files->fds[i]);
                files->fds[i] = -EBADF;
        }
}

uint64_t quarantine_files_bytes(const QuarantineFiles *files)
{
        uint64_t bytes = 0;

        for (size_t i = 0; i < QUARANTINE_N_FILES; i++) {
                struct stat status;

                if (files->fds[i] >= 0 && fstat(files->fds[i], &status) == 0)
                        bytes += (uint64_t) status.st_size;
        }
        return bytes;
}

/* Reads from its start whatever the position of `source_fd` is, and leaves `target_fd` synced. */
static int copy_content(int source_fd, int target_fd, Progress *progress, Fault *fault, const char *name)
{
        _cleanup_free_ char *buffer = malloc(COPY_CHUNK_BYTES);
        uint64_t offset_bytes = 0;
        size_t size;

        if (!buffer)
                return fault_set_errno(fault, ENOMEM, "Copying %s", name);
        do {
                int r = progress ? progress_check(progress, fault) : 0;

                if (r < 0)
                        return r;
                r = io_read_full_at(source_fd, buffer, COPY_CHUNK_BYTES, offset_bytes, &size);
                if (r >= 0)
                        r = io_write_all(target_fd, buffer, size);
                if (r < 0)
                        return fault_set_errno(fault, r, "Copying %s into the quarantine", name);
                offset_bytes += size;
                if (progress)
                        progress_add(progress, size);
        } while (size == COPY_CHUNK_BYTES);
        if (fsync(target_fd) < 0)
                return fault_set_errno(fault, errno, "Writing the copy of %s to the disk", name);
        return 0;
}

static int copy_file(int source_fd, int directory_fd, const char *name, Progress *progress, Fault *fault)
{
        _cleanup_close_ int fd = openat(
                        directory_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
        int r;

        if (fd < 0)
                return fault_set_errno(fault, errno, "Creating %s in the quarantine", name);
        r = copy_content(source_fd, fd, progress, fault, name);
        if (r < 0)
                (void) unlinkat(directory_fd, name, 0);
        return r;
}

static int copy_files(const QuarantineFiles *files,
                const char *database_path,
                int folder_fd,
                Progress *progress,
                Fault *fault)
{
        for (size_t i = 0; i < QUARANTINE_N_FILES; i++) {
                _cleanup_free_ char *name = NULL;
                int r;

                if (files->fds[i] < 0)
                        continue;
                if (join(&name, file_name_of(database_path), "", "", quarantine_suffixes[i]) < 0)
                        return fault_set_errno(fault, ENOMEM, "Copying %s", database_path);
                r = copy_file(files->fds[i], folder_fd, name, progress, fault);
                if (r < 0)
                        return r;
                if (i == 0)
                        TEST_POINT("quarantine-half");
        }
        if (fsync(folder_fd) < 0)
                return fault_set_errno(fault, errno, "Writing the quarantine to the disk");
        return 0;
}

static void remove_folder(int quarantine_fd, const char *name)
{
        int fd = openat(quarantine_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
        struct dirent *entry;

        if (!directory) {
                closep(&fd);
                return;
        }
        while ((entry = readdir(directory)))
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        (void) unlinkat(dirfd(directory), entry->d_name, 0);
        (void) closedir(directory);
        (void) unlinkat(quarantine_fd, name, AT_REMOVEDIR);
}

/* Gives the finished copy its name: the first label that is free. */
static int name_folder(int quarantine_fd,
                const char *temporary,
                const char *quarantine_path,
                uint64_t now_usec,
                char **ret_folder,
                Fault *fault)
{
        char label[TIMESTAMP_LABEL_MAX];
        _cleanup_free_ char *folder = NULL;
        int r = -EEXIST;

        for (unsigned i = 0; r == -EEXIST && i < FOLDERS_TRIED_MAX; i++) {
                if (timestamp_format_label(now_usec + i * USEC_PER_SEC, label) < 0)
                        break;
                r = rename_noreplace(quarantine_fd, temporary, quarantine_fd, label);
        }
        if (r >= 0)
                r = join(&folder, quarantine_path, "/", label, "");
        if (r >= 0 && fsync(quarantine_fd) < 0)
                r = -errno;
        if (r < 0)
                return fault_set_errno(fault, r, "Naming a folder in %s", quarantine_path);
        *ret_folder = TAKE_PTR(folder);
        return 0;
}

int quarantine_copy(const QuarantineFiles *files,
                const char *database_path,
                const char *quarantine_path,
                uint64_t now_usec,
                Progress *progress,
                char **ret_folder,
                Fault *fault)
{
        _cleanup_close_ int quarantine_fd = -EBADF, folder_fd = -EBADF;
        char label[TIMESTAMP_LABEL_MAX], temporary[TIMESTAMP_LABEL_MAX + sizeof "..tmp"];
        int r = open_quarantine(quarantine_path, &quarantine_fd, fault);

        if (r < 0)
                return r;
        r = timestamp_format_label(now_usec, label);
        if (r < 0)
                return fault_set_errno(fault, r, "Naming a folder in %s", quarantine_path);
        (void) snprintf(temporary, sizeof temporary, ".%s.tmp", label);
        remove_folder(quarantine_fd, temporary);
        if (mkdirat(quarantine_fd, temporary, FOLDER_MODE) < 0)
                return fault_set_errno(fault, errno, "Creating %s/%s", quarantine_path, temporary);
        folder_fd = openat(quarantine_fd, temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (folder_fd < 0)
                r = fault_set_errno(fault, errno, "Opening %s/%s", quarantine_path, temporary);
        if (r >= 0)
                r = copy_files(files, database_path, folder_fd, progress, fault);
        TEST_POINT("quarantine-copied");
        if (r >= 0)
                r = name_folder(quarantine_fd, temporary, quarantine_path, now_usec, ret_folder, fault);
        if (r < 0)
                remove_folder(quarantine_fd, temporary);
        return r;
}

/* Copy, sync, then remove: at every moment one of the two is whole. */
static int move_across(const char *from, const char *to, Fault *fault)
{
        _cleanup_close_ int source_fd = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), target_fd = -EBADF;
        _cleanup_free_ char *temporary = NULL;
        struct stat status;
        int r;

        if (source_fd < 0 || fstat(source_fd, &status) < 0)
                return fault_set_errno(fault, errno, "Opening %s", from);
        if (join(&temporary, to, ".", "moving", "") < 0)
                return fault_set_errno(fault, ENOMEM, "Moving %s", from);
        (void) unlink(temporary);
        target_fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (target_fd < 0)
                return fault_set_errno(fault, errno, "Creating %s", temporary);
        r = copy_content(source_fd, target_fd, NULL, fault, from);
        if (r >= 0 && fchmod(target_fd, status.st_mode & 0777) < 0)
                r = fault_set_errno(fault, errno, "Setting the mode of %s", to);
        /* Only root can give it away; for others it stays theirs, which the caller has judged before. */
        (void) !fchown(target_fd, status.st_uid, status.st_gid);
        if (r >= 0) {
                r = rename_noreplace(AT_FDCWD, temporary, AT_FDCWD, to);
                if (r < 0)
                        r = fault_set_errno(fault, r, "Moving %s to %s", from, to);
        }
        if (r < 0) {
                (void) unlink(temporary);
                return r;
        }
        if (sync_directory_of(to) < 0 || unlink(from) < 0)
                return fault_set_errno(fault, errno, "Moving %s to %s", from, to);
        return 0;
}

static int move_file(const char *from, const char *to, Fault *fault)
{
        int r = rename_noreplace(AT_FDCWD, from, AT_FDCWD, to);

        if (r >= 0 || r == -ENOENT)
                return 0;
        if (r == -EXDEV)
                return move_across(from, to, fault);
        if (r == -EEXIST)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "%s is not moved to %s, where such a file exists already",
                                from,
                                to);
        return fault_set_errno(fault, r, "Moving %s to %s", from, to);
}

static int move_files(const char *from_path, const char *to_path, bool main_file_first, Fault *fault)
{
        for (size_t i = 0; i < QUARANTINE_N_FILES; i++) {
                size_t which = main_file_first ? i : QUARANTINE_N_FILES - 1 - i;
                _cleanup_free_ char *from = NULL, *to = NULL;
                int r;

                if (join(&from, from_path, "", "", quarantine_suffixes[which]) < 0 ||
                                join(&to, to_path, "", "", quarantine_suffixes[which]) < 0)
                        return fault_set_errno(fault, ENOMEM, "Moving %s", from_path);
                r = move_file(from, to, fault);
                if (r < 0)
                        return r;
                TEST_POINT("quarantine-moved-file");
        }
        if (sync_directory_of(to_path) < 0 || sync_directory_of(from_path) < 0)
                return fault_set_errno(fault, errno, "Writing the move of %s to the disk", from_path);
        return 0;
}

int quarantine_move(const char *database_path, const char *folder, Fault *fault)
{
        _cleanup_free_ char *inside = NULL;

        if (join(&inside, folder, "/", file_name_of(database_path), "") < 0)
                return fault_set_errno(fault, ENOMEM, "Moving %s", database_path);
        return move_files(database_path, inside, true, fault);
}

int quarantine_move_back(const char *folder, const char *database_path, Fault *fault)
{
        _cleanup_free_ char *inside = NULL;

        /* The caller removes the folder when it is empty: one who was killed right after that begins anew.
         */
        if (access(folder, F_OK) < 0 && errno == ENOENT)
                return 0;
        if (join(&inside, folder, "/", file_name_of(database_path), "") < 0)
                return fault_set_errno(fault, ENOMEM, "Moving %s", database_path);
        return move_files(inside, database_path, false, fault);
}

int quarantine_remove(const char *folder, const char *database_path, Fault *fault)
{
        /* The main file goes first: the rest alone is nothing that anybody could restore by mistake. */
        for (size_t i = 0; i < QUARANTINE_N_FILES; i++) {
                _cleanup_free_ char *path = NULL;

                if (join(&path, folder, "/", file_name_of(database_path), quarantine_suffixes[i]) < 0)
                        return fault_set_errno(fault, ENOMEM, "Removing %s", folder);
                if (unlink(path) < 0 && errno != ENOENT)
                        return fault_set_errno(fault, errno, "Removing %s", path);
        }
        if (rmdir(folder) < 0 && errno != ENOTEMPTY && errno != ENOENT)
                return fault_set_errno(fault, errno, "Removing %s", folder);
        if (sync_directory_of(folder) < 0)
                return fault_set_errno(fault, errno, "Writing the directory of %s to the disk", folder);
        return 0;
}

static bool is_label(const char *name)
{
        uint64_t usec;

        return strlen(name) == TIMESTAMP_LABEL_MAX - 1 && timestamp_parse_label(name, &usec) >= 0;
}

static bool is_unfinished(const char *name)
{
        uint64_t usec;

        return publish_is_temporary_name(name) &&
               strlen(name) == TIMESTAMP_LABEL_MAX - 1 + strlen("..tmp") &&
               timestamp_parse_label(name + 1, &usec) >= 0;
}

int quarantine_clean_up(const char *quarantine_path, Fault *fault)
{
        DIR *directory = opendir(quarantine_path);
        struct dirent *entry;

        if (!directory)
                return errno == ENOENT ? 0 : fault_set_errno(fault, errno, "Opening %s", quarantine_path);
        while ((entry = readdir(directory)))
                if (is_unfinished(entry->d_name))
                        remove_folder(dirfd(directory), entry->d_name);
                else if (is_label(entry->d_name)) /* goes only when nothing has been moved there yet */
                        (void) unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR);
        (void) closedir(directory);
        return 0;
}
