/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* STATE/remedies.json: what the service has done to the database by itself, and what it cost, until a person
 * acknowledges it. Any thread; each call reads the file and writes it whole, one at a time. */

#include "backup/remedy/table-loss.h"

typedef enum RemedyKind {
        REMEDY_REPAIRED, /* in place, and no row was touched */
        REMEDY_RESTORED, /* a backup took the database's place */
        _REMEDY_KIND_MAX,
        _REMEDY_KIND_INVALID = -EINVAL,
} RemedyKind;

const char *remedy_kind_to_string(RemedyKind kind); /* "repaired", "restored" */
RemedyKind remedy_kind_from_string(const char *text);

typedef struct Remedy {
        uint64_t id; /* counts up; remedy_append() gives it */
        uint64_t usec;
        RemedyKind kind;
        bool acknowledged;
        char *source;       /* the backup that was restored; NULL for none */
        char *pre_restore;  /* what there was before, as a backup: its name; NULL when it isn't one */
        char *quarantine;   /* folder with the files as they were before; NULL when there is none */
        char **objects;     /* what was repaired, for people; NULL-terminated, or NULL */
        TableLosses losses; /* tables that lost rows, or may have */
} Remedy;

void remedy_done(Remedy *remedy);

typedef struct Remedies {
        Remedy *items; /* oldest first; those that were acknowledged are kept for a while */
        size_t n_items;
        uint64_t revision; /* counts the writes of the file: of two lists the higher one is newer */
} Remedies;

void remedies_done(Remedies *remedies);

/* What the last restore was is remembered in last-restore.json as well (restore-record.h). */
const Remedy *remedies_find(const Remedies *remedies, RemedyKind kind, uint64_t usec);

/* Whether a row was lost, or nobody knows. */
bool remedy_lost_rows(const Remedy *remedy);

/* An empty list when there is no such file; CORRUPT when it can't be understood. */
int remedies_load(const char *state_directory_path, Remedies *ret, Fault *fault);

/* Adds one; its id and `acknowledged` are not looked at. Only so many are kept: the oldest acknowledged ones
 * go first, and of the others the oldest two become one. A list that can't be read is begun anew. */
int remedy_append(const char *state_directory_path, const Remedy *remedy, Remedies *ret, Fault *fault);

/* Acknowledges all up to this id. */
int remedies_acknowledge(const char *state_directory_path, uint64_t last_id, Remedies *ret, Fault *fault);
