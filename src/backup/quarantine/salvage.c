/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/quarantine/salvage.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/quarantine/file-move.h"
#include "backup/quarantine/quarantine.h"
#include "base/test-hook.h"
#include "database/check/check.h"
#include "database/connection/placement.h"
#include "database/copy/snapshot.h"
#include "database/rescue/rescue.h"

/* How long the merge waits for the writers of the live database. */
#define BUSY_BOUND_USEC (30 * USEC_PER_SEC)

typedef struct Working {
        char *folder; /* that the next start's clean-up knows */
        char *damaged;
        char *live;
        char *rescued;
        char *merged;
} Working;

static void working_done(Working *working)
{
        free(working->folder);
        free(working->damaged);
        free(working->live);
        free(working->rescued);
        free(working->merged);
}

static int join(char **ret, const char *directory, const char *name, const char *suffix)
{
        if (asprintf(ret, "%s/%s%s", directory, name, suffix) >= 0)
                return 0;
        *ret = NULL;
        return -ENOMEM;
}

static int name_all(const SalvageRequest *request, Working *working)
{
        _cleanup_free_ char *temporary = NULL;
        int r = 0;

        if (asprintf(&temporary, ".%s", request->name) < 0) {
                temporary = NULL;
                return -ENOMEM;
        }
        r = join(&working->folder, request->quarantine_path, temporary, ".tmp");
        if (r >= 0)
                r = join(&working->damaged, working->folder, "damaged", ".db");
        if (r >= 0)
                r = join(&working->live, working->folder, "live", ".db");
        if (r >= 0)
                r = join(&working->rescued, working->folder, "rescued", ".db");
        return r >= 0 ? join(&working->merged, working->folder, "merged", ".db") : r;
}

/* The -shm is SQLite's to make. */
static int copy_damaged(const SalvageRequest *request, const Working *working, Fault *fault)
{
        const char *slash = strrchr(request->database_path, '/');
        _cleanup_free_ char *folder = NULL, *path = NULL;
        struct stat status;
        int r = join(&folder, request->quarantine_path, request->name, "");

        if (r >= 0)
                r = join(&path, folder, slash ? slash + 1 : request->database_path, "");
        if (r < 0)
                return fault_set_errno(fault, ENOMEM, "Copying the damaged database");
        if (stat(path, &status) < 0 || !S_ISREG(status.st_mode))
                return fault_set(fault, FAULT_NOT_FOUND, "There is no database in %s", folder);
        /* The copy, the live database twice, and the result. */
        r = placement_require_space(working->folder, 4 * (uint64_t) status.st_size, fault);
        for (size_t i = 0; r >= 0 && i < QUARANTINE_N_FILES; i++) {
                _cleanup_free_ char *from = NULL, *to = NULL;

                if (strcmp(quarantine_suffixes[i], "-shm") == 0)
                        continue;
                if (asprintf(&from, "%s%s", path, quarantine_suffixes[i]) < 0 ||
                                asprintf(&to, "%s%s", working->damaged, quarantine_suffixes[i]) < 0)
                        return fault_set_errno(fault, ENOMEM, "Copying the damaged database");
                r = file_copy(from, to, fault);
        }
        return r;
}

static int merge_into(const char *path,
                ConnectionMode mode,
                const Working *working,
                Progress *progress,
                MergeReport *ret,
                Fault *fault)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        int r = connection_open(path, mode, progress, &connection, fault);

        if (r < 0)
                return r;
        connection->busy_bound_usec = BUSY_BOUND_USEC;
        connection->bound.bound_usec = 0;
        return rescue_merge(connection, working->rescued, ret, fault);
}

/* On copies. */
static int rehearse(const SalvageRequest *request,
                const Working *working,
                Progress *progress,
                MergeReport *ret,
                Fault *fault)
{
        _cleanup_(rescue_report_done) RescueReport rescue = {0};
        _cleanup_(check_result_done) CheckResult result = {0};
        Snapshot snapshot;
        int r = copy_damaged(request, working, fault);

        if (r >= 0)
                r = snapshot_copy(request->database_path, working->live, progress, &snapshot, fault);
        progress_begin(progress, "rescuing", 0);
        if (r >= 0)
                r = rescue_run(working->damaged,
                                working->live,
                                working->rescued,
                                NULL,
                                0,
                                progress,
                                &rescue,
                                fault);
        if (r >= 0)
                r = file_copy(working->live, working->merged, fault);
        progress_begin(progress, "merging into a copy", 0);
        if (r >= 0)
                r = merge_into(working->merged, CONNECTION_PRIVATE, working, progress, ret, fault);
        progress_begin(progress, "checking", 0);
        if (r >= 0)
                r = check_run(working->merged,
                                CONNECTION_PRIVATE,
                                CHECK_FULL,
                                request->threads,
                                progress,
                                &result,
                                fault);
        if (r < 0 || result.healthy)
                return r;
        return fault_set(fault,
                        FAULT_CORRUPT,
                        "With these rows the database would fail its check (%s), and it is left as it is",
                        result.first_finding ? result.first_finding : "unknown damage");
}

static int salvage(const SalvageRequest *request,
                const Working *working,
                Progress *progress,
                MergeReport *ret,
                Manifest **ret_backup,
                Fault *fault)
{
        int r = rehearse(request, working, progress, ret, fault);

        TEST_POINT("salvage-rehearsed");
        if (r < 0 || !request->merge || merge_report_merged(ret) == 0)
                return r;
        r = create_backup(request->pre_restore, progress, ret_backup, fault);
        if (r < 0)
                return r;
        /* What the application has committed since is seen by the merge, and stays. */
        merge_report_done(ret);
        progress_begin(progress, "merging", 0);
        r = merge_into(request->database_path, CONNECTION_WRITE, working, progress, ret, fault);
        TEST_POINT("salvage-merged");
        return r;
}

int salvage_run(const SalvageRequest *request,
                Progress *progress,
                MergeReport *ret,
                Manifest **ret_backup,
                Fault *fault)
{
        _cleanup_(merge_report_done) MergeReport report = {0};
        _cleanup_(working_done) Working working = {0};
        int r = name_all(request, &working);

        if (r < 0)
                return fault_set_errno(fault, r, "Salvaging rows");
        *ret_backup = NULL;
        quarantine_forget_working(request->quarantine_path, request->name);
        if (mkdir(working.folder, 0700) < 0)
                return fault_set_errno(fault, errno, "Creating %s", working.folder);
        r = salvage(request, &working, progress, &report, ret_backup, fault);
        quarantine_forget_working(request->quarantine_path, request->name);
        if (r < 0)
                return r;
        *ret = report;
        report = (MergeReport){0};
        return 0;
}
