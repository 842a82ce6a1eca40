/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* rescue.json beside the files of a quarantine folder: what was saved of them, and what lies only there. */

#include "database/rescue/rescue.h"

#define RESCUE_RECORD_FILE "rescue.json"

typedef struct RescueRecord {
        char *source; /* the backup that the rows were rescued into */
        uint64_t usec;
        RescueReport report;
} RescueRecord;

void rescue_record_done(RescueRecord *record);

/* Replaces one that is there. */
int rescue_record_store(const char *folder, const RescueRecord *record, Fault *fault);

/* NOT_FOUND when nothing was ever rescued of what lies there; CORRUPT when it can't be understood. */
int rescue_record_load(const char *folder, RescueRecord *ret, Fault *fault);
