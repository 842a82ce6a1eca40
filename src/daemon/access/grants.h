/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What polkit has just allowed, for calls that an application makes many times a second: each question costs
 * a few milliseconds. For one second at most, so that a changed rule is in force as good as at once; for the
 * connection, action and method that were asked about, and no other. The bus never gives the name of a
 * connection to another one. Loop only. */

#include "base/macro.h"

#define GRANT_LIFETIME_USEC USEC_PER_SEC
#define GRANTS_MAX 128

typedef struct Grant {
        char sender[64];
        char method[64];
        const char *action; /* borrowed for good */
        uint64_t until_usec;
} Grant;

typedef struct Grants {
        Grant grants[GRANTS_MAX];
        size_t next; /* the oldest, which is given up for a new one */
} Grants;

/* `action` has to stay where it is. Names that are longer than a bus makes them are not remembered. */
void grants_add(Grants *grants,
                const char *sender,
                const char *action,
                const char *method,
                uint64_t now_usec);

bool grants_have(const Grants *grants,
                const char *sender,
                const char *action,
                const char *method,
                uint64_t now_usec);
