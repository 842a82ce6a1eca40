/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as ASCII armor: refused with a reason, or decoded to what has one spelling only, so that
 * encoding it gives the same text again. */

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "age/armor.h"
#include "base/base64.h"
#include "base/io.h"
#include "fuzz.h"

#define COLUMNS 64
#define LINE_BYTES 48

/* Whether the text holds exactly these bytes, in lines of its own kind of end. */
static void require_text(const char *text, const unsigned char *content, size_t size)
{
        const char *position = strchr(strstr(text, AGE_ARMOR_START), '\n') + 1;

        for (size_t done = 0; done < size; done += LINE_BYTES) {
                size_t part = MIN_OF((size_t) LINE_BYTES, size - done), length = BASE64_LENGTH(part);
                char line[COLUMNS];

                base64_encode(content + done, part, line);
                require(strncmp(position, line, length) == 0);
                position += length;
                position += *position == '\r';
                require(*position++ == '\n');
        }
        require(strncmp(position, "-----END", strlen("-----END")) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_close_ int source = memfd_create("armor", MFD_CLOEXEC),
                            target = memfd_create("file", MFD_CLOEXEC);
        _cleanup_fault_ Fault fault = {0};
        _cleanup_free_ char *text = calloc(1, size + 1);
        _cleanup_free_ unsigned char *content = NULL;
        Progress progress;
        struct stat status;
        size_t n = 0;
        int r;

        progress_init(&progress);
        require(source >= 0 && target >= 0 && text && io_write_all(source, data, size) == 0);
        if (size > 0)
                memcpy(text, data, size);
        r = age_armor_decode(source, target, &progress, &fault);
        progress_done(&progress);
        require(r >= 0 ? fault.code == FAULT_NONE : fault.message && fault.message[0]);
        if (r < 0)
                return 0;
        require(fstat(target, &status) == 0);
        content = malloc((size_t) status.st_size + 1);
        require(content && io_read_full_at(target, content, (size_t) status.st_size, 0, &n) == 0);
        require_text(text, content, n);
        return 0;
}
