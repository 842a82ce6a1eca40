/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/restore/restore-source.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/catalogue/backup-name.h"
#include "backup/catalogue/unfinished.h"
#include "backup/quarantine/quarantine.h"
#include "backup/store/stored-image.h"
#include "base/io.h"
#include "base/test-hook.h"
#include "database/check/check.h"
#include "database/connection/placement.h"

#define COPY_CHUNK_BYTES (256 * KIB)

void restore_source_done(RestoreSource *source)
{
        if (source->file_name)
                unfinished_remove_image(source->directory_fd, source->file_name);
        free(source->file_name);
        free(source->path);
        *source = (RestoreSource){0};
}

/* Named after the backup that this restore is going to make: nobody else works under that name. */
static int name_copy(const RestoreRequest *request, RestoreSource *source, Fault *fault)
{
        _cleanup_free_ char *file = backup_name_to_file(request->pre_restore_name,
                        request->compression,
                        age_recipients_any(request->recipients));
        _cleanup_free_ char *verify_name = file ? unfinished_verify_name(file) : NULL;

        source->directory_fd = request->directory_fd;
        if (!verify_name || asprintf(&source->file_name, ".%s.tmp", verify_name) < 0) {
                source->file_name = NULL;
                return fault_set_errno(fault, ENOMEM, "Preparing a restore");
        }
        if (asprintf(&source->path, "%s/%s", request->directory_path, source->file_name) < 0) {
                source->path = NULL;
                return fault_set_errno(fault, ENOMEM, "Preparing a restore");
        }
        unfinished_remove_image(source->directory_fd, source->file_name);
        return 0;
}

static int create_copy(const RestoreSource *source, const char *suffix, int *ret_fd, Fault *fault)
{
        _cleanup_free_ char *name = NULL;
        int fd;

        if (asprintf(&name, "%s%s", source->file_name, suffix) < 0) {
                name = NULL;
                return fault_set_errno(fault, ENOMEM, "Preparing a restore");
        }
        fd = openat(source->directory_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return fault_set_errno(fault, errno, "Creating %s%s", source->path, suffix);
        *ret_fd = fd;
        return 0;
}

static int compare_with_manifest(const Manifest *manifest, const StoredImage *image, Fault *fault)
{
        bool same = (manifest->stored_bytes == 0 || manifest->stored_bytes == image->stored_bytes) &&
                    (manifest->database_bytes == 0 || manifest->database_bytes == image->database_bytes) &&
                    (!manifest->stored_sha256[0] ||
                                    strcmp(manifest->stored_sha256, image->stored_sha256) == 0) &&
                    (!manifest->blocks_sha256[0] ||
                                    strcmp(manifest->blocks_sha256, image->blocks_sha256) == 0);

        if (!same)
                return fault_set(fault,
                                FAULT_CORRUPT,
                                "The backup %s is not what its manifest says (size or SHA-256 differ); "
                                "nothing "
                                "was restored, choose another backup",
                                manifest->file);
        return 0;
}

static int unpack_backup(
                const RestoreRequest *request, RestoreSource *source, Progress *progress, Fault *fault)
{
        const Manifest *manifest = request->source;
        AgeOpener opener = {.file_key = request->source_key, .identities = request->identities};
        _cleanup_close_ int stored_fd = -EBADF, copy_fd = -EBADF;
        Effort effort = request->effort;
        struct stat status;
        StoredImage image;
        int r;

        effort.image_bytes = manifest->database_bytes;
        stored_fd = openat(request->directory_fd,
                        manifest->file,
                        O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (stored_fd < 0 && errno == ENOENT)
                return fault_set(fault,
                                FAULT_NOT_FOUND,
                                "The backup %s/%s is not there",
                                request->directory_path,
                                manifest->file);
        if (stored_fd < 0 || fstat(stored_fd, &status) < 0)
                return fault_set_errno(
                                fault, errno, "Opening %s/%s", request->directory_path, manifest->file);
        if (!S_ISREG(status.st_mode))
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "%s is no regular file", manifest->file);
        r = placement_require_space(request->directory_path,
                        MAX_OF(manifest->database_bytes, (uint64_t) status.st_size),
                        fault);
        if (r >= 0)
                r = create_copy(source, "", &copy_fd, fault);
        if (r < 0)
                return r;
        r = stored_image_read(stored_fd,
                        manifest->compression,
                        manifest->encrypted ? &opener : NULL,
                        copy_fd,
                        effort,
                        progress,
                        &image,
                        fault);
        if (r < 0)
                return fault_prefix(fault, r, "%s/%s", request->directory_path, manifest->file);
        return compare_with_manifest(manifest, &image, fault);
}

static int copy_quarantined_file(int from_fd, int to_fd, Progress *progress, Fault *fault)
{
        _cleanup_free_ char *buffer = malloc(COPY_CHUNK_BYTES);
        size_t size = COPY_CHUNK_BYTES;
        int r = 0;

        if (!buffer)
                return fault_set_errno(fault, ENOMEM, "Copying from the quarantine");
        while (size == COPY_CHUNK_BYTES) {
                r = progress_check(progress, fault);
                if (r < 0)
                        return r;
                r = io_read_full(from_fd, buffer, COPY_CHUNK_BYTES, &size);
                if (r >= 0)
                        r = io_write_all(to_fd, buffer, size);
                if (r < 0)
                        return fault_set_errno(fault, r, "Copying from the quarantine");
                progress_add(progress, size);
        }
        return 0;
}

/* With its -wal and -journal, in which there may be commits or half of one; the -shm is made anew. */
static int copy_quarantined(
                const RestoreRequest *request, RestoreSource *source, Progress *progress, Fault *fault)
{
        const char *slash = strrchr(request->database_path, '/');
        const char *file_name = slash ? slash + 1 : request->database_path;
        _cleanup_(quarantine_files_close) QuarantineFiles files = QUARANTINE_FILES_NONE;
        _cleanup_free_ char *path = NULL;
        uint64_t bytes;
        int r;

        if (asprintf(&path, "%s/%s", request->source_quarantine, file_name) < 0) {
                path = NULL;
                return fault_set_errno(fault, ENOMEM, "Copying from the quarantine");
        }
        r = quarantine_files_open(path, &files, fault);
        if (r < 0)
                return r;
        if (files.fds[0] < 0)
                return fault_set(fault, FAULT_NOT_FOUND, "There is no %s to bring back", path);
        bytes = quarantine_files_bytes(&files);
        r = placement_require_space(request->directory_path, bytes, fault);
        progress_begin(progress, "copying", bytes);
        for (size_t i = 0; r >= 0 && i < QUARANTINE_N_FILES; i++) {
                _cleanup_close_ int fd = -EBADF;

                if (files.fds[i] < 0 || strcmp(quarantine_suffixes[i], "-shm") == 0)
                        continue;
                r = create_copy(source, quarantine_suffixes[i], &fd, fault);
                if (r >= 0)
                        r = copy_quarantined_file(files.fds[i], fd, progress, fault);
        }
        return r;
}

static int check_copy(const RestoreRequest *request, RestoreSource *source, Progress *progress, Fault *fault)
{
        _cleanup_(check_result_done) CheckResult result = {0};
        int r;

        progress_begin(progress, "checking", 0);
        r = check_run(source->path,
                        CONNECTION_PRIVATE,
                        CHECK_FULL,
                        request->effort.threads,
                        progress,
                        &result,
                        fault);
        if (r < 0)
                return r;
        source->healthy = result.healthy;
        source->foreign_key_violations = result.foreign_key_violations;
        if (result.healthy || (request->source_quarantine && request->force))
                return 0;
        if (request->source_quarantine)
                return fault_set(fault,
                                FAULT_CORRUPT,
                                "The database in %s is corrupt (%s); nothing was restored. Force it to have "
                                "the "
                                "corrupt files back",
                                request->source_quarantine,
                                result.first_finding ? result.first_finding : "unknown damage");
        return fault_set(fault,
                        FAULT_CORRUPT,
                        "The backup %s is corrupt (%s); nothing was restored, choose another backup",
                        request->source->file,
                        result.first_finding ? result.first_finding : "unknown damage");
}

static int set_journal_mode(RestoreSource *source, const char *mode, Fault *fault)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        _cleanup_free_ char *sql = NULL;
        int64_t page_size_bytes = 0;
        int r;

        if (asprintf(&sql, "PRAGMA main.journal_mode=%s", mode) < 0) {
                sql = NULL;
                return fault_set_errno(fault, ENOMEM, "Preparing %s", source->path);
        }
        r = connection_open(source->path, CONNECTION_PRIVATE, NULL, &connection, fault);
        if (r >= 0)
                r = connection_query_integer(connection, "PRAGMA main.page_size", &page_size_bytes, fault);
        if (r >= 0)
                r = connection_query_row(connection, sql, &statement, fault);
        if (r < 0)
                return r;
        if (sqlite3_stricmp((const char *) sqlite3_column_text(statement, 0), mode) != 0)
                return fault_set(fault,
                                FAULT_FAILED,
                                "%s can't be switched to journal_mode=%s",
                                source->path,
                                mode);
        source->page_size_bytes = (uint64_t) page_size_bytes;
        return 0;
}

