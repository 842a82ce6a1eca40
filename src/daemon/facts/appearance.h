/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* When a file that appeared at the database's place is fit to be judged: a copy that is still being written
 * looks like a damaged database. A pure function, from one look to the next. */

#include "base/macro.h"

/* Whoever made the file may be an application that keeps it open for good. */
#define APPEARANCE_OPEN_USEC USEC_PER_MINUTE
/* An application that commits without a pause changes the file without a pause. */
#define APPEARANCE_BUSY_USEC USEC_PER_MINUTE

typedef struct AppearanceLook {
        uint64_t size_bytes;
        int64_t modified_nsec;
        bool open_by_maker; /* it was created while this service watched, and not yet closed */
        uint64_t now_usec;  /* monotonic */
} AppearanceLook;

typedef struct Appearance {
        bool begun;
        AppearanceLook last;
        uint64_t resized_usec; /* monotonic; when its size was last seen to change */
        uint64_t changed_usec; /* the same of size or content */
} Appearance;

/* Takes the look into account; true when the file has stopped growing, and nobody is known to write to it.
 */
bool appearance_is_settled(Appearance *appearance, const AppearanceLook *look);
