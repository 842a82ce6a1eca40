/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Why retention removes nothing until a person has looked: the database was emptied, or another one took its
 * place, so that the older backups may be the only ones worth keeping. catalogue/hold-keeper.h keeps it. */

typedef struct RetentionHold {
        const char *code; /* static, of health.h; NULL: nothing is held */
        char *text;       /* for people; owned */
} RetentionHold;

#define RETENTION_HOLD_EMPTIED "database-emptied"
#define RETENTION_HOLD_OTHER "another-database"
