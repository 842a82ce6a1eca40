/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/create/check-live.h"

#include "backup/catalogue/unfinished.h"
#include "base/test-hook.h"
#include "database/copy/snapshot.h"

/* What a killed run leaves is known by its name as a backup's. No backup is called that: the service gives
 * names with a time. */
#define FILE_NAME "backup_check.db"

typedef struct Scratch {
        int directory_fd;
        char *name;
        char *path;
} Scratch;

static void scratch_done(Scratch *scratch)
{
        if (scratch->name)
                unfinished_remove_image(scratch->directory_fd, scratch->name);
        free(scratch->name);
        free(scratch->path);
}

/* Whether a copy was made. */
static bool copy(Scratch *scratch, const char *database_path, const char *directory_path, Progress *progress)
{
        Snapshot snapshot;

        scratch->name = unfinished_copy_name(FILE_NAME);
        if (!scratch->name)
                return false;
        if (asprintf(&scratch->path, "%s/%s", directory_path, scratch->name) < 0) {
                scratch->path = NULL;
                return false;
        }
        /* A killed run's. */
        unfinished_remove_image(scratch->directory_fd, scratch->name);
        return snapshot_copy(database_path, scratch->path, progress, &snapshot, NULL) >= 0;
}

static bool is_proved(const char *database_path,
                int directory_fd,
                const char *directory_path,
                unsigned threads,
                Progress *progress,
                CheckResult *result)
{
        _cleanup_(scratch_done) Scratch scratch = {.directory_fd = directory_fd};

        if (!copy(&scratch, database_path, directory_path, progress))
                return false;
        TEST_POINT("check-copied");
        progress_begin(progress, "checking", 0);
        return check_run(scratch.path, CONNECTION_PRIVATE, CHECK_FULL, threads, progress, result, NULL) >=
                               0 &&
               result->healthy;
}

int check_live(const char *database_path,
                int directory_fd,
                const char *directory_path,
                unsigned threads,
                Progress *progress,
                CheckResult *ret,
                Fault *fault)
{
        _cleanup_(check_result_done) CheckResult result = {0};
        int r;

        if (is_proved(database_path, directory_fd, directory_path, threads, progress, &result)) {
                *ret = result;
                result = (CheckResult){0};
                return 0;
        }
        r = progress_check(progress, fault);
        if (r < 0)
                return r;
        progress_begin(progress, "checking", 0);
        return check_run_twice(database_path, CONNECTION_READ, CHECK_FULL, threads, progress, ret, fault);
}
