/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is known about one backup, and its form on disk: NAME.meta beside the stored file, JSON, written
 * last and removed first. Fields that this version does not know survive a rewrite. */

#include <json-c/json.h>

#include "base/digest.h"
#include "database/statistics.h"

typedef enum BackupKind {
        BACKUP_INITIAL,     /* the first ever, kept for good */
        BACKUP_AUTOMATIC,   /* by the timer */
        BACKUP_MANUAL,      /* by a person */
        BACKUP_PRE_RESTORE, /* what a restore replaced */
        BACKUP_IMPORTED,    /* a file that was there before this service, or came from elsewhere */
        _BACKUP_KIND_MAX,
        _BACKUP_KIND_INVALID = -EINVAL,
} BackupKind;

const char *backup_kind_to_string(BackupKind kind); /* "initial", "automatic", "manual", "pre-restore", … */
BackupKind backup_kind_from_string(const char *text);

typedef enum Compression {
        COMPRESSION_NONE,
        COMPRESSION_GZIP,
        _COMPRESSION_MAX,
        _COMPRESSION_INVALID = -EINVAL,
} Compression;

const char *compression_to_string(Compression compression); /* "none", "gzip" */
Compression compression_from_string(const char *text);

#define BACKUP_LABEL_MAX_BYTES 256
#define MANIFEST_SUFFIX ".meta"

typedef struct Manifest {
        char *name; /* "backup_20260124_014621": what people type */
        char *file; /* "backup_20260124_014621.db.gz": what is on disk */
        BackupKind kind;
        char *label;  /* free text, UTF-8, at most BACKUP_LABEL_MAX_BYTES; NULL for none */
        char *source; /* absolute path of the database */
        char *host;
        char *tool_version;

        uint64_t created_usec;
        uint64_t duration_usec;
        uint64_t verified_usec; /* last time it was proved in full; 0 for never */
        uint64_t page_size_bytes;
        uint64_t pages;
        uint64_t database_bytes;              /* of the image */
        uint64_t stored_bytes;                /* of the file */
        char database_sha256[DIGEST_HEX_MAX]; /* "" when unknown */
        char stored_sha256[DIGEST_HEX_MAX];
        Compression compression;
        bool encrypted; /* from the name of the file */

        TableCount *tables; /* rows per table, counted in the copy */
        size_t n_tables;
        uint64_t foreign_key_violations;
        char *verification_fault; /* what the last verification found; NULL when it passed or never ran */

        bool adopted;         /* no manifest of ours: never removed by retention */
        char *problem;        /* what is wrong with the entry itself (unreadable manifest, missing
                               * or truncated file); NULL when nothing is */
        json_object *unknown; /* the parsed document, so that foreign fields survive */
} Manifest;

Manifest *manifest_free(Manifest *manifest);
DEFINE_CLEANUP(Manifest *, manifest_free);

int manifest_new(Manifest **ret);

/* Copies all of it, but not the foreign fields. NULL when out of memory. */
Manifest *manifest_copy(const Manifest *manifest);

/* Reads a document of `size` bytes. CORRUPT when it is not JSON, or a field has the wrong type or an
 * impossible value; missing fields keep their zero. Fields of a foreign writer are kept, not judged. */
int manifest_parse(const char *text, size_t size, Manifest **ret, Fault *fault);

/* The document, owned by the caller. */
int manifest_format(const Manifest *manifest, char **ret, Fault *fault);

/* Reads FILE.meta below `directory_fd`. NOT_FOUND when there is none. */
int manifest_load(int directory_fd, const char *file, Manifest **ret, Fault *fault);

/* Rewrites FILE.meta atomically. */
int manifest_store(int directory_fd, const Manifest *manifest, Fault *fault);
