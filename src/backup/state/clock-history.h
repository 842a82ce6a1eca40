/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How much time has really passed since a moment that the wall clock told. The wall clock may leap: an empty
 * battery, a wrong time server. CLOCK_BOOTTIME does not, but begins anew with each boot. Each sighting
 * compares the two: what the wall clock has gained beyond it was a leap ahead, and no time that has passed.
 * Pure functions; STATE/clock.json keeps the history across restarts. */

#include <json-c/json.h>

#include "base/fault.h"

#define BOOT_ID_MAX 33 /* 32 hexadecimal digits */

/* Both clocks at one moment. */
typedef struct ClockSighting {
        uint64_t wall_usec;
        uint64_t boot_usec;
        char boot_id[BOOT_ID_MAX];
} ClockSighting;

typedef struct ClockLeap {
        uint64_t at_usec; /* wall clock: what was dated until then was made before the leap */
        uint64_t by_usec;
} ClockLeap;

#define CLOCK_LEAPS_MAX 16

typedef struct ClockHistory {
        uint64_t first_usec; /* wall clock of the first sighting; 0: there was none */
        ClockSighting last;
        ClockLeap leaps[CLOCK_LEAPS_MAX]; /* ahead, oldest first */
        size_t n_leaps;
} ClockHistory;

/* Takes a sighting into the history. A leap back takes back leaps ahead, the last one first. From one boot
 * to the next up to a day counts as passed: nobody knows how long the machine was off. */
void clock_history_see(ClockHistory *history, const ClockSighting *now);

/* The time that has passed from `then_usec` to the last sighting, as far as is known. *ret_known is false
 * when it began before the first sighting, so that nobody has watched the clock for all of it. */
uint64_t clock_history_elapsed(const ClockHistory *history, uint64_t then_usec, bool *ret_known);

/* STATE/clock.json. A missing file gives an empty history, as does one that can't be understood. */
void clock_history_load(const char *state_directory_path, ClockHistory *ret);

/* The document that clock_history_load() reads; NULL when out of memory. */
json_object *clock_history_format(const ClockHistory *history);
