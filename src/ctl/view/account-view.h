/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The application's accounts as people read them, from the values that the bus has (document.h). */

#include "ctl/call/session.h"

/* One in full, line by line. */
int account_view_print(Session *session, json_object *account, Fault *fault);

/* All of an array, as a table. */
int account_view_print_list(Session *session, json_object *accounts, Fault *fault);
