/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Backups as the bus has them: the list of all, and the path of one. */

#include "ctl/call/session.h"

/* All backups, newest first: an array of objects with Path, Name, Kind, Label, CreatedUSec, VerifiedUSec,
 * DatabaseBytes, StoredBytes, Encrypted and Problem. */
int backup_objects_list(Session *session, json_object **ret, Fault *fault);

/* The object path for a name that a person typed; owned by the caller. */
int backup_objects_path(const char *name, char **ret, Fault *fault);

/* Puts the way out behind a FAULT_NOT_FOUND about the backup `name`; other faults stay. Returns their errno.
 */
int backup_objects_explain(const char *name, Fault *fault);
