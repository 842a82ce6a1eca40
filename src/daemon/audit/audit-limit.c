/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/audit/audit-limit.h"

#include <string.h>

static bool has_ended(const AuditWindow *window, uint64_t now_usec)
{
        return now_usec - window->begun_usec >= AUDIT_LIMIT_WINDOW_USEC;
}

static void drop(AuditLimit *limit, size_t i)
{
        limit->n_windows--;
        (void) memmove(&limit->windows[i],
                        &limit->windows[i + 1],
                        (limit->n_windows - i) * sizeof(AuditWindow));
}

/* What has ended without suppressing anything makes room. */
static void drop_ended(AuditLimit *limit, uint64_t now_usec)
{
        for (size_t i = limit->n_windows; i > 0; i--)
                if (has_ended(&limit->windows[i - 1], now_usec) && limit->windows[i - 1].n_suppressed == 0)
                        drop(limit, i - 1);
}

static AuditWindow *window_of(AuditLimit *limit, uid_t uid, uint64_t now_usec)
{
        AuditWindow *window;

        for (size_t i = 0; i < limit->n_windows; i++)
                if (limit->windows[i].uid == uid && !limit->windows[i].shared)
                        return &limit->windows[i];
        if (limit->n_windows == AUDIT_LIMIT_CALLERS) {
                window = &limit->windows[AUDIT_LIMIT_CALLERS - 1];
                window->shared = true;
                return window;
        }
        window = &limit->windows[limit->n_windows++];
        *window = (AuditWindow){.uid = uid, .begun_usec = now_usec};
        return window;
}

bool audit_limit_admit(AuditLimit *limit, uid_t uid, uint64_t now_usec)
{
        AuditWindow *window;

        drop_ended(limit, now_usec);
        window = window_of(limit, uid, now_usec);
        if (window->n_recorded >= AUDIT_LIMIT_RECORDS) {
                window->n_suppressed++;
                return false;
        }
        window->n_recorded++;
        return true;
}

bool audit_limit_take(AuditLimit *limit, uint64_t now_usec, AuditWindow *ret)
{
        for (size_t i = 0; i < limit->n_windows; i++)
                if (limit->windows[i].n_suppressed > 0 && has_ended(&limit->windows[i], now_usec)) {
                        *ret = limit->windows[i];
                        drop(limit, i);
                        return true;
                }
        return false;
}
