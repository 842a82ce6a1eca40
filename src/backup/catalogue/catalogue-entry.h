/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One entry of the catalogue, read from the disk: what a stored file, its manifest and its marker say
 * together (the rules stand above catalogue_load()). Only the catalogue includes this. */

#include "backup/catalogue/backup-name.h"

/* The stored file that a name in the directory concerns: itself, its manifest or its marker; -EINVAL for
 * anything else. */
int catalogue_entry_file(const char *name, char ret_file[static BACKUP_NAME_MAX]);

/* 1 with *ret filled, 0 when it is not to be listed, -ENOMEM. Whatever else is wrong with it becomes the
 * entry's `problem`. */
int catalogue_entry_read(int directory_fd, const char *file, Manifest **ret);
