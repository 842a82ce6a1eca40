/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/restore/restore-recover.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/quarantine/contents.h"
#include "backup/quarantine/file-move.h"
#include "backup/quarantine/quarantine.h"
#include "backup/restore/replacement-verdict.h"
#include "base/leftover.h"
#include "base/test-hook.h"
#include "database/connection/placement.h"
#include "database/schema/table-list.h"

void restore_recovered_done(RestoreRecovered *recovered)
{
        free(recovered->left);
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

static int has_rows(Connection *connection, const char *table, bool *ret)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        char *sql = sqlite3_mprintf("SELECT 1 FROM main.\"%w\" LIMIT 1", table);
        int code, r = sql ? connection_prepare(connection, sql, &statement, NULL) : -ENOMEM;

        sqlite3_free(sql);
        if (r < 0)
                return r;
        code = sqlite3_step(statement);
        *ret = code != SQLITE_DONE;
        return 0;
}

/* What can't be read may hold anything. */
static bool is_empty(const char *path)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(table_list_done) TableList list = {0};
        struct stat status;
        bool any = false;

        if (lstat(path, &status) == 0 && S_ISREG(status.st_mode) &&
                        status.st_size <= PLACEMENT_NOTHING_BYTES)
                return true;
        if (connection_open(path, CONNECTION_READ, NULL, &connection, NULL) < 0 ||
                        table_list_load(connection, &list, NULL) < 0)
                return false;
        for (size_t i = 0; !any && i < list.n_tables; i++)
                if (!list.tables[i].is_internal && has_rows(connection, list.tables[i].name, &any) < 0)
                        return false;
        return !any;
}

static int path_in_folder(const Replacement *state, char **ret)
{
        const char *slash = strrchr(state->database, '/');
        char *path;

        if (asprintf(&path, "%s/%s", state->quarantine, slash ? slash + 1 : state->database) < 0)
                return -ENOMEM;
        *ret = path;
        return 0;
}

static int look(const Replacement *state, ReplacementFacts *ret)
{
        _cleanup_free_ char *saved = NULL;
        struct stat status;
        int r = state->quarantine ? path_in_folder(state, &saved) : 0;

        if (r < 0)
                return r;
        *ret = (ReplacementFacts){
                        .phase = state->phase,
                        .fixed = state->fixed,
                        .in_force = replacement_is_in_force(state),
                        .main_present = lstat(state->database, &status) == 0,
                        .saved = saved,
                        .main_saved = saved && lstat(saved, &status) == 0,
                        .main_same = saved && file_has_same_content(state->database, saved),
        };
        if ((state->phase != REPLACEMENT_MOVING && state->phase != REPLACEMENT_WRITING) || ret->in_force)
                return 0;
        ret->prepared_whole = prepared_is_whole(state);
        if (state->fixed)
                return 0;
        /* Asked last: it may leave a -wal and a -shm, which go where the database goes. */
        ret->main_empty = ret->main_present && !ret->main_same && (ret->main_saved || !saved) &&
                          is_empty(state->database);
        return 0;
}

/* What an application made at the empty place before this service was started again is not the old database,
 * whose folder is taken; it gets one of its own. */
static int move_apart(const Replacement *state, const char *quarantine_path, uint64_t now_usec, Fault *fault)
{
        _cleanup_free_ char *folder = NULL;
        int r = quarantine_make_folder(quarantine_path, now_usec, &folder, fault);

        return r < 0 ? r : quarantine_move(state->database, folder, fault);
}

/* What is there is a mix of the old and the new one, or something else that somebody put there: it is kept,
 * too. */
static int finish_contents(const Replacement *state,
                const char *state_directory_path,
                const char *quarantine_path,
                uint64_t now_usec,
                Fault *fault)
{
        _cleanup_free_ char *folder = NULL;
        int r = quarantine_make_folder(quarantine_path, now_usec, &folder, fault);

        if (r >= 0)
                r = contents_save(state->database, folder, fault);
        if (r >= 0)
                r = contents_replace(state->prepared, state->database, fault);
        TEST_POINT("recover-written");
        return r < 0 ? r : replacement_record(state_directory_path, state, fault);
}

static int go_forward(const Replacement *state,
                bool main_present,
                const char *state_directory_path,
                const char *quarantine_path,
                uint64_t now_usec,
                Fault *fault)
{
        int r = 0;

        if (state->fixed)
                return finish_contents(state, state_directory_path, quarantine_path, now_usec, fault);
        if (main_present)
                r = move_apart(state, quarantine_path, now_usec, fault);
        else if (state->quarantine)
                r = quarantine_move(state->database, state->quarantine, fault);
        if (r < 0)
                return r;
        TEST_POINT("recover-moved");
        r = replacement_publish(state, fault);
        TEST_POINT("recover-published");
        return r < 0 ? r : replacement_record(state_directory_path, state, fault);
}

