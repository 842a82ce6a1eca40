/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as an age file: refused with a reason, or read to an end that both ways of opening it agree on.
 * The corpus is encrypted to one identity, whose secret is no secret. */

#include <string.h>

#include "age/stream.h"
#include "fuzz.h"

#define IDENTITY "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"

typedef struct Source {
        const uint8_t *data;
        size_t left;
} Source;

static int read_source(void *userdata, void *data, size_t size, size_t *ret, Fault *fault)
{
        Source *source = userdata;
        size_t part = MIN_OF(size, source->left);

        if (part > 0)
                memcpy(data, source->data, part);
        source->data += part;
        source->left -= part;
        *ret = part;
        return 0;
}

/* The content's size, or a negative errno. */
static int64_t read_all(const uint8_t *data, size_t size, const AgeOpener *opener)
{
        _cleanup_(age_reader_freep) AgeReader *reader = NULL;
        _cleanup_fault_ Fault fault = {0};
        Source source = {data, size};
        unsigned char part[1000];
        int64_t total = 0;
        size_t n;
        int r;

        r = age_reader_new(opener, read_source, &source, &reader, &fault);
        do {
                if (r >= 0)
                        r = age_reader_read(reader, part, sizeof part, &n, &fault);
                if (r >= 0)
                        total += (int64_t) n;
        } while (r >= 0 && n == sizeof part);
        require(r >= 0 ? fault.code == FAULT_NONE : fault.message && fault.message[0]);
        return r < 0 ? r : total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(age_identities_freep) AgeIdentities *identities = NULL;
        AgeOpener by_identity = {0}, by_key = {0};
        AgeFileKey file_key;
        size_t header_bytes;
        int64_t content_bytes;

        require(age_identities_new(&identities, NULL) >= 0);
        require(age_identities_parse(identities, IDENTITY, strlen(IDENTITY), NULL) >= 0);
        by_identity.identities = identities;
        content_bytes = read_all(data, size, &by_identity);
        if (age_header_open((const char *) data, size, &by_identity, &file_key, &header_bytes, NULL) < 0) {
                require(content_bytes < 0);
                return 0;
        }
        require(header_bytes <= size);
        by_key.file_key = &file_key;
        require(read_all(data, size, &by_key) == content_bytes);
        return 0;
}
