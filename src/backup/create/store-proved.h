/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From the checked copy of a database to a stored file that is known to hold it: written, with what has not
 * changed taken from an older backup, and read back from the disk. What does not read back as it was written
 * says nothing about the database: either the older file is rotten, and then it is written again without it,
 * or the disk is to blame. Runs in the worker thread that makes the backup (create.h). */

#include "backup/create/create.h"
#include "backup/store/stored-image.h"
#include "base/publish.h"

typedef struct ProvedFile {
        Publication *publication; /* synced, not published yet; owned */
        AgeFileKey file_key;      /* that it is encrypted with */
        StoredImage image;        /* what it holds */
} ProvedFile;

/* Removes a file that was not published, and wipes its key. Accepts one that is all zero. */
void proved_file_done(ProvedFile *file);

/* Stores the copy, which is removed as soon as it is written; `manifest` says the file's name and whether it
 * is encrypted. Faults as create_backup() has them; nothing is left but, maybe, the copy. */
int store_proved(const CreateRequest *request,
                const Manifest *manifest,
                const char *copy_name,
                Progress *progress,
                ProvedFile *ret,
                Fault *fault);
