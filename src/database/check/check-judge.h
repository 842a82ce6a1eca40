/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the findings of a check are damage to. SQLite says what it finds in the words of the moment: of a
 * page that two things have it names the one that it met last, of an index in another collation it says that
 * rows are missing, and a schema that it does not understand it calls malformed. So each finding is held
 * against the pages themselves (page-proof.h), and what they do not bear out is not damage but something
 * that could not be checked. Belongs to the connection's thread. */

#include "database/check/check.h"
#include "database/check/page-proof.h"

/* Judges the lines of *result, and what SQLite's check ended with (`met`, FAULT_NONE when it ran to its
 * end): fills damage, unchecked and first_finding. */
int check_judge(Connection *connection,
                const PageProof *proof,
                const Fault *met,
                CheckResult *result,
                Fault *fault);
