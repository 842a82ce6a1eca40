/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/access/grants.h"

#include <string.h>

void grants_add(Grants *grants,
                const char *sender,
                const char *action,
                const char *method,
                uint64_t now_usec)
{
        Grant *grant = grants->grants + grants->next;

        if (strlen(sender) >= sizeof grant->sender || strlen(method) >= sizeof grant->method)
                return;
        (void) strcpy(grant->sender, sender);
        (void) strcpy(grant->method, method);
        grant->action = action;
        grant->until_usec = now_usec + GRANT_LIFETIME_USEC;
        grants->next = (grants->next + 1) % GRANTS_MAX;
}

bool grants_have(const Grants *grants,
                const char *sender,
                const char *action,
                const char *method,
                uint64_t now_usec)
{
        for (const Grant *grant = grants->grants; grant < grants->grants + GRANTS_MAX; grant++)
                if (now_usec < grant->until_usec && strcmp(grant->action, action) == 0 &&
                                strcmp(grant->sender, sender) == 0 && strcmp(grant->method, method) == 0)
                        return true;
        return false;
}
