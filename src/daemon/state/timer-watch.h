/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether the timer that asks for backups is on: one of the facts that health is made of. Asked from systemd
 * once, then kept up to date by its signals; nothing polls, and nobody waits. Only on the system bus: a
 * service that was started with --user has no timers of the system's. Belongs to the loop. */

#include "daemon/manager.h"

/* What can't be asked stays unknown, which health holds against nobody. -ENOMEM and errors of the bus. */
int timer_watch_start(Manager *manager);
TimerWatch *timer_watch_free(TimerWatch *watch);

/* UNIT_UNKNOWN for NULL, and until systemd has answered. */
UnitState timer_watch_state(const TimerWatch *watch);
