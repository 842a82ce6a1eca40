/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is known about one backup, and its form on disk: FILE.meta beside the stored file, JSON, written
 * last and removed first. Fields that this version does not know survive a rewrite.
 *
 * A document is ours when it has an integer `version` and a string `file`; it is then judged strictly. Any
 * other JSON object is a foreign manifest (the application wrote such ones): of these only `backup_time`,
 * local time, is used, nothing is judged, and all is kept. Not thread-safe: one thread at a time has a
 * Manifest (json-c counts references without atomics); manifest_copy() makes one that shares nothing. */

#include <json-c/json.h>

#include "base/digest.h"
#include "database/statistics/statistics.h"

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
#define MANIFEST_VERSION 1
#define MANIFEST_MAX_BYTES MIB
#define BACKUP_FILE_MODE 0600 /* of stored files and manifests; see backup-rights.h */

/* True for a label that a backup may carry: valid UTF-8 without control characters, at most
 * BACKUP_LABEL_MAX_BYTES. The empty one counts as valid. */
bool backup_label_is_valid(const char *label);

typedef struct Manifest {
        char *name; /* "backup_20260124_014621": what people type */
        char *file; /* "backup_20260124_014621.db.gz": what is on disk */
        BackupKind kind;
        char *label;  /* free text, UTF-8, at most BACKUP_LABEL_MAX_BYTES; NULL for none */
        char *source; /* absolute path of the database */
        char *host;
        char *tool_version;
        char *database_id; /* which database it is of (identity.h); NULL before there were ids */

        uint64_t created_usec;
        uint64_t copied_usec; /* when its bytes were copied from the database: before it was created, where
                               * it shares them with an older one; 0 when unknown */
        uint64_t duration_usec;
        uint64_t verified_usec; /* last time that all of it was read back and checked; 0 for never */
        bool quick_check;       /* that check compared no indexes with their tables */
        uint64_t page_size_bytes;
        uint64_t pages;
        uint64_t database_bytes;            /* of the image */
        uint64_t stored_bytes;              /* of the file */
        char blocks_sha256[DIGEST_HEX_MAX]; /* "" when unknown */
        char stored_sha256[DIGEST_HEX_MAX];
        char index_sha256[DIGEST_HEX_MAX]; /* of the index in the file (member-index.h); "" for none */
        Compression compression;
        bool encrypted;              /* from the name of the file */
        char *encryption_recipients; /* as in the configuration; NULL when in clear, or not known */

        char *chain; /* the backup that began the chain in whose blocks it lies (sharing.h); NULL: itself */
        char *fingerprint; /* of the database when it was copied (fingerprint.h); NULL for none */

        TableCount *tables; /* rows per table, counted in the copy; sorted */
        size_t n_tables;
        uint64_t foreign_key_violations;
        uint64_t constraint_violations;
        char *unchecked; /* what the check could not look at, and why; NULL when it looked at everything */
        char *verification_fault; /* what the last verification found; NULL when it passed or never ran */

        bool kept;            /* somebody has pinned it: never removed by retention, nor by delete */
        bool adopted;         /* not of our making: never removed by retention */
        char *problem;        /* what is wrong with the entry itself (unreadable manifest, missing
                               * or truncated file); NULL when nothing is */
        json_object *unknown; /* the parsed document, so that foreign fields survive */
} Manifest;

Manifest *manifest_free(Manifest *manifest);
DEFINE_CLEANUP(Manifest *, manifest_free);

int manifest_new(Manifest **ret);

/* True for a backup that this service made of what the database was then, on its timer, at its start or for
 * somebody. */
bool manifest_is_own(const Manifest *manifest);

/* True when it was proved in full, the last verification found nothing, and the entry has no problem. */
bool manifest_is_verified(const Manifest *manifest);

/* Copies all of it, but not the foreign fields. NULL when out of memory. */
Manifest *manifest_copy(const Manifest *manifest);

/* Fills the empty table list of `manifest`. -ENOMEM; then it is still empty. */
int manifest_copy_tables(Manifest *manifest, const Manifest *source);

/* True when the two have one and the same bytes on the disk (unchanged.h). */
bool manifest_shares_bytes(const Manifest *a, const Manifest *b);

/* Reads a document of `size` bytes. CORRUPT when it is not one JSON object of at most MANIFEST_MAX_BYTES,
 * names a key twice, or (ours) a field has the wrong type or an impossible value; NOT_SUPPORTED when a later
 * version wrote it. Fields that are missing keep their zero, but name, file and kind may not be missing.
 * A foreign document gives a Manifest with `adopted`, `unknown` and perhaps `created_usec` alone: name and
 * file are NULL. */
int manifest_parse(const char *text, size_t size, Manifest **ret, Fault *fault);

/* The document, owned by the caller. Of a foreign document everything stays but the fields that are named as
 * ours are. Text that is not UTF-8 gets '?' for the bytes that aren't. A table list that would make the
 * document larger than can be read again is left out. */
int manifest_format(const Manifest *manifest, char **ret, Fault *fault);

/* Reads FILE.meta below `directory_fd`. NOT_FOUND when there is none; CORRUPT also when it is about another
 * file. Name, file, kind, compression and encrypted are always filled, of a foreign one from `file`, which
 * must be a name that backup_name_from_file() takes (else INVALID_ARGUMENT). */
int manifest_load(int directory_fd, const char *file, Manifest **ret, Fault *fault);

/* Writes or rewrites FILE.meta atomically. */
int manifest_store(int directory_fd, const Manifest *manifest, Fault *fault);

/* The same under another name in the same directory, where nothing must be yet. */
int manifest_store_as(int directory_fd, const Manifest *manifest, const char *name, Fault *fault);
