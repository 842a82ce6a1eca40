/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as a manifest: refused with a reason, or read to one that reads the same when it is written
 * again, with what it does not know kept. */

#include <string.h>

#include "backup/catalogue/manifest.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(manifest_freep) Manifest *manifest = NULL, *again = NULL;
        _cleanup_free_ char *text = NULL, *text_again = NULL;
        _cleanup_fault_ Fault fault = {0};

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
