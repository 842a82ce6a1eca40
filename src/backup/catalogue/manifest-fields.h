/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The fields of a manifest that are the same in memory and in JSON, so that reading and writing can't come
 * to differ. Only manifest-parse.c and manifest-format.c include this. */

#include "backup/catalogue/manifest.h"

static const struct {
        const char *key;
        size_t offset;
} text_fields[] = {
                {"name", offsetof(Manifest, name)},
                {"file", offsetof(Manifest, file)},
                {"label", offsetof(Manifest, label)},
                {"source", offsetof(Manifest, source)},
                {"host", offsetof(Manifest, host)},
                {"tool_version", offsetof(Manifest, tool_version)},
                {"database_id", offsetof(Manifest, database_id)},
                {"encryption_recipients", offsetof(Manifest, encryption_recipients)},
                {"chain", offsetof(Manifest, chain)},
                {"fingerprint", offsetof(Manifest, fingerprint)},
                {"verification_fault", offsetof(Manifest, verification_fault)},
                {"unchecked", offsetof(Manifest, unchecked)},
};

static const struct {
        const char *key;
        size_t offset;
} number_fields[] = {
                {"created_usec", offsetof(Manifest, created_usec)},
                {"copied_usec", offsetof(Manifest, copied_usec)},
                {"duration_usec", offsetof(Manifest, duration_usec)},
                {"verified_usec", offsetof(Manifest, verified_usec)},
                {"page_size_bytes", offsetof(Manifest, page_size_bytes)},
                {"pages", offsetof(Manifest, pages)},
                {"database_bytes", offsetof(Manifest, database_bytes)},
                {"stored_bytes", offsetof(Manifest, stored_bytes)},
                {"foreign_key_violations", offsetof(Manifest, foreign_key_violations)},
                {"constraint_violations", offsetof(Manifest, constraint_violations)},
};

static const struct {
        const char *key;
        size_t offset;
} digest_fields[] = {
                {"database_blocks_sha256", offsetof(Manifest, blocks_sha256)},
                {"stored_sha256", offsetof(Manifest, stored_sha256)},
                {"index_sha256", offsetof(Manifest, index_sha256)},
};

/* Among the `checks`, where it was no full one. */
#define MANIFEST_QUICK_CHECK "quick_check"

#define FIELD_AT(manifest, type, at) ((type *) (void *) ((char *) (manifest) + (at)))
#define CONST_FIELD_AT(manifest, type, at) ((const type *) (const void *) ((const char *) (manifest) + (at)))