static int go_back(const Replacement *state, const ReplacementFacts *facts, Fault *fault)
{
        int r = 0;

        if (state->phase == REPLACEMENT_WRITING && state->quarantine)
                r = contents_take_back(state->quarantine, state->database, fault);
        else if (state->phase == REPLACEMENT_MOVING && state->quarantine && facts->main_present)
                quarantine_forget_copies(state->quarantine, state->database);
        else if (state->phase == REPLACEMENT_MOVING && state->quarantine) {
                r = quarantine_move_back(state->quarantine, state->database, fault);
                if (r >= 0)
                        (void) rmdir(state->quarantine);
        }
        TEST_POINT("recover-back");
        if (r >= 0)
                (void) unlink(state->prepared);
        return r;
}

/* When the file at `path` was made; INT64_MIN where the file system does not tell. */
static int64_t born_nsec(const char *path)
{
        struct statx status;

        if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BTIME, &status) < 0 ||
                        !(status.stx_mask & STATX_BTIME))
                return INT64_MIN;
        return status.stx_btime.tv_sec * INT64_C(1000000000) + status.stx_btime.tv_nsec;
}

/* The old database's -wal may still be at its place, and would be replayed into the database that somebody
 * put there. It goes when it lies in the quarantine as well and is older than that database: nobody who had
 * that one open has written to it. */
static void remove_stale_journals(const Replacement *state)
{
        _cleanup_free_ char *saved = NULL;

        if (!state->quarantine || path_in_folder(state, &saved) < 0)
                return;
        for (size_t i = 1; i < QUARANTINE_N_FILES; i++) {
                _cleanup_free_ char *here = NULL, *there = NULL;
                struct stat status;

                if (asprintf(&here, "%s%s", state->database, quarantine_suffixes[i]) < 0) {
                        here = NULL;
                        return;
                }
                if (asprintf(&there, "%s%s", saved, quarantine_suffixes[i]) < 0) {
                        there = NULL;
                        return;
                }
                if (lstat(here, &status) == 0 && file_has_same_content(here, there) &&
                                status.st_mtim.tv_sec * INT64_C(1000000000) + status.st_mtim.tv_nsec <
                                                born_nsec(state->database))
                        (void) unlink(here);
        }
}

static int recover(Replacement *state,
                const char *state_directory_path,
                const char *quarantine_path,
                uint64_t now_usec,
                RestoreRecovery *ret,
                Fault *fault)
{
        ReplacementFacts facts;
        int r = look(state, &facts);

        if (r < 0)
                return fault_set_errno(fault, r, "Looking at %s", state->database);
        quarantine_forget_unfinished(state->quarantine, state->database);
        switch (replacement_judge(&facts)) {
        case REPLACEMENT_DONE:
                *ret = RESTORE_RECOVERY_FORWARD;
                return state->phase == REPLACEMENT_STARTING
                                       ? 0
                                       : replacement_record(state_directory_path, state, fault);
        case REPLACEMENT_FORWARD:
                *ret = RESTORE_RECOVERY_FORWARD;
                return go_forward(state,
                                facts.main_present,
                                state_directory_path,
                                quarantine_path,
                                now_usec,
                                fault);
        case REPLACEMENT_LEAVE:
                *ret = RESTORE_RECOVERY_LEFT;
                remove_stale_journals(state);
                (void) unlink(state->prepared);
                return 0;
        default:
                *ret = RESTORE_RECOVERY_BACK;
                return go_back(state, &facts, fault);
        }
}

static int clean_up(const char *database_path, const char *quarantine_path, char **ret_left, Fault *fault)
{
        _cleanup_free_ char *prepared = replacement_prepared_path(database_path);
        _cleanup_fault_ Fault met = {0};
        int r;

        if (!prepared)
                return fault_set_errno(fault, ENOMEM, "Cleaning up beside %s", database_path);
        r = leftover_remove(AT_FDCWD, prepared, &met);
        if (r == -EEXIST)
                *ret_left = TAKE_PTR(met.message);
        else if (r < 0) {
                if (fault)
                        fault_move(fault, &met);
                return r;
        }
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
        _cleanup_free_ char *left = NULL;
        int r = replacement_load(state_directory_path, &state, &met);

        if (r < 0 && met.code == FAULT_NOT_FOUND) {
                *ret = (RestoreRecovered){0};
                return clean_up(database_path, quarantine_path, &ret->left, fault);
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
                r = clean_up(database_path, quarantine_path, &left, fault);
        if (r < 0)
                return r;
        *ret = (RestoreRecovered){
                        .recovery = recovery,
                        .units_stopped = state.units_stopped,
                        .left = TAKE_PTR(left),
                        .source = TAKE_PTR(state.source),
                        .quarantine = recovery == RESTORE_RECOVERY_BACK ? NULL : TAKE_PTR(state.quarantine),
        };
        return 0;
}

int restore_recover_done(const char *state_directory_path, Fault *fault)
{
        return replacement_forget(state_directory_path, fault);
}
