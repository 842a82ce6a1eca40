/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A damaged database file, read page by page where SQLite gives up: for private copies without a -wal
 * (wal-fold.h). What the header says is believed as far as it makes sense; for the rest a sound header of
 * the same database stands in, which is that of a backup. Belongs to one thread. */

#include "database/page/page-file.h"

typedef struct SalvageFile {
        PageFile file;
        sqlite3_file *handle; /* owned */
        unsigned char header[PAGE_FILE_HEADER_BYTES];
        bool header_sound;      /* it is the file's own */
        unsigned char encoding; /* of text: SQLITE_UTF8, SQLITE_UTF16LE or SQLITE_UTF16BE */
        unsigned char *n_uses;  /* of each page, 2 for more; index 0 is not used */
        bool others_known;      /* every page that no tree has is counted, too */
        unsigned char *taken;   /* 1 for pages of which it is known what they are */
} SalvageFile;

/* `stand_in` is the other header. Faults: CANNOT_OPEN, IO, NOT_A_DATABASE for a file without a page. */
int salvage_file_open(const char *path,
                const unsigned char stand_in[static PAGE_FILE_HEADER_BYTES],
                const Progress *progress,
                SalvageFile *ret,
                Fault *fault);
void salvage_file_done(SalvageFile *file);

/* Counts one use. False when there is no such page. */
bool salvage_file_use(SalvageFile *file, uint32_t page);

/* Once the pages of all trees are counted: takes the others, which are free ones, those of the pointer map
 * and the one with the locks. False when the list of free pages makes no sense: then nobody knows what the
 * pages are that nothing leads to. */
bool salvage_file_put_others_aside(SalvageFile *file);
