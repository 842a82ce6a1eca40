/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as a document to import: it is refused with a reason and leaves nothing behind, or it makes a
 * database whose export is taken again and gives the same bytes. */

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "base/io.h"
#include "database/export/export.h"
#include "database/import/import.h"
#include "fuzz.h"

static int document_fd(const void *data, size_t size)
{
        int fd = memfd_create("document", MFD_CLOEXEC);

        require(fd >= 0 && io_write_all(fd, data, size) == 0 && lseek(fd, 0, SEEK_SET) == 0);
        return fd;
}

static int import(int fd, const char *path)
{
        _cleanup_fault_ Fault fault = {0};
        ImportResult result;
        int r = import_run(fd, path, 0, NULL, &result, &fault);

        require(r >= 0 ? fault.code == FAULT_NONE : fault.message && fault.message[0]);
        return r;
}

/* The compact export, as a descriptor to read from; negative when there is none. A schema that SQLite takes
 * and can't read again, such as a collation that nobody knows, is refused when it is exported. */
static int export(const char *path)
{
        _cleanup_close_ int fd = memfd_create("export", MFD_CLOEXEC);
        ExportOptions options = {.style = EXPORT_COMPACT};
        _cleanup_fault_ Fault fault = {0};
        ExportResult result;

        if (export_run(path, &options, fd, NULL, &result, &fault) < 0)
                return -EBADF;
        require(lseek(fd, 0, SEEK_SET) == 0);
        return TAKE_FD(fd);
}

static void require_same(int left_fd, int right_fd)
{
        char left[4096], right[4096];
        uint64_t offset_bytes = 0;
        size_t n_left, n_right;

        do {
                require(io_read_full_at(left_fd, left, sizeof left, offset_bytes, &n_left) == 0);
                require(io_read_full_at(right_fd, right, sizeof right, offset_bytes, &n_right) == 0);
                require(n_left == n_right && memcmp(left, right, n_left) == 0);
                offset_bytes += n_left;
        } while (n_left == sizeof left);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char directory[] = "/dev/shm/oracxpred-fuzz-XXXXXX", path[64], again[64];
        _cleanup_close_ int document = document_fd(data, size);

        require(mkdtemp(directory) != NULL);
        (void) snprintf(path, sizeof path, "%s/first.db", directory);
        (void) snprintf(again, sizeof again, "%s/again.db", directory);
        if (import(document, path) >= 0) {
                _cleanup_close_ int first = export(path), second = -EBADF;

                if (first >= 0 && import(first, again) >= 0) {
                        second = export(again);
                        require(second >= 0);
                        require_same(first, second);
                        require(unlink(again) == 0);
                }
                require(unlink(path) == 0);
        }
        /* Fails when anything was left behind. */
        require(rmdir(directory) == 0);
        return 0;
}
