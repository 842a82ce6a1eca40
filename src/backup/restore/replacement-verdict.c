/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/restore/replacement-verdict.h"

static ReplacementVerdict judge_present(const ReplacementFacts *facts)
{
        /* The move had not come to the main file, so that nothing is missing, also no commit since. */
        if (facts->saved && !facts->main_saved)
                return REPLACEMENT_BACK;
        /* A copy that was not yet removed, or somebody brought it back by hand. */
        if (facts->main_same)
                return REPLACEMENT_BACK;
        /* An application that found no database makes an empty one. */
        return facts->main_empty && facts->prepared_whole ? REPLACEMENT_FORWARD : REPLACEMENT_LEAVE;
}

/* Before the writing nothing has changed; since, it is a mix of the two unless it is one of them. */
static ReplacementVerdict judge_fixed(const ReplacementFacts *facts)
{
        if (facts->phase != REPLACEMENT_WRITING || facts->main_same)
                return REPLACEMENT_BACK;
        return facts->prepared_whole ? REPLACEMENT_FORWARD : REPLACEMENT_BACK;
}

ReplacementVerdict replacement_judge(const ReplacementFacts *facts)
{
        if (facts->phase == REPLACEMENT_STARTING ||
                        (facts->phase == (facts->fixed ? REPLACEMENT_WRITING : REPLACEMENT_MOVING) &&
                                        facts->in_force))
                return REPLACEMENT_DONE;
        if (facts->fixed)
                return judge_fixed(facts);
        if (facts->phase == REPLACEMENT_STOPPING)
                return REPLACEMENT_BACK;
        if (facts->main_present)
                return judge_present(facts);
        return facts->prepared_whole ? REPLACEMENT_FORWARD : REPLACEMENT_BACK;
}
