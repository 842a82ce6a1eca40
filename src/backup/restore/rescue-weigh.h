/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether the service may put a rescued database in force by itself, or a person has to decide: a pure
 * function from numbers. */

#include "base/fault.h"

/* AutoRestoreMaxLoss=: at most so many rows, or such a share of all rows. */
typedef struct MaxLoss {
        uint64_t rows;
        double share; /* 0.01 for 1%; counts when is_share */
        bool is_share;
} MaxLoss;

typedef enum RescueHold {
        RESCUE_GO,
        RESCUE_HOLD_INITIAL,    /* the only backup is the one of before there was anything */
        RESCUE_HOLD_ANOTHER,    /* the backup is one of another database */
        RESCUE_HOLD_ENCRYPTED,  /* newer backups are encrypted, and no identity opens them */
        RESCUE_HOLD_LOSS,       /* too many rows would be lost */
        RESCUE_HOLD_REFERENCES, /* rows would refer to others that are lost */
        _RESCUE_HOLD_MAX,
        _RESCUE_HOLD_INVALID = -EINVAL,
} RescueHold;

/* "go", "initial-backup", "another-database", "encrypted", "loss", "references" */
const char *rescue_hold_to_string(RescueHold hold);

typedef struct RescueFacts {
        bool source_is_initial;
        bool source_is_of_another;
        bool newer_is_encrypted;
        uint64_t rows;         /* of the result */
        uint64_t rows_lost;    /* for sure, or by an estimate */
        uint64_t new_dangling; /* references to nothing that neither the damaged database nor the backup had
                                */
} RescueFacts;

/* What is unsure about the backup counts before what would be lost. */
RescueHold rescue_weigh(const RescueFacts *facts, const MaxLoss *max_loss);

/* Says why it is held, and what a person can do about it. */
int rescue_hold_fault(RescueHold hold, const RescueFacts *facts, const char *backup, Fault *fault);
