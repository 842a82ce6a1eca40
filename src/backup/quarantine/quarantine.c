/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/quarantine/quarantine.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/quarantine/file-move.h"
#include "backup/quarantine/rescue-record.h"
#include "backup/state/restore-state.h"
#include "base/publish.h"
#include "base/rename.h"
#include "base/test-hook.h"
#include "base/timestamp.h"

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

static int open_quarantine(const char *path, int *ret_fd, Fault *fault)
{
        int fd;

        if (mkdir(path, FOLDER_MODE) < 0) {
                if (errno != EEXIST)
                        return fault_set_errno(fault, errno, "Creating %s", path);
        } else if (file_sync_directory_of(path) < 0)
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

static int copy_file(int source_fd, int directory_fd, const char *name, Progress *progress, Fault *fault)
{
        _cleanup_close_ int fd = openat(
                        directory_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
        int r;

        if (fd < 0)
                return fault_set_errno(fault, errno, "Creating %s in the quarantine", name);
        r = file_copy_content(source_fd, fd, progress, name, fault);
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

static int with_file(int (*work)(const char *from, const char *to, Fault *fault),
                const char *from_path,
                const char *to_path,
                const char *suffix,
                Fault *fault)
{
        _cleanup_free_ char *from = NULL, *to = NULL;

        if (join(&from, from_path, "", "", suffix) < 0 || join(&to, to_path, "", "", suffix) < 0)
                return fault_set_errno(fault, ENOMEM, "Moving %s", from_path);
        return work(from, to, fault);
}

/* Removes what is at its new place as well, and nothing else. */
static int leave(const char *from, const char *to, Fault *fault)
{
        struct stat status;

        if (lstat(from, &status) < 0 && errno == ENOENT)
                return 0;
        if (!file_has_same_content(from, to))
                return fault_set(fault,
                                FAULT_CONFLICT,
                                "%s changed while the database was moved, so %s is kept",
                                to,
                                from);
        return unlink(from) < 0 ? fault_set_errno(fault, errno, "Removing %s", from) : 0;
}

/* By force, a process that has the database open may have gone on writing since `to` was copied. */
static int follow(const char *from, const char *to, Fault *fault)
{
        if (!file_has_same_content(from, to) && access(from, F_OK) == 0 && unlink(to) < 0 && errno != ENOENT)
                return fault_set_errno(fault, errno, "Removing %s", to);
        return file_move(from, to, fault);
}

/* A -wal and a -journal say what a database says; a -shm only where what is in the -wal. */
static const char *const content_suffixes[] = {"-wal", "-journal"};

/* The database is whole at one of the two places at every moment. An application that opens the database's
 * name meanwhile, and finds no main file there, makes an empty one, and SQLite then deletes the -wal beside
 * it: so the -wal is at the new place, too, before the main file moves, and leaves the old one last. */
static int move_files(const char *from_path, const char *to_path, bool back, Fault *fault)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(content_suffixes); i++)
                r = with_file(file_copy, from_path, to_path, content_suffixes[i], fault);
        if (r < 0)
                return r;
        TEST_POINT("quarantine-copied-journals");
        r = file_move(from_path, to_path, fault);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(content_suffixes); i++) {
                TEST_POINT("quarantine-moved-file");
                r = with_file(back ? leave : follow, from_path, to_path, content_suffixes[i], fault);
        }
        if (r >= 0 && back) /* nobody misses it, and one that is there may be in use */
                (void) with_file(file_move, from_path, to_path, "-shm", NULL);
        else if (r >= 0)
                r = with_file(follow, from_path, to_path, "-shm", fault);
        if (r < 0)
                return r;
        if (file_sync_directory_of(to_path) < 0 || file_sync_directory_of(from_path) < 0)
                return fault_set_errno(fault, errno, "Writing the move of %s to the disk", from_path);
        return 0;
}

int quarantine_move(const char *database_path, const char *folder, Fault *fault)
{
        _cleanup_free_ char *inside = NULL;

        if (join(&inside, folder, "/", file_name_of(database_path), "") < 0)
                return fault_set_errno(fault, ENOMEM, "Moving %s", database_path);
        return move_files(database_path, inside, false, fault);
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
        return move_files(inside, database_path, true, fault);
}

static int forget_unfinished(const char *from, const char *to, Fault *fault)
{
        file_forget_copy(from);
        file_forget_copy(to);
        return 0;
}

void quarantine_forget_unfinished(const char *folder, const char *database_path)
{
        _cleanup_free_ char *inside = NULL;

        if (folder && join(&inside, folder, "/", file_name_of(database_path), "") < 0)
                return;
        for (size_t i = 0; i < QUARANTINE_N_FILES; i++)
                (void) with_file(forget_unfinished,
                                inside ? inside : database_path,
                                database_path,
                                quarantine_suffixes[i],
                                NULL);
}

void quarantine_forget_copies(const char *folder, const char *database_path)
{
        _cleanup_free_ char *inside = NULL;

        if (join(&inside, folder, "/", file_name_of(database_path), "") < 0)
                return;
        for (size_t i = 0; i < QUARANTINE_N_FILES; i++)
                (void) with_file(leave, inside, database_path, quarantine_suffixes[i], NULL);
        (void) rmdir(folder);
}

int quarantine_remove_files(const char *folder, const char *database_path, Fault *fault)
{
        /* The main file goes first: the rest alone is nothing that anybody could restore by mistake. */
        for (size_t i = 0; i < QUARANTINE_N_FILES; i++) {
                _cleanup_free_ char *path = NULL;

                if (join(&path, folder, "/", file_name_of(database_path), quarantine_suffixes[i]) < 0)
                        return fault_set_errno(fault, ENOMEM, "Removing %s", folder);
                if (unlink(path) < 0 && errno != ENOENT)
                        return fault_set_errno(fault, errno, "Removing %s", path);
        }
        return 0;
}

int quarantine_remove(const char *folder, const char *database_path, Fault *fault)
{
        int r = quarantine_remove_files(folder, database_path, fault);

        if (r < 0)
                return r;
        (void) restore_state_remove(folder, RESCUE_RECORD_FILE, NULL);
        if (rmdir(folder) < 0 && errno != ENOTEMPTY && errno != ENOENT)
                return fault_set_errno(fault, errno, "Removing %s", folder);
        if (file_sync_directory_of(folder) < 0)
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

void quarantine_forget_working(const char *quarantine_path, const char *name)
{
        _cleanup_close_ int fd = open(quarantine_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_free_ char *temporary = NULL;

        if (fd < 0)
                return;
        if (asprintf(&temporary, ".%s.tmp", name) < 0)
                temporary = NULL;
        else
                remove_folder(fd, temporary);
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
