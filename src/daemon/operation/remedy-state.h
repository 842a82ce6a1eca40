/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The list of remedies (remedy.h) as the Manager knows it: what health, the bus and the metrics say of it,
 * and the call that acknowledges it. */

#include "daemon/manager.h"

/* Takes the list over, unless a newer one is known already; health follows. Empties *remedies. */
void remedy_state_take(Manager *manager, Remedies *remedies);

/* Acknowledge(a{sv}): answered when it is on the disk. */
int manager_method_acknowledge(sd_bus_message *message, void *userdata, sd_bus_error *error);

/* a(ttssssasa(stts)) */
int property_get_remedies(sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *reply,
                void *userdata,
                sd_bus_error *error);

/* as; a list that ends with NULL, or NULL. */
int remedy_append_objects(sd_bus_message *message, char *const *objects);

bool acknowledgement_is_busy(const Acknowledgement *acknowledgement);

/* Free it when no worker is left. */
Acknowledgement *acknowledgement_free(Acknowledgement *acknowledgement);
