/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* When systemd will start the next backup: asked from systemd itself, on the same bus as the service. Not
 * having systemd, or having the timer switched off, is an answer and not a fault. */

#include "ctl/call/session.h"

/* Puts into `document`: NextBackupUSec (0 when none is due), TimerState (the unit's ActiveState, "" when
 * there is no such unit or no systemd) and TimerFinding, a few words for people, "" when all is well. */
int timer_describe(Session *session, json_object *document);
