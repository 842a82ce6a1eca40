/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Finishes a replacement that was cut off, at every start, before anybody opens the database:
 * STATE/restore.json says how far it was. replacement-verdict.h decides which way; and this says
 * whether the application's units still have to be started. Also removes what a killed
 * restore left in the database's directory and in the quarantine. */

#include "backup/restore/restore.h"

typedef enum RestoreRecovery {
        RESTORE_RECOVERY_NONE,    /* there was nothing to finish */
        RESTORE_RECOVERY_FORWARD, /* the restored database is in force */
        RESTORE_RECOVERY_BACK,    /* the old files are where they were */
        RESTORE_RECOVERY_LEFT,    /* somebody put a database there meanwhile, and it stays */
} RestoreRecovery;

typedef struct RestoreRecovered {
        RestoreRecovery recovery;
        bool units_stopped; /* start them, then call restore_recover_done() */
        char *left;         /* what has the name of a temporary file, and stays; owned, or NULL */
        char *source;       /* what was being restored; owned, NULL when nothing was */
        char *quarantine;   /* the folder of the old files; owned, NULL when there is none */
} RestoreRecovered;

void restore_recovered_done(RestoreRecovered *recovered);

/* The caller guarantees that this process has no connection on the database. A fault leaves everything as it
 * is, for the next try: don't open or create the database then. */
int restore_recover(const char *state_directory_path,
                const char *database_path,
                const char *quarantine_path,
                uint64_t now_usec,
                RestoreRecovered *ret,
                Fault *fault);

/* Forgets the interrupted restore, once the units are started. No error when there is none. */
int restore_recover_done(const char *state_directory_path, Fault *fault);
