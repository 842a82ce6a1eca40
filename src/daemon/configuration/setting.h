/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The settings of oracxpred.conf, one by one: names, defaults, and how a value is understood. What reads the
 * files is configuration.c. */

#include "daemon/configuration/configuration.h"

typedef struct Setting {
        const char *key;
        const char *default_value; /* an empty value brings it back, as in systemd's files */

        /* Takes the value over. What a right one looks like when it is none, else NULL. */
        const char *(*parse)(Configuration *configuration, const char *value);

        /* What of a wrong value a fault repeats, where that isn't all of it: a part, or something else. Of
         * at most *ret_length bytes. */
        const char *(*blame)(const char *value, size_t *ret_length);

        bool adds_up; /* further lines add to what those before them say */
} Setting;

extern const Setting settings[];
extern const size_t n_settings;

void setting_clear_units(Configuration *configuration);
