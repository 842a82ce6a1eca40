/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/call/confirm.h"

#include "ctl/show/terminal.h"

bool confirm_asks(const Session *session)
{
        return !(session->arguments->given & OPTION_YES);
}

bool confirm_can_ask(void)
{
        return isatty(STDIN_FILENO);
}

int confirm_require(const Session *session, Fault *fault)
{
        if (!confirm_asks(session) || confirm_can_ask())
                return 0;
        return fault_set(fault,
                        FAULT_INVALID_ARGUMENT,
                        "There is no terminal to ask at, and nothing was changed; --yes does it without a "
                        "question.");
}

int confirm_ask(const Session *session, const char *question, const char *kept, Fault *fault)
{
        int r = confirm_require(session, fault);

        if (r < 0 || !confirm_asks(session) || terminal_confirm(question))
                return r;
        return fault_set(fault, FAULT_CANCELLED, "Not confirmed; %s.", kept);
}
