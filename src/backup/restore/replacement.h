/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* STATE/restore.json: a replacement of the database file that is going on. It is published before the first
 * file moves and removed when everything is done, so that whatever is killed in between, the next start
 * knows which file is which. restore-replace.c writes it, restore-recover.c reads it, and both take the
 * steps that are here. */

#include "backup/restore/restore.h"

typedef enum ReplacementPhase {
        REPLACEMENT_STOPPING, /* units are being stopped; the files are as they were */
        REPLACEMENT_MOVING,   /* the old files move into the quarantine, then the new one to its place */
        REPLACEMENT_WRITING,  /* the new content is written into the file, whose old one is saved */
        REPLACEMENT_STARTING, /* the new one is in force; the units have yet to be started */
        _REPLACEMENT_PHASE_MAX,
        _REPLACEMENT_PHASE_INVALID = -EINVAL,
} ReplacementPhase;

typedef struct Replacement {
        ReplacementPhase phase;
        char *database;
        char *prepared;              /* the new database, whole, beside the old one */
        char *quarantine;            /* folder for the old files; NULL while there is none */
        char *source;                /* for the record */
        char sha256[DIGEST_HEX_MAX]; /* of the prepared file */
        uint64_t inode; /* of the prepared file: the database is the new one when it has this inode */
        bool fixed;     /* the file stays, and what is in it is replaced (contents.h) */
        bool automatic;
        bool units_stopped;
        uint64_t restored_usec;
} Replacement;

void replacement_done(Replacement *replacement);

/* The name that a prepared file has, owned by the caller; NULL when out of memory. */
char *replacement_prepared_path(const char *database_path);

/* NOT_FOUND when no replacement is going on. */
int replacement_load(const char *state_directory_path, Replacement *ret, Fault *fault);
int replacement_store(const char *state_directory_path, const Replacement *replacement, Fault *fault);
int replacement_forget(const char *state_directory_path, Fault *fault);

/* True when the file at the database's path is the prepared one, or has its content. */
bool replacement_is_in_force(const Replacement *replacement);

/* Gives the prepared file the database's name, where nothing must be, and syncs. */
int replacement_publish(const Replacement *replacement, Fault *fault);

/* SHA-256 of a whole file. */
int replacement_digest_file(const char *path, char ret_hex[static DIGEST_HEX_MAX], Fault *fault);

/* What last-restore.json says once the replacement is in force. */
int replacement_record(const char *state_directory_path, const Replacement *replacement, Fault *fault);
