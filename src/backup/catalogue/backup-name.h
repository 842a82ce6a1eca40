/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Names of backups: `backup_YYYYMMDD_HHMMSS` in UTC and `initial_backup`, and the files they stand for. The
 * application's own scripts also left `pre_restore_YYYYMMDD_HHMMSS`. */

#include "backup/catalogue/manifest.h"
#include "base/timestamp.h"

#define BACKUP_NAME_MAX 128
#define INITIAL_BACKUP_NAME "initial_backup"

/* True when `name` can be a backup's name or file at all: not empty, no slash, no leading dot, valid UTF-8
 * without control characters, shorter than BACKUP_NAME_MAX. Everything that comes from a caller goes through
 * this first. */
bool backup_name_is_valid(const char *name);

/* The name for a backup made at `now_usec`, later than `newest_label_usec` (0 for none) by at least one
 * second even when the clock jumped back or two fall in one second. -ERANGE past the year 9999. */
int backup_name_make(uint64_t now_usec, uint64_t newest_label_usec, char ret[static BACKUP_NAME_MAX]);

/* The moment that a name (or file) carries; -EINVAL for a name that carries none. What an operator put
 * behind it (`backup_20260124_014621_before_update`) is no obstacle, as long as it isn't more letters or
 * digits. */
int backup_name_usec(const char *name, uint64_t *ret_usec);

/* The file for a name: with ".db", ".db.gz", ".db.age" or ".db.gz.age". Owned by the caller; NULL when out
 * of memory. */
char *backup_name_to_file(const char *name, Compression compression, bool encrypted);

/* Takes a file's name apart. -EINVAL when it is none of a backup's (another suffix, a manifest, a temporary
 * name, or neither `backup_`, `pre_restore_` nor `initial_backup` in front). */
int backup_name_from_file(const char *file,
                char ret_name[static BACKUP_NAME_MAX],
                Compression *ret_compression,
                bool *ret_encrypted);

/* What an older tree has under that name: what a restore replaced, else just a file. */
BackupKind backup_name_adopted_kind(const char *name);
