/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/catalogue/retention.h"

#include <string.h>

#include "backup/catalogue/backup-name.h"
#include "backup/catalogue/sharing.h"

/* A label may run ahead of the clock by a few seconds when several backups fall in one; that is no jump. */
#define FUTURE_SLACK_USEC USEC_PER_MINUTE
/* So many may fall due at once without a question. */
#define UNWATCHED_FEW 2

static const char *const reason_texts[_RETENTION_REASON_MAX] = {
                [RETENTION_KEEP_INITIAL] = "the initial backup stays for good",
                [RETENTION_KEEP_KEPT] = "kept until somebody says otherwise (`oracxpredctl unkeep`)",
                [RETENTION_KEEP_RECENT] = "younger than the retention time",
                [RETENTION_KEEP_LEAP] =
                                "younger than the retention time, as far as is known: the clock leapt ahead",
                [RETENTION_KEEP_AT_ONCE] = "too many fall due at once; is the clock right? They go when the "
                                           "retention time has passed",
                [RETENTION_KEEP_MINIMUM] = "one of the last verified backups that always stay",
                [RETENTION_KEEP_FUTURE] = "dated in the future; check the clock",
                [RETENTION_KEEP_IN_USE] = "a restore or a verification is reading it",
                [RETENTION_KEEP_NOT_OURS] = "not made by this service; remove it by hand",
                [RETENTION_KEEP_OTHER] = "of another database; remove it by hand",
                [RETENTION_KEEP_CORRUPT] = "nothing is removed until the database is healthy",
                [RETENTION_KEEP_HELD] = "nothing is removed until somebody has looked at the database; see "
                                        "`oracxpredctl status`",
                [RETENTION_DROP_EXPIRED] = "older than the retention time",
};

bool retention_keeps(RetentionReason reason)
{
        return reason != RETENTION_DROP_EXPIRED;
}

const char *retention_reason_text(RetentionReason reason)
{
        return reason >= 0 && reason < _RETENTION_REASON_MAX ? reason_texts[reason] : NULL;
}

static bool is_initial(const Manifest *manifest)
{
        return manifest->kind == BACKUP_INITIAL || strcmp(manifest->name, INITIAL_BACKUP_NAME) == 0;
}

/* Whether the retention time has passed since a moment, and whether somebody has watched the clock for at
 * least that long. */
static bool has_passed(const RetentionPolicy *policy, uint64_t dated_usec, bool *ret_watched)
{
        const ClockHistory *clock = policy->clock;
        bool known;

        *ret_watched = true;
        if (!clock || clock->first_usec == 0)
                return true;
        if (clock_history_elapsed(clock, dated_usec, &known) <= policy->keep_usec)
                return false;
        *ret_watched = known || clock_history_elapsed(clock, clock->first_usec, &known) > policy->keep_usec;
        return true;
}

static RetentionReason judge(const CatalogueEntry *entry,
                const RetentionPolicy *policy,
                uint64_t now_usec,
                bool in_minimum)
{
        const Manifest *manifest = entry->manifest;
        uint64_t dated_usec = manifest->created_usec, label_usec;
        bool watched;

        if (backup_name_usec(manifest->file, &label_usec) >= 0)
                dated_usec = MAX_OF(dated_usec, label_usec);

        if (policy->database_corrupt)
                return RETENTION_KEEP_CORRUPT;
        if (policy->held)
                return RETENTION_KEEP_HELD;
        if (is_initial(manifest))
                return RETENTION_KEEP_INITIAL;
        if (manifest->kept)
                return RETENTION_KEEP_KEPT;
        if (entry->leases > 0)
                return RETENTION_KEEP_IN_USE;
        if (manifest->adopted)
                return RETENTION_KEEP_NOT_OURS;
        if (entry->other)
                return RETENTION_KEEP_OTHER;
        if (dated_usec > now_usec && dated_usec - now_usec > FUTURE_SLACK_USEC)
                return RETENTION_KEEP_FUTURE;
        if (dated_usec >= now_usec || now_usec - dated_usec <= policy->keep_usec)
                return RETENTION_KEEP_RECENT;
        if (!has_passed(policy, dated_usec, &watched))
                return RETENTION_KEEP_LEAP;
        if (in_minimum)
                return RETENTION_KEEP_MINIMUM;
        return watched ? RETENTION_DROP_EXPIRED : RETENTION_KEEP_AT_ONCE;
}

static bool is_aging(RetentionReason reason)
{
        return reason == RETENTION_KEEP_RECENT || reason == RETENTION_KEEP_LEAP ||
               reason == RETENTION_KEEP_MINIMUM || reason == RETENTION_KEEP_AT_ONCE ||
               reason == RETENTION_DROP_EXPIRED;
}

/* Those that only an unwatched time makes old: a few go as on any day, many wait. */
static void settle_unwatched(RetentionReason reasons[], size_t n)
{
        size_t n_unwatched = 0, n_aging = 0;

        for (size_t i = 0; i < n; i++) {
                n_unwatched += reasons[i] == RETENTION_KEEP_AT_ONCE;
                n_aging += is_aging(reasons[i]);
        }
        if (n_unwatched > UNWATCHED_FEW && 4 * n_unwatched > n_aging)
                return;
        for (size_t i = 0; i < n; i++)
                if (reasons[i] == RETENTION_KEEP_AT_ONCE)
                        reasons[i] = RETENTION_DROP_EXPIRED;
}

static bool is_verified(const CatalogueEntry *entry)
{
        return !entry->other && manifest_is_verified(entry->manifest);
}

static bool can_stand_in(const CatalogueEntry *entry)
{
        return !entry->other && !entry->manifest->problem && !entry->manifest->verification_fault;
}

/* How many verified backups were seen, newest first. */
typedef struct Seen {
        size_t n_verified; /* those that are one and the same file count as one */
        size_t n_chains;
        const Manifest *last, *last_of_chain;
} Seen;

/* Whether it is one of those that always stay: the last ones, with those that share their bytes, which take
 * no room of their own, and the last one of as many chains, since one bad block may take a chain. */
static bool see_verified(Seen *seen, const Manifest *manifest, size_t minimum)
{
        bool shares = seen->last && manifest_shares_bytes(seen->last, manifest),
             begins = chain_begins(&seen->last_of_chain, manifest);

        seen->last = manifest;
        seen->n_verified += !shares;
        seen->n_chains += begins;
        return seen->n_verified <= minimum || (begins && seen->n_chains <= minimum);
}

void retention_plan(const Catalogue *catalogue,
                const RetentionPolicy *policy,
                uint64_t now_usec,
                RetentionReason ret_reasons[])
{
        size_t minimum = MAX_OF(policy->minimum_verified, 1U), n_stand_ins;
        Seen all = {0}, seen = {0};

        for (size_t i = 0; i < catalogue->n_entries; i++)
                if (is_verified(catalogue->entries + i))
                        (void) see_verified(&all, catalogue->entries[i].manifest, minimum);
        n_stand_ins = all.n_chains < minimum ? minimum - all.n_chains : 0;

        for (size_t i = 0; i < catalogue->n_entries; i++) {
                const Manifest *manifest = catalogue->entries[i].manifest;
                bool in_minimum = false;

                if (is_verified(catalogue->entries + i)) {
                        in_minimum = see_verified(&seen, manifest, minimum);
                } else if (n_stand_ins > 0 && can_stand_in(catalogue->entries + i)) {
                        in_minimum = true;
                        n_stand_ins--;
                }
                ret_reasons[i] = judge(catalogue->entries + i, policy, now_usec, in_minimum);
        }
        settle_unwatched(ret_reasons, catalogue->n_entries);
}
