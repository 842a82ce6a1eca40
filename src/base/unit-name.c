/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/unit-name.h"

#include <string.h>

#include "base/macro.h"

bool unit_name_is_valid(const char *name)
{
        static const char allowed[] =
                        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\@";
        static const char *const suffixes[] = {".service", ".socket", ".timer", ".path", ".target"};
        const char *suffix = strrchr(name, '.');

        if (!suffix || suffix == name || name[0] == '@' || strlen(name) >= UNIT_NAME_MAX ||
                        strspn(name, allowed) != strlen(name))
                return false;
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++)
                if (strcmp(suffix, suffixes[i]) == 0)
                        return true;
        return false;
}
