/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/state/clock-history.h"

#include <inttypes.h>
#include <string.h>

#include "backup/state/restore-state.h"
#include "base/names.h"

/* A time daemon slews and steps by less; no retention is that short. */
#define TOLERANCE_USEC (5 * USEC_PER_MINUTE)
#define OFF_MAX_USEC USEC_PER_DAY

/* The two oldest become one. What was made between them counts as younger than it is. */
static void merge_oldest(ClockHistory *history)
{
        history->leaps[1].by_usec += history->leaps[0].by_usec;
        history->n_leaps--;
        memmove(history->leaps, history->leaps + 1, history->n_leaps * sizeof(ClockLeap));
}

static void leap_ahead(ClockHistory *history, uint64_t by_usec)
{
        if (history->n_leaps == CLOCK_LEAPS_MAX)
                merge_oldest(history);
        history->leaps[history->n_leaps++] =
                        (ClockLeap){.at_usec = history->last.wall_usec, .by_usec = by_usec};
}

static void leap_back(ClockHistory *history, uint64_t by_usec)
{
        while (by_usec > 0 && history->n_leaps > 0) {
                ClockLeap *leap = &history->leaps[history->n_leaps - 1];
                uint64_t taken_usec = MIN_OF(by_usec, leap->by_usec);

                leap->by_usec -= taken_usec;
                by_usec -= taken_usec;
                if (leap->by_usec <= TOLERANCE_USEC)
                        history->n_leaps--;
        }
}

void clock_history_see(ClockHistory *history, const ClockSighting *now)
{
        const ClockSighting *last = &history->last;
        bool same_boot = strcmp(last->boot_id, now->boot_id) == 0 && now->boot_usec >= last->boot_usec;
        uint64_t passed_usec = same_boot ? now->boot_usec - last->boot_usec : OFF_MAX_USEC;

        if (history->first_usec == 0)
                history->first_usec = now->wall_usec;
        else if (now->wall_usec > last->wall_usec + passed_usec + TOLERANCE_USEC)
                leap_ahead(history, now->wall_usec - last->wall_usec - passed_usec);
        else if (same_boot && now->wall_usec + TOLERANCE_USEC < last->wall_usec + passed_usec)
                leap_back(history, last->wall_usec + passed_usec - now->wall_usec);
        else if (!same_boot && now->wall_usec + TOLERANCE_USEC < last->wall_usec)
                leap_back(history, last->wall_usec - now->wall_usec);
        /* A clock that was set back far enough makes all that was seen before a thing of the future. */
        history->first_usec = MIN_OF(history->first_usec, now->wall_usec);
        history->last = *now;
}

uint64_t clock_history_elapsed(const ClockHistory *history, uint64_t then_usec, bool *ret_known)
{
        uint64_t elapsed_usec =
                        history->last.wall_usec > then_usec ? history->last.wall_usec - then_usec : 0;

        for (size_t i = 0; i < history->n_leaps; i++)
                if (then_usec <= history->leaps[i].at_usec)
                        elapsed_usec -= MIN_OF(elapsed_usec, history->leaps[i].by_usec);
        *ret_known = history->first_usec > 0 && then_usec >= history->first_usec;
        return elapsed_usec;
}

static int read_leaps(const char *text, ClockHistory *history)
{
        for (const char *rest = text; rest && *rest;) {
                ClockLeap *leap = &history->leaps[history->n_leaps];
                int length = 0;

                if (history->n_leaps == CLOCK_LEAPS_MAX || sscanf(rest,
                                                                           "%" SCNu64 "+%" SCNu64 " %n",
                                                                           &leap->at_usec,
                                                                           &leap->by_usec,
                                                                           &length) != 2)
                        return -EUCLEAN;
                history->n_leaps++;
                rest += length;
        }
        return 0;
}

static int read_members(json_object *document, ClockHistory *history)
{
        _cleanup_free_ char *boot_id = NULL, *leaps = NULL;
        int r;

        r = restore_state_get_number(document, "first_usec", &history->first_usec);
        if (r >= 0)
                r = restore_state_get_number(document, "wall_usec", &history->last.wall_usec);
        if (r >= 0)
                r = restore_state_get_number(document, "boot_usec", &history->last.boot_usec);
        if (r >= 0)
                r = restore_state_get_text(document, "boot_id", &boot_id);
        if (r >= 0)
                r = restore_state_get_text(document, "leaps", &leaps);
        if (r < 0)
                return r;
        if (!boot_id || strlen(boot_id) >= BOOT_ID_MAX)
                return -EUCLEAN;
        (void) strcpy(history->last.boot_id, boot_id);
        return read_leaps(leaps, history);
}

void clock_history_load(const char *state_directory_path, ClockHistory *ret)
{
        _cleanup_(json_object_putp) json_object *document = NULL;
        ClockHistory history = {0};

        *ret = (ClockHistory){0};
        if (restore_state_load(state_directory_path, CLOCK_HISTORY_FILE, &document, NULL) >= 0 &&
                        read_members(document, &history) >= 0)
                *ret = history;
}

json_object *clock_history_format(const ClockHistory *history)
{
        char leaps[CLOCK_LEAPS_MAX * sizeof("18446744073709551615+18446744073709551615 ")] = "";
        json_object *document = json_object_new_object();
        size_t length = 0;
        int r = document ? 0 : -ENOMEM;

        for (size_t i = 0; i < history->n_leaps; i++)
                length += (size_t) snprintf(leaps + length,
                                sizeof leaps - length,
                                "%" PRIu64 "+%" PRIu64 " ",
                                history->leaps[i].at_usec,
                                history->leaps[i].by_usec);
        if (r >= 0)
                r = restore_state_set_number(document, "first_usec", history->first_usec);
        if (r >= 0)
                r = restore_state_set_number(document, "wall_usec", history->last.wall_usec);
        if (r >= 0)
                r = restore_state_set_number(document, "boot_usec", history->last.boot_usec);
        if (r >= 0)
                r = restore_state_set_text(document, "boot_id", history->last.boot_id);
        if (r >= 0)
                r = restore_state_set_text(document, "leaps", leaps);
        if (r >= 0)
                return document;
        (void) json_object_put(document);
        return NULL;
}
