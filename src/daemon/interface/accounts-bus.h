/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The interface .Accounts on the root object: the people of the application's table `users`, and their
 * passwords. Loop. */

typedef struct Manager Manager;

int accounts_bus_register(Manager *manager);
