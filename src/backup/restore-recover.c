/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/restore-recover.h"

#include <string.h>
#include <sys/stat.h>

#include "backup/quarantine.h"
#include "backup/replacement.h"
#include "base/test-hook.h"

void restore_recovered_done(RestoreRecovered *recovered)
{
        free(recovered->source);
        free(recovered->quarantine);
        *recovered = (RestoreRecovered){0};
}

static bool prepared_is_whole(const Replacement *state)
{
        char sha256[DIGEST_HEX_MAX];

        return replacement_digest_file(state->prepared, sha256, NULL) >= 0 &&
               strcmp(sha256, state->sha256) == 0;
}

/* What an application made at the empty place before this service was started again is not the old database,
 * whose folder is taken; it gets one of its own. */
static int move_into_another_folder(
                const Replacement *state, const char *quarantine_path, uint64_t now_usec, Fault *fault)
{
        _cleanup_free_ char *folder = NULL;
        int r = quarantine_make_folder(quarantine_path, now_usec, &folder, fault);

        return r < 0 ? r : quarantine_move(state->database, folder, fault);
}

static int go_forward(const Replacement *state,
                const char *state_directory_path,
                const char *quarantine_path,
                uint64_t now_usec,
                Fault *fault)
{
        _cleanup_fault_ Fault met = {0};
        struct stat status;
        int r = -EINVAL;

        if (state->quarantine) {
                r = quarantine_move(state->database, state->quarantine, &met);
                if (r < 0 && met.code != FAULT_INVALID_ARGUMENT) {
                        if (fault)
                                fault_move(fault, &met);
                        return r;
                }
        }
        if (r < 0 && (state->quarantine || lstat(state->database, &status) == 0)) {
                r = move_into_another_folder(state, quarantine_path, now_usec, fault);
                if (r < 0)
                        return r;
        }
        TEST_POINT("recover-moved");
        r = replacement_publish(state, fault);
        TEST_POINT("recover-published");
        return r < 0 ? r : replacement_record(state_directory_path, state, fault);
}

static int go_back(const Replacement *state, Fault *fault)
{
        int r = 0;

        if (state->phase == REPLACEMENT_MOVING && state->quarantine) {
                r = quarantine_move_back(state->quarantine, state->database, fault);
                if (r >= 0)
                        (void) rmdir(state->quarantine);
        }
        TEST_POINT("recover-back");
        if (r >= 0)
                (void) unlink(state->prepared);
        return r;
}

static int recover(Replacement *state,
                const char *state_directory_path,
                const char *quarantine_path,
                uint64_t now_usec,
                RestoreRecovery *ret,
                Fault *fault)
{
        int r;

        if (state->phase == REPLACEMENT_STARTING) {
                *ret = RESTORE_RECOVERY_FORWARD;
                return 0;
        }
        if (state->phase == REPLACEMENT_MOVING && replacement_is_in_force(state)) {
                *ret = RESTORE_RECOVERY_FORWARD;
                return replacement_record(state_directory_path, state, fault);
        }
        if (state->phase == REPLACEMENT_MOVING && prepared_is_whole(state)) {
                *ret = RESTORE_RECOVERY_FORWARD;
                return go_forward(state, state_directory_path, quarantine_path, now_usec, fault);
        }
        *ret = RESTORE_RECOVERY_BACK;
        r = go_back(state, fault);
        return r;
}

static int clean_up(const char *database_path, const char *quarantine_path, Fault *fault)
{
        _cleanup_free_ char *prepared = replacement_prepared_path(database_path);

        if (!prepared)
                return fault_set_errno(fault, ENOMEM, "Cleaning up beside %s", database_path);
        if (unlink(prepared) < 0 && errno != ENOENT && errno != ENOTDIR)
                return fault_set_errno(fault, errno, "Removing %s", prepared);
        return quarantine_clean_up(quarantine_path, fault);
}

int restore_recover(const char *state_directory_path,
                const char *database_path,
                const char *quarantine_path,
                uint64_t now_usec,
                RestoreRecovered *ret,
                Fault *fault)
{
        _cleanup_(replacement_done) Replacement state = {0};
        _cleanup_fault_ Fault met = {0};
        RestoreRecovery recovery = RESTORE_RECOVERY_NONE;
        int r = replacement_load(state_directory_path, &state, &met);

        if (r < 0 && met.code == FAULT_NOT_FOUND) {
                *ret = (RestoreRecovered){0};
                return clean_up(database_path, quarantine_path, fault);
        }
        if (r < 0) {
                if (fault)
                        fault_move(fault, &met);
                return r;
        }
        r = recover(&state, state_directory_path, quarantine_path, now_usec, &recovery, fault);
        if (r < 0)
                return fault_prefix(fault, r, "Finishing the interrupted restore of %s", state.source);
        /* Done with the files; a start that is cut off from here on has only the units to see to. */
        state.phase = recovery == RESTORE_RECOVERY_FORWARD ? REPLACEMENT_STARTING : REPLACEMENT_STOPPING;
        r = state.units_stopped ? replacement_store(state_directory_path, &state, fault)
                                : replacement_forget(state_directory_path, fault);
        if (r >= 0)
                r = clean_up(database_path, quarantine_path, fault);
        if (r < 0)
                return r;
        *ret = (RestoreRecovered){
                        .recovery = recovery,
                        .units_stopped = state.units_stopped,
                        .source = TAKE_PTR(state.source),
                        .quarantine = recovery == RESTORE_RECOVERY_FORWARD ? TAKE_PTR(state.quarantine)
                                                                           : NULL,
        };
        return 0;
}

int restore_recover_done(const char *state_directory_path, Fault *fault)
{
        return replacement_forget(state_directory_path, fault);
}
