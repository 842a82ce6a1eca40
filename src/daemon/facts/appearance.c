/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/facts/appearance.h"

bool appearance_is_settled(Appearance *appearance, const AppearanceLook *look)
{
        bool resized = !appearance->begun || appearance->last.size_bytes != look->size_bytes;
        bool changed = resized || appearance->last.modified_nsec != look->modified_nsec;

        if (resized)
                appearance->resized_usec = look->now_usec;
        if (changed)
                appearance->changed_usec = look->now_usec;
        appearance->begun = true;
        appearance->last = *look;
        if (resized)
                return false;
        if (changed)
                return look->now_usec - appearance->resized_usec >= APPEARANCE_BUSY_USEC;
        return !look->open_by_maker || look->now_usec - appearance->changed_usec >= APPEARANCE_OPEN_USEC;
}
