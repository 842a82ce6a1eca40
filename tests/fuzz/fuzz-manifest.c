/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as a manifest: refused with a reason, or read to one that reads the same when it is written
 * again, with what it does not know kept. Those of an older tree, which are of another form, get what is
 * missing from the name of their file. */

#include <fcntl.h>
#include <string.h>

#include "backup/catalogue/manifest.h"
#include "base/io.h"
#include "fuzz.h"

#define FILE_NAME "backup_20260124_014621.db.gz"

static void try_beside_a_file(const uint8_t *data, size_t size)
{
        char folder[] = "/dev/shm/oracxpred-fuzz-XXXXXX";
        _cleanup_(manifest_freep) Manifest *manifest = NULL, *again = NULL;
        _cleanup_close_ int directory_fd = -EBADF, fd = -EBADF;
        _cleanup_fault_ Fault fault = {0};

        require(mkdtemp(folder) != NULL);
        directory_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        fd = openat(directory_fd, FILE_NAME MANIFEST_SUFFIX, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        require(fd >= 0 && io_write_all(fd, data, size) == 0);
        if (manifest_load(directory_fd, FILE_NAME, &manifest, &fault) < 0)
                require(fault.message && fault.message[0]);
        else {
                require(strcmp(manifest->file, FILE_NAME) == 0 && manifest->name);
                if (manifest_store(directory_fd, manifest, NULL) >= 0) {
                        require(manifest_load(directory_fd, FILE_NAME, &again, NULL) >= 0);
                        require(again->created_usec == manifest->created_usec &&
                                        again->adopted == manifest->adopted);
                }
        }
        require(unlinkat(directory_fd, FILE_NAME MANIFEST_SUFFIX, 0) == 0 && rmdir(folder) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(manifest_freep) Manifest *manifest = NULL, *again = NULL;
        _cleanup_free_ char *text = NULL, *text_again = NULL;
        _cleanup_fault_ Fault fault = {0};

        try_beside_a_file(data, size);
        if (manifest_parse((const char *) data, size, &manifest, &fault) < 0) {
                require(fault.message && fault.message[0]);
                return 0;
        }
        /* A foreign one gets its name from its file. */
        if (!manifest->name || manifest_format(manifest, &text, &fault) < 0)
                return 0;
        require(manifest_parse(text, strlen(text), &again, &fault) >= 0);
        require(manifest_format(again, &text_again, &fault) >= 0);
        require(strcmp(text, text_again) == 0);
        return 0;
}
