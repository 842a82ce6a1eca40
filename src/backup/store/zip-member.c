/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/store/zip-member.h"

#include <fcntl.h>
#include <string.h>
#include <zip.h>

#include "base/io.h"
#include "base/names.h"
#include "base/quantity.h"
#include "database/connection/placement.h"

#define CHUNK_BYTES (256 * KIB)
/* A log with less than that has no page. */
#define EMPTY_WAL_BYTES 56

static void discard(zip_t **archive)
{
        if (*archive)
                zip_discard(*archive);
}

static void close_member(zip_file_t **member)
{
        if (*member)
                (void) zip_fclose(*member);
}

static int unreadable(zip_error_t *error, Fault *fault)
{
        return fault_set(fault,
                        FAULT_CORRUPT,
                        "The zip archive can't be read: %s",
                        zip_error_strerror(error));
}

static int open_archive(int source_fd, zip_t **ret, Fault *fault)
{
        int fd = fcntl(source_fd, F_DUPFD_CLOEXEC, 3), code;
        zip_error_t error;
        int r;

        if (fd < 0)
                return fault_set_errno(fault, errno, "Opening the zip archive");
        *ret = zip_fdopen(fd, 0, &code);
        if (*ret)
                return 0;
        (void) close(fd);
        zip_error_init_with_code(&error, code);
        r = unreadable(&error, fault);
        zip_error_fini(&error);
        return r;
}

static bool ends_with(const char *name, const char *ending)
{
        size_t length = strlen(name), ending_length = strlen(ending);

        return length >= ending_length && strcmp(name + length - ending_length, ending) == 0;
}

static bool is_among_backups(const char *name)
{
        return strncmp(name, BACKUP_DIRECTORY "/", strlen(BACKUP_DIRECTORY "/")) == 0 ||
               strstr(name, "/" BACKUP_DIRECTORY "/");
}

static unsigned depth_of(const char *name)
{
        unsigned depth = 0;

        for (; *name; name++)
                depth += *name == '/';
        return depth;
}

static bool is_the_database(const char *name)
{
        const char *slash = strrchr(name, '/');

        return strcmp(slash ? slash + 1 : name, DATABASE_FILE) == 0;
}

/* The index, or -1 for none that is plainly it. */
static zip_int64_t find_database(zip_t *archive)
{
        zip_int64_t n = zip_get_num_entries(archive, 0), found = -1, only = -1;
        unsigned depth = 0, n_others = 0;

        for (zip_int64_t i = 0; i < n; i++) {
                const char *name = zip_get_name(archive, (zip_uint64_t) i, 0);

                if (!name || is_among_backups(name) || !ends_with(name, ".db"))
                        continue;
                n_others++;
                only = i;
                if (is_the_database(name) && (found < 0 || depth_of(name) < depth)) {
                        found = i;
                        depth = depth_of(name);
                }
        }
        return found >= 0 ? found : n_others == 1 ? only : -1;
}

/* What SQLite would replay into it does not come with it. */
static int require_complete(zip_t *archive, const char *name, Fault *fault)
{
        static const struct {
                const char *suffix;
                uint64_t empty_bytes;
        } beside[] = {{"-wal", EMPTY_WAL_BYTES}, {"-journal", 0}};

        for (size_t i = 0; i < ELEMENTSOF(beside); i++) {
                _cleanup_free_ char *path = NULL;
                zip_stat_t status;

                if (asprintf(&path, "%s%s", name, beside[i].suffix) < 0) {
                        path = NULL;
                        return fault_set_errno(fault, ENOMEM, "Reading the zip archive");
                }
                if (zip_stat(archive, path, 0, &status) == 0 && status.size > beside[i].empty_bytes)
                        return fault_set(fault,
                                        FAULT_INVALID_ARGUMENT,
                                        "%s in the archive has changes that %s lacks; as a user without "
                                        "rights, not as root, unpack both into one folder, copy the "
                                        "database "
                                        "with SQLite's `.backup`, and name the copy",
                                        path,
                                        name);
        }
        return 0;
}

static int describe(zip_t *archive, zip_int64_t index, zip_stat_t *ret, Fault *fault)
{
        const zip_uint64_t needed = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_ENCRYPTION_METHOD;

        if (index < 0)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "The zip archive holds no " DATABASE_FILE
                                "; unpack it, and name the database in it");
        if (zip_stat_index(archive, (zip_uint64_t) index, 0, ret) < 0 || (ret->valid & needed) != needed)
                return unreadable(zip_get_error(archive), fault);
        if (ret->encryption_method != ZIP_EM_NONE)
                return fault_set(fault,
                                FAULT_NOT_SUPPORTED,
                                "%s in the zip archive is encrypted; unpack it, and name the file",
                                ret->name);
        return require_complete(archive, ret->name, fault);
}

static int copy_member(zip_file_t *member,
                const zip_stat_t *status,
                int target_fd,
                Progress *progress,
                Fault *fault)
{
        _cleanup_free_ char *buffer = malloc(CHUNK_BYTES);
        uint64_t left_bytes = status->size;

        if (!buffer)
                return fault_set_errno(fault, ENOMEM, "Unpacking %s", status->name);
        progress_begin(progress, "unpacking", left_bytes);
        for (;;) {
                int r = progress_check(progress, fault);
                zip_int64_t n;

                if (r < 0)
                        return r;
                n = zip_fread(member, buffer, CHUNK_BYTES);
                if (n < 0)
                        return unreadable(zip_file_get_error(member), fault);
                /* Room was foreseen for what it says it has. */
                if ((uint64_t) n > left_bytes || (n == 0 && left_bytes > 0))
                        return fault_set(fault,
                                        FAULT_CORRUPT,
                                        "%s in the zip archive has not the size that it says",
                                        status->name);
                if (n == 0)
                        return 0;
                r = io_write_all(target_fd, buffer, (size_t) n);
                if (r < 0)
                        return fault_set_errno(fault, r, "Unpacking %s", status->name);
                progress_add(progress, (uint64_t) n);
                left_bytes -= (uint64_t) n;
        }
}

/* What it declares is what is unpacked, and no more. */
static int require_bounded(const zip_stat_t *status, uint64_t max_bytes, Fault *fault)
{
        char size[QUANTITY_MAX], most[QUANTITY_MAX];

        if (max_bytes == 0 || status->size <= max_bytes)
                return 0;
        quantity_format_size(status->size, size);
        quantity_format_size(max_bytes, most);
        return fault_set(fault,
                        FAULT_NO_SPACE,
                        "%s in the zip archive has %s, more than %s; make room on the disk of the backups, "
                        "or set "
                        "RestoreMaxSize= where this is no mistake",
                        status->name,
                        size,
                        most);
}

int zip_member_extract(int source_fd,
                int target_fd,
                const char *directory_path,
                uint64_t max_bytes,
                Progress *progress,
                Fault *fault)
{
        __attribute__((cleanup(discard))) zip_t *archive = NULL;
        __attribute__((cleanup(close_member))) zip_file_t *member = NULL;
        zip_int64_t index;
        zip_stat_t status;
        int r = open_archive(source_fd, &archive, fault);

        if (r < 0)
                return r;
        index = find_database(archive);
        r = describe(archive, index, &status, fault);
        if (r >= 0)
                r = require_bounded(&status, max_bytes, fault);
        if (r >= 0)
                r = placement_require_space(directory_path, status.size, fault);
        if (r < 0)
                return r;
        member = zip_fopen_index(archive, (zip_uint64_t) index, 0);
        if (!member)
                return unreadable(zip_get_error(archive), fault);
        return copy_member(member, &status, target_fd, progress, fault);
}
