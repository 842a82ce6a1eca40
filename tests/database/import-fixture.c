/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "import-fixture.h"

#include <string.h>
#include <sys/mman.h>

#include "base/io.h"
#include "database/import/import.h"

static int import(const char *text, const char *path, Fault *fault)
{
        _cleanup_close_ int fd = memfd_create("document", MFD_CLOEXEC);
        ImportResult result;

        assert_true(fd >= 0);
        assert_int_equal(io_write_all(fd, text, strlen(text)), 0);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        return import_run(fd, path, 0, NULL, &result, fault);
}

const char *import_assert_refused(const char *text, FaultCode code, const char *words)
{
        static const char *const suffixes[] = {"", "-journal", "-wal", "-shm"};
        static char message[1024];
        const char *path = fixture_path("refused.db");
        Fault fault = {0};

        if (import(text, path, &fault) >= 0)
                fail_msg("taken: %s", text);
        (void) snprintf(message, sizeof message, "%s", fault.message);
        if (fault.code != code)
                fail_msg("%s: %s", text, message);
        fixture_assert_fault(&fault, code, words);
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                char name[256];

                (void) snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
                assert_int_equal(fixture_file_size(name), -1);
        }
        return message;
}

const char *import_assert_taken(const char *text)
{
        const char *path = fixture_path("taken.db");
        _cleanup_fault_ Fault fault = {0};

        if (import(text, path, &fault) < 0)
                fail_msg("%s: %s", text, fault.message);
        return path;
}
