/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From `predictions` to `predictions_archive` once `matches_archive` says how the match ended. The
 * application asks for a match's when it writes the result; what it did not ask for is found by
 * prediction_archive_due(), which the service runs after its backups. Archiving locks the prediction: its
 * match is over.
 *
 * What the columns of the archive get: choix, probabilite, confiance, vote_* and extra_data are the
 * prediction's; consensus is 1 when at least three of the four votes stand behind it; resultat_reel is the
 * match's; prediction_correcte and ecart_probabilite are what prediction-outcome.h says, NULL when unknown;
 * finalized_at is the moment of the archiving. */

#include "records/prediction.h"

/* Archives every valid prediction of the match, in one transaction. One that is there already gets the
 * result again when it differs, and is not touched otherwise. *ret is how many rows were written. NOT_FOUND
 * when the match is not in `matches_archive`, or not over, or has no valid prediction. */
int prediction_archive(
                Connection *connection, int64_t match_id, uint64_t now_usec, unsigned *ret, Fault *fault);

/* The same for every match that is over and has a valid prediction that is not archived, or of which the
 * result or the score tells something else by now: one transaction for each, so that no writer waits long.
 * Looks at the matches after `*after_id` (a row of matches_archive, 0: from the first), as many as `limit`,
 * and moves it on; it is 0 again when all were seen. Adds to `*n_written` what was written, before a fault
 * as well: CANCELLED comes between two matches at the latest. */
int prediction_archive_due(Connection *connection,
                int64_t *after_id,
                unsigned limit,
                uint64_t now_usec,
                unsigned *n_written,
                Fault *fault);
