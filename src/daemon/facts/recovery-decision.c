/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/facts/recovery-decision.h"

#include <string.h>

RecoveryDecision recovery_decide(const RecoveryFacts *facts)
{
        if (!facts->broken && !facts->repairable)
                return RECOVERY_NOTHING;
        /* What guards against a loop of repairs needs to know what is damaged: repair-intent.h. */
        if (!facts->broken)
                return facts->auto_restore ? RECOVERY_REPAIR : RECOVERY_OFF;
        if (!facts->has_backup)
                return RECOVERY_NO_BACKUP;
        if (!facts->auto_restore)
                return RECOVERY_OFF;
        if (facts->stopped)
                return RECOVERY_STOPPED;
        /* A restore that is dated in the future was made before the clock jumped back: nobody knows how long
         * ago, and once too few is better than a loop. */
        if (facts->last_automatic && facts->last_restore_usec > 0 &&
                        (facts->last_restore_usec > facts->now_usec ||
                                        facts->now_usec - facts->last_restore_usec <
                                                        RECOVERY_LOOP_GUARD_USEC))
                return RECOVERY_STOPPED;
        return RECOVERY_RESTORE;
}

/* From good to bad. */
typedef enum Line {
        LINE_SINCE_RESTORE,
        LINE_RESTORED,
        LINE_OLDER,
        LINE_GIVEN_UP,
        LINE_ELSEWHERE,
        LINE_REPLACED,
        _LINE_MAX,
} Line;

/* What was checked in full comes before what could not be, in the same line. */
static bool is_better(const Manifest *manifest, Line line, const Manifest *best, Line best_line)
{
        return line < best_line || (line == best_line && best && best->unchecked && !manifest->unchecked);
}

static Line judge(const Manifest *manifest, const RestoreRecord *last, const Manifest *restored)
{
        if (manifest == restored)
                return LINE_RESTORED;
        if (manifest->kind == BACKUP_PRE_RESTORE)
                return LINE_REPLACED;
        if (manifest->kind == BACKUP_IMPORTED)
                return LINE_ELSEWHERE;
        if (!last || !last->source || manifest->created_usec > last->restored_usec)
                return LINE_SINCE_RESTORE;
        if (!restored || manifest->created_usec <= restored->created_usec)
                return LINE_OLDER;
        return LINE_GIVEN_UP;
}

CatalogueEntry *recovery_choose(const Catalogue *catalogue, const RestoreRecord *last, bool with_encrypted)
{
        CatalogueEntry *best = NULL, *restored = NULL;
        Line best_line = _LINE_MAX;

        if (last && last->source)
                restored = catalogue_find(catalogue, last->source);
        for (size_t i = 0; i < catalogue->n_entries; i++) {
                CatalogueEntry *entry = &catalogue->entries[i];
                Line line;

                /* What somebody has restored here is this database's content, whatever it was before. */
                if (!manifest_is_verified(entry->manifest) || (entry->other && entry != restored) ||
                                (entry->manifest->encrypted && !with_encrypted))
                        continue;
                line = judge(entry->manifest, last, restored ? restored->manifest : NULL);
                if (is_better(entry->manifest, line, best ? best->manifest : NULL, best_line)) {
                        best = entry;
                        best_line = line;
                }
        }
        return best;
}

bool recovery_can_undo(const Catalogue *catalogue,
                const RestoreRecord *last,
                bool with_encrypted,
                bool quarantine_is_there)
{
        const CatalogueEntry *entry =
                        last->pre_restore ? catalogue_find(catalogue, last->pre_restore) : NULL;

        if (entry)
                return manifest_is_verified(entry->manifest) &&
                       (with_encrypted || !entry->manifest->encrypted);
        return last->quarantine && quarantine_is_there && !last->damaged;
}

int recovery_find(const Catalogue *catalogue,
                const RestoreRecord *last,
                const char *name,
                bool with_encrypted,
                const CatalogueEntry **ret,
                Fault *fault)
{
        const CatalogueEntry *entry = name[0] ? catalogue_find(catalogue, name)
                                              : recovery_choose(catalogue, last, with_encrypted);

        if (!entry && !name[0])
                return fault_set(fault,
                                FAULT_NO_HEALTHY_BACKUP,
                                "No verified backup is there to restore; run `oracxpredctl verify` on those "
                                "that are, or bring one in with `oracxpredctl restore --from=FILE`; what "
                                ".dump saves of a copy of the file will do (oracxpredd(8))");
        if (!entry)
                return fault_set(fault,
                                FAULT_NOT_FOUND,
                                "There is no backup %s; `oracxpredctl list` shows those there are",
                                name);
        *ret = entry;
        return 0;
}
