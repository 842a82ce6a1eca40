/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/catalogue/catalogue-entry.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "age/header.h"
#include "backup/catalogue/unfinished.h"
#include "base/io.h"

/* https://www.sqlite.org/fileformat2.html#the_database_header */
#define HEADER_BYTES 100
#define HEADER_MAGIC "SQLite format 3" /* with the final zero: 16 bytes */
#define HEADER_PAGE_SIZE 16            /* two bytes, big-endian; 1 stands for 65536 */
#define HEADER_PAGES 28                /* four bytes, big-endian */

int catalogue_entry_file(const char *name, char ret_file[static BACKUP_NAME_MAX])
{
        size_t length = strlen(name), suffix_length = strlen(MANIFEST_SUFFIX);
        char file[BACKUP_NAME_MAX], stem[BACKUP_NAME_MAX];
        Compression compression;
        bool encrypted;

        if (unfinished_file_of_marker(name, ret_file) >= 0)
                return 0;
        if (length > suffix_length && strcmp(name + length - suffix_length, MANIFEST_SUFFIX) == 0)
                length -= suffix_length;
        if (length >= sizeof file)
                return -EINVAL;
        memcpy(file, name, length);
        file[length] = '\0';
        if (backup_name_from_file(file, stem, &compression, &encrypted) < 0)
                return -EINVAL;
        memcpy(ret_file, file, length + 1);
        return 0;
}

static int set_problem(Manifest *manifest, const char *format, ...) _printf_(2, 3);
static int set_problem(Manifest *manifest, const char *format, ...)
{
        va_list arguments;
        char *problem;
        int r;

        va_start(arguments, format);
        r = vasprintf(&problem, format, arguments);
        va_end(arguments);
        if (r < 0)
                return -ENOMEM;
        free(manifest->problem);
        manifest->problem = problem;
        return 0;
}

/* An entry about which the file's name is all that is known. */
static int begin_adopted(const char *file, Manifest **ret)
{
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        char stem[BACKUP_NAME_MAX];
        int r;

        r = manifest_new(&manifest);
        if (r < 0)
                return r;
        r = backup_name_from_file(file, stem, &manifest->compression, &manifest->encrypted);
        if (r < 0)
                return r;
        manifest->name = strdup(stem);
        manifest->file = strdup(file);
        if (!manifest->name || !manifest->file)
                return -ENOMEM;
        manifest->kind = backup_name_adopted_kind(file);
        manifest->adopted = true;
        *ret = TAKE_PTR(manifest);
        return 0;
}

/* What the file begins with, by its name. */
typedef struct Form {
        const char *what;
        const char *magic;
        size_t magic_bytes;
} Form;

static const Form *form_of(const Manifest *manifest)
{
        static const Form plain = {"SQLite database", HEADER_MAGIC, sizeof HEADER_MAGIC},
                          gzip = {"gzip file", "\x1f\x8b\x08", 3},
                          age = {"age file", AGE_VERSION_LINE, sizeof AGE_VERSION_LINE - 1};

        if (manifest->encrypted)
                return &age;
        return manifest->compression == COMPRESSION_GZIP ? &gzip : &plain;
}

/* A backup is no live database: nobody has locks on it that opening it here could drop. */
static int read_header(int directory_fd, Manifest *manifest)
{
        _cleanup_close_ int fd = openat(directory_fd,
                        manifest->file,
                        O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        const Form *form = form_of(manifest);
        unsigned char header[HEADER_BYTES];
        uint64_t page_size;
        size_t size;

        if (fd < 0 || io_read_full(fd, header, sizeof header, &size) < 0)
                return set_problem(manifest, "%s can't be read", manifest->file);
        if (size < form->magic_bytes || memcmp(header, form->magic, form->magic_bytes) != 0)
                return set_problem(manifest, "%s is no %s", manifest->file, form->what);
        if (manifest->encrypted || manifest->compression != COMPRESSION_NONE)
                return 0;
        if (size < sizeof header)
                return set_problem(manifest, "%s is cut short", manifest->file);
        page_size = (uint64_t) header[HEADER_PAGE_SIZE] << 8 | header[HEADER_PAGE_SIZE + 1];
        manifest->page_size_bytes = page_size == 1 ? 65536 : page_size;
        manifest->pages = 0;
        for (unsigned i = 0; i < 4; i++)
                manifest->pages = manifest->pages << 8 | header[HEADER_PAGES + i];
        return 0;
}

/* What the file itself says, of a backup that no manifest of ours describes. */
static int describe_adopted(int directory_fd, const struct stat *status, Manifest *manifest)
{
        uint64_t usec;

        if (manifest->created_usec > 0)
                ; /* its manifest says so */
        else if (backup_name_usec(manifest->file, &usec) >= 0)
                manifest->created_usec = usec;
        else
                manifest->created_usec = (uint64_t) status->st_mtim.tv_sec * USEC_PER_SEC +
                                         (uint64_t) status->st_mtim.tv_nsec / 1000;
        manifest->stored_bytes = (uint64_t) status->st_size;
        if (manifest->compression == COMPRESSION_NONE && !manifest->encrypted)
                manifest->database_bytes = manifest->stored_bytes;
        return read_header(directory_fd, manifest);
}

/* A manifest that can't be understood is a problem of this one entry, not of the listing. */
static int load_manifest(int directory_fd, const char *file, Manifest **ret)
{
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        _cleanup_fault_ Fault fault = {0};
        int r;

        r = manifest_load(directory_fd, file, ret, &fault);
        if (r >= 0)
                return 1;
        if (fault.code == FAULT_NOT_FOUND)
                return 0;
        r = begin_adopted(file, &manifest);
        if (r >= 0)
                r = set_problem(manifest, "%s", fault.message);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(manifest);
        return 1;
}

/* Without a manifest that we wrote, what the file has is all there is to know. */
static int compare_with_file(int directory_fd, const struct stat *status, Manifest *manifest)
{
        if (manifest->adopted && manifest->stored_sha256[0] == '\0') {
                _cleanup_free_ char *problem = TAKE_PTR(manifest->problem);
                int r = describe_adopted(directory_fd, status, manifest);

                if (r >= 0 && problem) {
                        free(manifest->problem);
                        manifest->problem = TAKE_PTR(problem);
                }
                return r;
        }
        if ((uint64_t) status->st_size == manifest->stored_bytes)
                return 0;
        return set_problem(manifest,
                        "%s has %ju bytes instead of %ju; it was cut short or changed",
                        manifest->file,
                        (uintmax_t) status->st_size,
                        (uintmax_t) manifest->stored_bytes);
}

int catalogue_entry_read(int directory_fd, const char *file, Manifest **ret)
{
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        struct stat status;
        int missing = 0, r;

        if (unfinished_is_marked(directory_fd, file))
                return 0;
        if (fstatat(directory_fd, file, &status, AT_SYMLINK_NOFOLLOW) < 0)
                missing = errno;
        r = load_manifest(directory_fd, file, &manifest);
        if (r < 0)
                return r;
        if (r == 0) {
                if (missing || !S_ISREG(status.st_mode))
                        return 0;
                r = begin_adopted(file, &manifest);
                if (r < 0)
                        return r;
        }

        if (missing)
                r = set_problem(manifest,
                                "%s: %s",
                                file,
                                missing == ENOENT ? "the file is missing" : strerrordesc_np(missing));
        else if (!S_ISREG(status.st_mode))
                r = set_problem(manifest, "%s is no regular file", file);
        else
                r = compare_with_file(directory_fd, &status, manifest);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(manifest);
        return 1;
}
