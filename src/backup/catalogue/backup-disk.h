/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether the directory of the backups is the one that it was. Where it lies on a disk of its own, that disk
 * may be missing at a start, come late or be lost; what is below its mount point then looks like a directory
 * without backups. So such a directory gets a marker, and the state directory remembers it. The disk that
 * the state directory is on, too, needs none: without it nothing would be remembered. */

#include "base/fault.h"

#define BACKUP_DISK_MARKER ".oracxpred-backups"
#define BACKUP_DISK_FILE "backup-directory.json"

typedef enum BackupDiskState {
        BACKUP_DISK_NEW,     /* no disk is known, or another one is mounted there */
        BACKUP_DISK_KNOWN,   /* the one that it was */
        BACKUP_DISK_MISSING, /* it was on a disk that is not mounted now */
} BackupDiskState;

typedef struct BackupDiskFacts {
        bool remembered; /* a disk is, for this path */
        bool marked;     /* by the marker that is remembered */
        bool mounted;    /* something is, where that disk was */
} BackupDiskFacts;

/* In doubt the directory is used: only a disk that was there, and is not now, is missed. */
BackupDiskState backup_disk_judge(const BackupDiskFacts *facts);

typedef struct BackupDisk {
        BackupDiskState state;
        char *mount_point; /* of the disk that is remembered; NULL for none */
} BackupDisk;

void backup_disk_done(BackupDisk *disk);

/* Looks at what is remembered and at what is there. What is remembered but can't be read counts as nothing.
 */
int backup_disk_look(
                const char *state_directory_path, const char *directory_path, BackupDisk *ret, Fault *fault);

/* From now on the directory is this one: on a disk of its own it gets a marker, unless it has one, which is
 * remembered; else the one that was remembered is forgotten. */
int backup_disk_remember(const char *state_directory_path,
                const char *directory_path,
                int directory_fd,
                Fault *fault);

/* CANNOT_OPEN, with the way out, for a disk that is missing. */
int backup_disk_missing(const BackupDisk *disk,
                const char *state_directory_path,
                const char *directory_path,
                Fault *fault);
