/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The settings of oracxpred.conf, one by one: names, defaults, and how a value is understood. What reads the
 * files is configuration.c. */

#include "daemon/configuration.h"

typedef struct Setting {
        const char *key;
        const char *default_value; /* an empty value brings it back, as in systemd's files */

        /* Takes the value over. What a right one looks like when it is none, else NULL. */
        const char *(*parse)(Configuration *configuration, const char *value);

        /* What each word of a wrong value has to begin with for a fault to repeat it; NULL: it always may.
         */
        const char *repeated;
} Setting;

extern const Setting settings[];
extern const size_t n_settings;

void setting_clear_units(Configuration *configuration);
