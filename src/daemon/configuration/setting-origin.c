/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/configuration/setting-origin.h"

#include <string.h>

#include "base/utf8.h"
#include "daemon/configuration/setting.h"

static void forget(SettingOrigin *origin)
{
        free(TAKE_PTR(origin->value));
        free(TAKE_PTR(origin->place));
}

/* Appends to what is there, where lines of the setting add up; else takes its place. */
static void put(char **text, const char *separator, const char *more)
{
        char *joined = NULL;

        if (asprintf(&joined, "%s%s%s", *text ? *text : "", *text ? separator : "", more) < 0)
                return;
        utf8_make_line(joined);
        free(*text);
        *text = joined;
}

void setting_origin_note(Configuration *configuration,
                size_t index,
                const char *value,
                const char *file,
                unsigned line)
{
        _cleanup_free_ char *place = NULL;
        SettingOrigin *origin;

        if (!configuration->origins)
                configuration->origins = calloc(n_settings, sizeof(SettingOrigin));
        if (!configuration->origins)
                return;
        origin = configuration->origins + index;
        if (!value[0] || !settings[index].adds_up)
                forget(origin);
        if (!value[0])
                return;
        if (asprintf(&place, "%s:%u", file, line) < 0) {
                place = NULL;
                return;
        }
        put(&origin->value, " ", value);
        put(&origin->place, ", ", place);
}

void setting_origins_done(Configuration *configuration)
{
        for (size_t i = 0; configuration->origins && i < n_settings; i++)
                forget(configuration->origins + i);
        free(TAKE_PTR(configuration->origins));
}

const char *setting_origin_value(const Configuration *configuration, size_t index, const char **ret_place)
{
        const SettingOrigin *origin = configuration->origins ? configuration->origins + index : NULL;
        bool given = origin && origin->value && origin->place;

        *ret_place = given ? origin->place : "";
        return given ? origin->value : settings[index].default_value;
}
