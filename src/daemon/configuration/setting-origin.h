/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files say of each setting, and where: for people, who ask why a value is in force. */

#include "daemon/configuration/configuration.h"

/* One setting, at the place of its row in settings[]. Both NULL: its default is in force. */
struct SettingOrigin {
        char *value; /* owned, as it is spelled, one line of UTF-8 */
        char *place; /* owned, FILE:LINE; several with a comma between where lines add up */
};

/* A line that was understood; an empty value brings the default back. Out of memory, the origin is lost
 * alone. */
void setting_origin_note(Configuration *configuration,
                size_t index,
                const char *value,
                const char *file,
                unsigned line);

/* Before the others are freed. */
void setting_origins_done(Configuration *configuration);

/* The value in force; `ret_place` is empty for a default. Both belong to the configuration. */
const char *setting_origin_value(const Configuration *configuration, size_t index, const char **ret_place);