static int fold_journals(RestoreSource *source, Fault *fault)
{
        static const char *const suffixes[] = {"-wal", "-journal", "-shm"};
        _cleanup_fault_ Fault met = {0};
        struct stat status;
        int r = set_journal_mode(source, "delete", &met);

        if (r < 0 && source->healthy) {
                if (fault)
                        fault_move(fault, &met);
                return r;
        }
        /* A corrupt one by force: what SQLite can't fold in stays in the quarantine, and must not be
         * replayed into the copy. */
        for (size_t i = 0; r < 0 && i < ELEMENTSOF(suffixes); i++) {
                _cleanup_free_ char *name = NULL;

                if (asprintf(&name, "%s%s", source->file_name, suffixes[i]) < 0) {
                        name = NULL;
                        return fault_set_errno(fault, ENOMEM, "Preparing %s", source->path);
                }
                (void) unlinkat(source->directory_fd, name, 0);
        }
        if (fstatat(source->directory_fd, source->file_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return fault_set_errno(fault, errno, "Looking at %s", source->path);
        source->database_bytes = (uint64_t) status.st_size;
        return 0;
}

int restore_source_prove(const RestoreRequest *request, Progress *progress, RestoreSource *ret, Fault *fault)
{
        _cleanup_(restore_source_done) RestoreSource source = {0};
        int r = name_copy(request, &source, fault);

        if (r >= 0)
                r = request->source ? unpack_backup(request, &source, progress, fault)
                                    : copy_quarantined(request, &source, progress, fault);
        TEST_POINT("restore-unpacked");
        if (r >= 0)
                r = check_copy(request, &source, progress, fault);
        if (r >= 0)
                r = fold_journals(&source, fault);
        if (r < 0)
                return r;
        TEST_POINT("restore-proved");
        *ret = source;
        source = (RestoreSource){0};
        return 0;
}

int restore_source_set_wal(RestoreSource *source, Fault *fault)
{
        return source->healthy ? set_journal_mode(source, "wal", fault) : 0;
}
