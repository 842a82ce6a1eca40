/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* May this service stop and start the application's units? Asked before it is needed: a restore that has to
 * replace the file finds out too late. Only a trusted caller may ask polkit about the details of a call, so
 * systemd is asked for something that it authorizes first and refuses for its arguments afterwards: to stop
 * a unit with the job mode "isolate", which is for starting alone, and to start one with "triggering", which
 * is for stopping alone. Nothing is stopped or started by that. Belongs to the loop. */

#include <systemd/sd-bus.h>

#include "base/macro.h"

typedef enum UnitPermission {
        UNIT_PERMISSION_UNKNOWN, /* nobody answered, or not in this form */
        UNIT_PERMISSION_GRANTED, /* to stop and to start it */
        UNIT_PERMISSION_REFUSED, /* one of the two, or both */
        _UNIT_PERMISSION_MAX,
        _UNIT_PERMISSION_INVALID = -EINVAL,
} UnitPermission;

typedef struct UnitPermissionCheck UnitPermissionCheck;

/* Called once, when every answer is there or overdue; not before unit_permission_check_start() has
 * returned. The check stays the caller's. */
typedef void (*UnitPermissionHandler)(UnitPermissionCheck *check, void *userdata);

/* Asks about all units at once. Units are copied. Freeing the check gives the answers up. */
int unit_permission_check_start(sd_bus *bus,
                char *const *units,
                size_t n_units,
                UnitPermissionHandler handler,
                void *userdata,
                UnitPermissionCheck **ret);
UnitPermissionCheck *unit_permission_check_free(UnitPermissionCheck *check);

/* What the answers say of a unit; UNKNOWN of one that was not asked about. `check` may be NULL. */
UnitPermission unit_permission_of(const UnitPermissionCheck *check, const char *unit);

/* The first unit that may not be managed, or NULL. `check` may be NULL. */
const char *unit_permission_first_refused(const UnitPermissionCheck *check);

/* What the name of systemd's error says of one of the two calls. */
UnitPermission unit_permission_from_error(const char *error_name);
