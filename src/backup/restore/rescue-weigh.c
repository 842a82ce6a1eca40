/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/restore/rescue-weigh.h"

static const char *const hold_names[_RESCUE_HOLD_MAX] = {
                [RESCUE_GO] = "go",
                [RESCUE_HOLD_INITIAL] = "initial-backup",
                [RESCUE_HOLD_ANOTHER] = "another-database",
                [RESCUE_HOLD_ENCRYPTED] = "encrypted",
                [RESCUE_HOLD_LOSS] = "loss",
                [RESCUE_HOLD_REFERENCES] = "references",
};

const char *rescue_hold_to_string(RescueHold hold)
{
        return hold >= 0 && hold < _RESCUE_HOLD_MAX ? hold_names[hold] : NULL;
}

/* A share is one of all rows there were. */
static bool loses_too_much(const RescueFacts *facts, const MaxLoss *max_loss)
{
        double all = (double) facts->rows + (double) facts->rows_lost;

        if (!max_loss->is_share)
                return facts->rows_lost > max_loss->rows;
        return (double) facts->rows_lost > max_loss->share * all;
}

RescueHold rescue_weigh(const RescueFacts *facts, const MaxLoss *max_loss)
{
        if (facts->source_is_of_another)
                return RESCUE_HOLD_ANOTHER;
        if (facts->newer_is_encrypted)
                return RESCUE_HOLD_ENCRYPTED;
        if (facts->source_is_initial)
                return RESCUE_HOLD_INITIAL;
        if (loses_too_much(facts, max_loss))
                return RESCUE_HOLD_LOSS;
        return facts->new_dangling > 0 ? RESCUE_HOLD_REFERENCES : RESCUE_GO;
}

int rescue_hold_fault(RescueHold hold, const RescueFacts *facts, const char *backup, Fault *fault)
{
        static const char *const reasons[_RESCUE_HOLD_MAX] = {
                        [RESCUE_GO] = "",
                        [RESCUE_HOLD_INITIAL] = "the only backup is the initial one",
                        [RESCUE_HOLD_ANOTHER] = "the backup is one of another database",
                        [RESCUE_HOLD_ENCRYPTED] =
                                        ("newer backups are encrypted, and no identity here opens them "
                                         "(`oracxpredctl restore --identity=FILE` restores the newest)"),
                        [RESCUE_HOLD_LOSS] = "that is more than AutoRestoreMaxLoss= allows",
                        [RESCUE_HOLD_REFERENCES] = "rows would refer to others that are lost",
        };

        return fault_set(fault,
                        FAULT_NEEDS_DECISION,
                        "The backup %s is not restored by itself: about %llu of %llu rows would be lost, "
                        "and "
                        "%s; the database is left as it is. `oracxpredctl restore --dry-run` shows the "
                        "plan, "
                        "`oracxpredctl restore --rescue` carries it out",
                        backup,
                        (unsigned long long) facts->rows_lost,
                        (unsigned long long) (facts->rows + facts->rows_lost),
                        reasons[hold]);
}
