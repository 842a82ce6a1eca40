/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which file lies at a path. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct FileIdentity {
        bool exists;
        dev_t device;
        ino_t inode;
        uint64_t born_nsec; /* 0 where the file system does not tell */
        uint64_t size_bytes;
        int64_t modified_nsec;
} FileIdentity;

/* Looks without opening it, and follows no link. A negative errno when nobody can tell: what can't be looked
 * at is not gone. */
int file_identity_look(const char *path, FileIdentity *ret);
