/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where a database goes that a restore puts another one in the place of: one folder for each incident,
 * `quarantine/YYYYMMDD_HHMMSS/`, with the four files under their own names. A -wal without its database
 * says nothing and a database without its -wal says something else, so they travel together, always. */

#include "base/progress.h"

/* The main file's suffixes: "", "-wal", "-journal", "-shm". The main file is moved when the others are at
 * both places, so that nobody ever finds it without its -wal. */
#define QUARANTINE_N_FILES 4
extern const char *const quarantine_suffixes[QUARANTINE_N_FILES];

/* Makes a new folder below `quarantine_path` (made as well, mode 0750), named after `now_usec` or the next
 * second that is free. Its path is owned by the caller. */
int quarantine_make_folder(const char *quarantine_path, uint64_t now_usec, char **ret_folder, Fault *fault);

/* Descriptors of the files of a database, for copying them while this process holds SQLite's locks on them.
 * Closing one drops those locks: open after the connection, close after it is closed. */
typedef struct QuarantineFiles {
        int fds[QUARANTINE_N_FILES]; /* -EBADF where there is no such file */
} QuarantineFiles;

#define QUARANTINE_FILES_NONE                          \
        {                                              \
                {                                      \
                        -EBADF, -EBADF, -EBADF, -EBADF \
                }                                      \
        }

/* CANNOT_OPEN, PERMISSION or IO for one that is there and can't be opened; none at all is no error. */
int quarantine_files_open(const char *database_path, QuarantineFiles *ret, Fault *fault);

/* Can be called again. */
void quarantine_files_close(QuarantineFiles *files);

/* Bytes that a copy takes. */
uint64_t quarantine_files_bytes(const QuarantineFiles *files);

/* Copies them into a new folder that appears whole: its path is owned by the caller. */
int quarantine_copy(const QuarantineFiles *files,
                const char *database_path,
                const char *quarantine_path,
                uint64_t now_usec,
                Progress *progress,
                char **ret_folder,
                Fault *fault);

/* Moves what there is of the four files into an existing folder (copies and removes where that lies on
 * another mount). Can be called again to finish what was interrupted. INVALID_ARGUMENT when the folder has
 * another such file already. */
int quarantine_move(const char *database_path, const char *folder, Fault *fault);

/* The way back; never replaces a file. A folder that is gone was emptied by an earlier call. */
int quarantine_move_back(const char *folder, const char *database_path, Fault *fault);

/* Removes what a killed move left unfinished of copies beside the database and, unless it is NULL, in the
 * folder. */
void quarantine_forget_unfinished(const char *folder, const char *database_path);

/* Removes from the folder what is at the database's place as well; what differs, or is only in the folder,
 * stays, and then the folder does, too. */
void quarantine_forget_copies(const char *folder, const char *database_path);

/* Removes the four files of a folder; its report stays. */
int quarantine_remove_files(const char *folder, const char *database_path, Fault *fault);

/* Removes a folder with the four files and its report; anything else in it stays, and then the folder does,
 * too. */
int quarantine_remove(const char *folder, const char *database_path, Fault *fault);

/* Removes what a salvage of that folder works on, beside it. */
void quarantine_forget_working(const char *quarantine_path, const char *name);

/* Removes folders that a killed run left unfinished or empty. */
int quarantine_clean_up(const char *quarantine_path, Fault *fault);
