/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Stops and starts the application's units (ApplicationUnits=) through systemd, for a restore that has to
 * replace the database as a file. Works in a restore's worker thread, on a bus connection of its own: the
 * loop's is never touched, and a slow unit keeps nobody waiting but the restore. */

#include "base/progress.h"

/* Longer than what systemd grants a unit by default (DefaultTimeoutStopSec=90s). */
#define APPLICATION_UNITS_BOUND_USEC (120 * USEC_PER_SEC)

typedef struct ApplicationUnits {
        char **names; /* owned, NULL-terminated */
        size_t n_names;
        bool *was_active; /* which ones stop() found running: only these are started again */
        bool stopped;     /* stop() was called; without it, all are started */

        bool user_bus;
        bool wait_for_start; /* false before READY=1: a unit that is ordered after this service would wait
                              * for the start-up, and the start-up for it */
        Progress *progress;  /* borrowed; a cancellation ends the waiting, never the starting */
} ApplicationUnits;

/* Copies the names; `names` may be NULL when there are none. -ENOMEM. */
int application_units_init(ApplicationUnits *units, char *const *names, size_t n_names);
void application_units_done(ApplicationUnits *units);

/* The two functions of an ApplicationControl, with the ApplicationUnits as userdata. Stopping ends with the
 * first fault; starting tries all of them and tells the first one. */
int application_units_stop(void *userdata, Fault *fault);
int application_units_start(void *userdata, Fault *fault);
