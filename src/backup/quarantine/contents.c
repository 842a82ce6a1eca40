/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/quarantine/contents.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/quarantine/file-move.h"
#include "backup/quarantine/quarantine.h"
#include "base/io.h"
#include "base/test-hook.h"

#define CHUNK_BYTES (256 * KIB)

/* What a database says is in these; a -shm is made anew. */
static const char *const saved_suffixes[] = {"", "-wal", "-journal"};

bool contents_are_fixed(const char *database_path)
{
        struct statx status;

        return statx(AT_FDCWD, database_path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &status) == 0 &&
               (status.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

static int copy_files(const char *from_path, const char *to_path, size_t first, Fault *fault)
{
        int r = 0;

        for (size_t i = first; r >= 0 && i < ELEMENTSOF(saved_suffixes); i++) {
                _cleanup_free_ char *from = NULL, *to = NULL;

                if (asprintf(&from, "%s%s", from_path, saved_suffixes[i]) < 0) {
                        from = NULL;
                        return fault_set_errno(fault, ENOMEM, "Copying %s", from_path);
                }
                if (asprintf(&to, "%s%s", to_path, saved_suffixes[i]) < 0) {
                        to = NULL;
                        return fault_set_errno(fault, ENOMEM, "Copying %s", from_path);
                }
                r = file_copy(from, to, fault);
        }
        return r;
}

static int path_in(const char *folder, const char *database_path, char **ret, Fault *fault)
{
        const char *slash = strrchr(database_path, '/');

        if (asprintf(ret, "%s/%s", folder, slash ? slash + 1 : database_path) < 0) {
                *ret = NULL;
                return fault_set_errno(fault, ENOMEM, "Copying %s", database_path);
        }
        return 0;
}

int contents_save(const char *database_path, const char *folder, Fault *fault)
{
        _cleanup_free_ char *inside = NULL;
        int r = path_in(folder, database_path, &inside, fault);

        return r < 0 ? r : copy_files(database_path, inside, 0, fault);
}

static int remove_side_files(const char *database_path, Fault *fault)
{
        for (size_t i = 1; i < QUARANTINE_N_FILES; i++) {
                _cleanup_free_ char *path = NULL;

                if (asprintf(&path, "%s%s", database_path, quarantine_suffixes[i]) < 0) {
                        path = NULL;
                        return fault_set_errno(fault, ENOMEM, "Replacing %s", database_path);
                }
                if (unlink(path) < 0 && errno != ENOENT)
                        return fault_set_errno(fault, errno, "Removing %s", path);
        }
        return file_sync_directory_of(database_path) < 0
                               ? fault_set_errno(fault,
                                                 errno,
                                                 "Writing the directory of %s to the disk",
                                                 database_path)
                               : 0;
}

static int overwrite(int from_fd, int to_fd, const char *database_path, Fault *fault)
{
        _cleanup_free_ char *buffer = malloc(CHUNK_BYTES);
        uint64_t offset_bytes = 0;
        size_t size;
        int r;

        if (!buffer)
                return fault_set_errno(fault, ENOMEM, "Replacing what is in %s", database_path);
        do {
                r = io_read_full_at(from_fd, buffer, CHUNK_BYTES, offset_bytes, &size);
                if (r >= 0)
                        r = io_write_all_at(to_fd, buffer, size, offset_bytes);
                if (r < 0)
                        return fault_set_errno(fault, r, "Replacing what is in %s", database_path);
                offset_bytes += size;
                TEST_POINT("replace-written-some");
        } while (size == CHUNK_BYTES);
        if (ftruncate(to_fd, (off_t) offset_bytes) < 0 || fsync(to_fd) < 0)
                return fault_set_errno(fault, errno, "Replacing what is in %s", database_path);
        return 0;
}

int contents_replace(const char *source, const char *database_path, Fault *fault)
{
        _cleanup_close_ int from_fd = open(source, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), to_fd = -EBADF;
        int r;

        if (from_fd < 0)
                return fault_set_errno(fault, errno, "Opening %s", source);
        to_fd = open(database_path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (to_fd < 0)
                return fault_set_errno(fault, errno, "Opening %s", database_path);
        r = remove_side_files(database_path, fault);
        TEST_POINT("replace-journals-removed");
        return r < 0 ? r : overwrite(from_fd, to_fd, database_path, fault);
}

int contents_take_back(const char *folder, const char *database_path, Fault *fault)
{
        _cleanup_free_ char *inside = NULL;
        int r = path_in(folder, database_path, &inside, fault);

        if (r >= 0 && !file_has_same_content(inside, database_path))
                r = contents_replace(inside, database_path, fault);
        if (r >= 0)
                r = copy_files(inside, database_path, 1, fault);
        if (r < 0)
                return r;
        TEST_POINT("replace-written-back");
        quarantine_forget_copies(folder, database_path);
        return 0;
}
