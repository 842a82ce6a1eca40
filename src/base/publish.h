/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Making a file appear whole or not at all: written under a temporary name in the same directory, synced,
 * renamed, and the directory synced. What a killed run leaves behind is recognised by its name alone. */

#include <sys/types.h>

#include "base/fault.h"

typedef struct Publication {
        int directory_fd;     /* borrowed; must outlive the publication */
        int fd;               /* open for reading and writing, at the temporary name */
        char *name;           /* the final name */
        char *temporary_name; /* ".NAME.tmp" */
} Publication;

/* Creates the temporary file with `mode` (whatever the umask is), replacing a left-over of the same name. */
int publish_begin(int directory_fd, const char *name, mode_t mode, Publication **ret, Fault *fault);

/* The same, but with the content of the file `source` in the same directory, shared by the file system where
 * it can, else as a hard link: nobody may then write to it, and it keeps the mode that it has. */
int publish_begin_shared(int directory_fd,
                const char *name,
                const char *source,
                mode_t mode,
                Publication **ret,
                Fault *fault);

/* Flushes the content to the disk and drops it from the page cache, so that what is read next comes from
 * the disk. For the read-back before publish_commit(). */
int publish_sync(Publication *publication, Fault *fault);

/* Syncs, renames to the final name and syncs the directory. With `replace` false an existing file of that
 * name is left alone and the call fails with FAULT_INVALID_ARGUMENT. Does not free. */
int publish_commit(Publication *publication, bool replace, Fault *fault);

/* Frees; removes the temporary file when it was not committed. */
Publication *publish_free(Publication *publication);
DEFINE_CLEANUP(Publication *, publish_free);

/* Renames within one directory and syncs it, never replacing. */
int publish_rename(int directory_fd, const char *from, const char *to, Fault *fault);

/* Removes a file and syncs the directory. A file that is already gone is no error. */
int publish_remove(int directory_fd, const char *name, Fault *fault);

/* True for a name that publish_begin() makes. */
bool publish_is_temporary_name(const char *name);
