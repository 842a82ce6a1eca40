/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which database a backup is of. Each database that the service has guarded gets an id, kept in
 * STATE/database.json and in the manifest of each backup; nothing is written into the database itself. The
 * decisions here are pure functions: which id the database at a path has, whether the file there is still
 * that database, and which backups are of it. Of another database's backups none counts for health,
 * retention or an automatic restore.
 *
 * What a database is, is told by its place, its file and its tables: a restore, VACUUM, growth or a new file
 * of the same content leave the id; a file of other tables, and one at another path, get another. */

#include "backup/catalogue/manifest.h"

struct Catalogue;

#define DATABASE_ID_MAX 33 /* 32 hexadecimal digits */

typedef struct DatabaseIdentity {
        char id[DATABASE_ID_MAX]; /* "" before there is any */
        char *path;               /* absolute; NULL before there is any */
        bool own_place;           /* it is the service's own place in the state directory, which may move */
        bool inherits;            /* backups of before there were ids belong to it, when of its path */
        uint64_t inode;           /* of the file there; 0 when unknown */
        uint64_t born_nsec;
} DatabaseIdentity;

void database_identity_done(DatabaseIdentity *identity);

/* Whether the two say the same of the same file. */
bool database_identity_equal(const DatabaseIdentity *a, const DatabaseIdentity *b);

/* Whether the text can be an id, which a file says that anybody may have written. */
bool database_id_is_valid(const char *id);

/* Fills an id that no other database has. */
void database_id_make(char ret[static DATABASE_ID_MAX]);

/* Whether a backup is of that database. True when nobody knows: of files that others made or that somebody
 * brought in, and while there is no id. */
bool database_identity_owns(const DatabaseIdentity *identity, const Manifest *manifest);

/* Whether `path` is where that database lies. */
bool database_identity_is_at(const DatabaseIdentity *identity, const char *path, bool own_place);

/* The same of a path that a backup or a record has from an earlier run. */
bool database_identity_was_at(const DatabaseIdentity *identity, const char *path);

/* The configured place, and the file that lies there now. */
typedef struct DatabasePlace {
        const char *path;
        bool own;       /* it is the service's own place */
        uint64_t inode; /* 0: there is no file */
        uint64_t born_nsec;
} DatabasePlace;

/* Which database belongs at that place: the one that was recorded there, or whose file was moved there; else
 * the one of the newest backup that was made there; else a new one. -ENOMEM. */
int database_identity_find(const struct Catalogue *catalogue,
                const DatabaseIdentity *recorded,
                const DatabasePlace *place,
                DatabaseIdentity *ret);

/* How far the file at a database's place agrees with what is known of the database. */
typedef struct IdentityFacts {
        const Manifest *newest;  /* the backup that tells its tables; NULL when none does */
        const char *const *live; /* names of the file's tables */
        size_t n_live;
} IdentityFacts;

typedef enum IdentityVerdict {
        IDENTITY_SAME,
        IDENTITY_OTHER,
        _IDENTITY_VERDICT_MAX,
        _IDENTITY_VERDICT_INVALID = -EINVAL,
} IdentityVerdict;

/* A file that lacks more than half of the tables that had rows is another database. One without any tables
 * was emptied: it stays the same database. */
IdentityVerdict database_identity_judge(const IdentityFacts *facts);

/* Whether nearly all records of `then` are gone: fewer than a tenth of them are left, or more than half of
 * the tables with records have none. The tables that the service writes itself do not count. Both lists are
 * sorted. */
bool database_has_collapsed(const TableCount *then, size_t n_then, const TableCount *now, size_t n_now);

/* Records in the application's tables. */
uint64_t database_records(const TableCount *tables, size_t n_tables);

/* STATE/database.json. A missing file gives an empty identity. */
int database_identity_load(const char *state_directory_path, DatabaseIdentity *ret, Fault *fault);

/* The document that database_identity_load() reads; NULL when out of memory. */
json_object *database_identity_format(const DatabaseIdentity *identity);
