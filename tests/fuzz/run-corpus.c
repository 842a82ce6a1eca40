/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Gives a fuzz target the files of its corpus, one after the other: what a fuzzer has found once is tried in
 * every test run, without a fuzzer.
 *
 *   fuzz-NAME FILE... */

#include <fcntl.h>

#include "base/io.h"
#include "fuzz.h"

#define INPUT_MAX_BYTES (16 * MIB)

int main(int argc, char **argv)
{
        for (int i = 1; i < argc; i++) {
                _cleanup_free_ char *data = NULL;
                size_t size;
                int r = io_read_file(AT_FDCWD, argv[i], INPUT_MAX_BYTES, &data, &size);

                if (r < 0) {
                        (void) fprintf(stderr, "%s: can't be read\n", argv[i]);
                        return EXIT_FAILURE;
                }
                (void) LLVMFuzzerTestOneInput((const uint8_t *) data, size);
        }
        return argc > 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
