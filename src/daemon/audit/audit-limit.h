/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How many records of one kind a caller can cause: so many in a minute, and the further ones are counted and
 * told by one. Otherwise whoever may do nothing at all could fill the disk with the records of being
 * refused. Belongs to the loop; knows no clock. */

#include <sys/types.h>

#include "base/macro.h"

#define AUDIT_LIMIT_RECORDS 10
#define AUDIT_LIMIT_WINDOW_USEC USEC_PER_MINUTE

/* Callers that are told apart at a time; all others share the last place. */
#define AUDIT_LIMIT_CALLERS 32

typedef struct AuditWindow {
        uid_t uid;
        bool shared; /* of several users */
        uint64_t begun_usec;
        unsigned n_recorded;
        uint64_t n_suppressed;
} AuditWindow;

typedef struct AuditLimit {
        AuditWindow windows[AUDIT_LIMIT_CALLERS];
        size_t n_windows;
} AuditLimit;

/* Whether to record what this user has caused. `now_usec` is monotonic. */
bool audit_limit_admit(AuditLimit *limit, uid_t uid, uint64_t now_usec);

/* Takes a window out that has ended by now and has suppressed something; false when there is none. To be
 * called until then. */
bool audit_limit_take(AuditLimit *limit, uint64_t now_usec, AuditWindow *ret);
