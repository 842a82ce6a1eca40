/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a restore would do, as the service foresees it. */

#include "ctl/call/session.h"

/* Asks for the plan of restoring the backup `name`, "" for the newest verified one: an object as PlanRestore
 * has it, with Tables as objects (Table, Now, Then; a number is left out where it is not known) and
 * Processes as objects (PID, Name). */
int plan_get(Session *session, const char *name, json_object **ret, Fault *fault);

/* The same for taking the last restore back, and for restoring the file of a descriptor. */
int plan_get_undo(Session *session, json_object **ret, Fault *fault);
int plan_get_file(Session *session, int fd, const char *path, json_object **ret, Fault *fault);

/* Gives the plan's arrays that form. -EBADMSG when they are others. */
int plan_shape(json_object *plan);

/* Prints it for people. */
int plan_print(const Session *session, json_object *plan, Fault *fault);
