/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/create/check-live.h"

#include "backup/catalogue/unfinished.h"
#include "base/background.h"
#include "base/test-hook.h"
#include "database/check/check-pragma.h"
#include "database/copy/snapshot.h"

/* What a killed run leaves is known by its name as a backup's. No backup is called that: the service gives
 * names with a time. */
#define FILE_NAME "backup_check.db"

typedef struct Scratch {
        const LiveCheck *request;
        char *name;
        char *path;
        DiskRead disk;
        CheckResult result; /* of the copy */
} Scratch;

static void scratch_done(Scratch *scratch)
{
        if (scratch->name)
                unfinished_remove_image(scratch->request->directory_fd, scratch->name);
        check_result_done(&scratch->result);
        free(scratch->name);
        free(scratch->path);
}

static int copy(Scratch *scratch, Progress *progress, Fault *fault)
{
        const LiveCheck *request = scratch->request;
        Snapshot snapshot;

        scratch->name = unfinished_copy_name(FILE_NAME);
        if (!scratch->name)
                return fault_set_errno(fault, ENOMEM, "Checking the database");
        if (asprintf(&scratch->path, "%s/%s", request->directory_path, scratch->name) < 0) {
                scratch->path = NULL;
                return fault_set_errno(fault, ENOMEM, "Checking the database");
        }
        /* A killed run's. */
        unfinished_remove_image(request->directory_fd, scratch->name);
        return snapshot_copy_disk(
                        request->database_path, scratch->path, &scratch->disk, progress, &snapshot, fault);
}

/* BackgroundFunction. */
static int check_copy(void *userdata, Progress *progress, Fault *fault)
{
        Scratch *scratch = userdata;

        progress_begin(progress, "checking", 0);
        return check_run(scratch->path,
                        CONNECTION_PRIVATE,
                        CHECK_FULL,
                        scratch->request->threads,
                        progress,
                        &scratch->result,
                        fault);
}

/* What keeps a copy from being made says nothing about the content, which is looked at in place then. Not
 * where nobody waits for it: the read transaction would hold checkpoints back for as long as a check takes.
 */
static bool ends_the_check(const LiveCheck *request, const DiskRead *disk, const Fault *met)
{
        return met->code == FAULT_CANCELLED || disk->failed || request->background;
}

/* 1 when the database is proved sound, 0 when that is still open, negative with the fault filled. */
static int prove_copy(const LiveCheck *request, Progress *progress, Scratch *scratch, Fault *fault)
{
        _cleanup_fault_ Fault met = {0};
        int r = copy(scratch, progress, &met);

        if (r >= 0) {
                TEST_POINT("check-copied");
                r = request->background ? background_run(check_copy, scratch, progress, &met)
                                        : check_copy(scratch, progress, &met);
        }
        if (r >= 0)
                return scratch->result.healthy;
        if (check_is_content(&met)) { /* not even the first page of the copy is one */
                scratch->result.damage = DAMAGE_CONTENT;
                scratch->result.first_finding = TAKE_PTR(met.message);
                return 0;
        }
        if (!ends_the_check(request, &scratch->disk, &met))
                return 0;
        if (fault)
                fault_move(fault, &met);
        return r;
}

/* SQLite finds the database sound, and its copy was not. The copy may have gone wrong; what the disk holds
 * is damaged again in another one. */
static int judge_disk(const LiveCheck *request, const Scratch *first, Progress *progress, Fault *fault)
{
        _cleanup_(scratch_done) Scratch scratch = {.request = request};
        int r;

        if (!first->disk.done || first->result.damage == 0)
                return 0;
        r = prove_copy(request, progress, &scratch, fault);
        if (r < 0 || r > 0 || !scratch.disk.done || scratch.result.damage == 0)
                return MIN_OF(r, 0);
        return fault_set(fault,
                        FAULT_IO,
                        "What the disk holds of %s is damaged (%s), and the kernel's memory still has it "
                        "whole: leave this machine running, run `oracxpredctl backup`, and look at the disk",
                        request->database_path,
                        scratch.result.first_finding);
}

int check_live(const LiveCheck *request, Progress *progress, CheckResult *ret, Fault *fault)
{
        _cleanup_(scratch_done) Scratch scratch = {.request = request};
        _cleanup_(check_result_done) CheckResult result = {0};
        int r = prove_copy(request, progress, &scratch, fault);

        if (r < 0)
                return r;
        if (r > 0) {
                *ret = scratch.result;
                scratch.result = (CheckResult){0};
                return 0;
        }
        r = progress_check(progress, fault);
        if (r < 0)
                return r;
        progress_begin(progress, "checking", 0);
        r = check_run_twice(request->database_path,
                        CONNECTION_READ,
                        CHECK_FULL,
                        request->threads,
                        progress,
                        &result,
                        fault);
        if (r >= 0 && result.healthy)
                r = judge_disk(request, &scratch, progress, fault);
        if (r < 0)
                return r;
        *ret = result;
        result = (CheckResult){0};
        return 0;
}
