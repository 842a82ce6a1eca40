/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/restore/restore-compare.h"

#include <fcntl.h>
#include <string.h>

#include "base/io.h"

#define CHUNK_BYTES (256 * KIB)

#define HEADER_BYTES 100

/* What sqlite3_backup and the commit of it change in the header (file format, section 1.3): the two bytes
 * that say whether the file has a -wal, the change counter, the schema cookie, and which version of SQLite
 * wrote last, at which change. */
static const struct {
        size_t offset, size;
} changed_fields[] = {{18, 2}, {24, 4}, {40, 4}, {92, 8}};

static bool read_chunk(int fd, char *buffer, size_t *ret_size)
{
        return io_read_full(fd, buffer, CHUNK_BYTES, ret_size) >= 0;
}

static bool compare_files(int one_fd, int two_fd, char *one, char *two, Progress *progress)
{
        size_t size = CHUNK_BYTES, other_size;

        for (bool is_first = true; size == CHUNK_BYTES; is_first = false) {
                if (progress_check(progress, NULL) < 0 || !read_chunk(one_fd, one, &size) ||
                                !read_chunk(two_fd, two, &other_size) || size != other_size)
                        return false;
                if (is_first && size < HEADER_BYTES)
                        return false;
                for (size_t i = 0; is_first && i < ELEMENTSOF(changed_fields); i++)
                        memcpy(two + changed_fields[i].offset,
                                        one + changed_fields[i].offset,
                                        changed_fields[i].size);
                if (memcmp(one, two, size) != 0)
                        return false;
                progress_add(progress, size);
        }
        return true;
}

bool restore_is_as_proved(const RestoreSource *source, const char *database_path, Progress *progress)
{
        _cleanup_close_ int source_fd = open(source->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_close_ int database_fd = open(database_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        _cleanup_free_ char *one = malloc(CHUNK_BYTES), *two = malloc(CHUNK_BYTES);

        progress_begin(progress, "checking", source->database_bytes);
        return source_fd >= 0 && database_fd >= 0 && one && two &&
               compare_files(source_fd, database_fd, one, two, progress);
}
