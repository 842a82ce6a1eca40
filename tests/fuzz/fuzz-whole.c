/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as the live database, through what the service does to one: copied, checked, repaired, rescued
 * and exported. Nothing but a repair changes the file, a copy is judged as the file is, and a repair keeps
 * every row that the export of before had. A rescue gives a database that is sound. */

#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "backup/repair/repair.h"
#include "base/io.h"
#include "database/copy/snapshot.h"
#include "database/export/export.h"
#include "database/rescue/rescue.h"
#include "fuzz.h"

#define INPUT_MAX_BYTES (256 * KIB)
/* A damaged tree may be walked into from two places: more than a document of that size says nothing. */
#define EXPORT_MAX_BYTES (16 * MIB)

static const char backup_sql[] =
                "PRAGMA page_size=512; CREATE TABLE t(a INTEGER PRIMARY KEY, b, c);"
                "CREATE INDEX i ON t(b); INSERT INTO t VALUES(1, 'one', 1), (2, 'two', 2), (3, 'three', 3)";

static char folder[64], live[96], copy[96], target[96], backup[96], quarantine[96];

static void name_files(void)
{
        (void) strcpy(folder, "/dev/shm/oracxpred-fuzz-XXXXXX");
        require(mkdtemp(folder) != NULL);
        (void) snprintf(live, sizeof live, "%s/live.db", folder);
        (void) snprintf(copy, sizeof copy, "%s/copy.db", folder);
        (void) snprintf(target, sizeof target, "%s/target.db", folder);
        (void) snprintf(backup, sizeof backup, "%s/backup.db", folder);
        (void) snprintf(quarantine, sizeof quarantine, "%s/quarantine", folder);
        require(mkdir(quarantine, 0700) == 0);
}

static void write_file(const char *path, const void *data, size_t size)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        require(fd >= 0 && io_write_all(fd, data, size) == 0);
}

static bool is_as_it_was(const void *data, size_t size)
{
        _cleanup_free_ char *now = NULL;
        size_t now_bytes;

        require(io_read_file(AT_FDCWD, live, 16 * INPUT_MAX_BYTES, &now, &now_bytes) >= 0);
        return now_bytes == size && memcmp(now, data, size) == 0;
}

typedef struct Opinion {
        bool known; /* it could be looked at, and all of it */
        bool healthy;
        unsigned damage;
} Opinion;

static Opinion check(const char *path, ConnectionMode mode)
{
        _cleanup_(check_result_done) CheckResult result = {0};
        _cleanup_fault_ Fault fault = {0};

        if (check_run(path, mode, CHECK_FULL, 1, NULL, &result, &fault) < 0) {
                require(fault.message && fault.message[0]);
                return (Opinion){0};
        }
        return (Opinion){
                        .known = !result.healthy || !result.unchecked,
                        .healthy = result.healthy,
                        .damage = result.damage,
        };
}

/* NULL when it can't be exported. */
static char *export(const char *path)
{
        _cleanup_close_ int fd = memfd_create("export", MFD_CLOEXEC);
        ExportOptions options = {.style = EXPORT_LINES};
        _cleanup_fault_ Fault fault = {0};
        _cleanup_free_ char *text = NULL;
        ExportResult result;
        size_t size = 0;

        if (export_run(path, &options, fd, NULL, &result, &fault) < 0) {
                require(fault.message && fault.message[0]);
                return NULL;
        }
        if (result.bytes > EXPORT_MAX_BYTES)
                return NULL;
        text = malloc(result.bytes + 1);
        require(text && io_read_full_at(fd, text, result.bytes, 0, &size) == 0 && size == result.bytes);
        text[size] = '\0';
        return TAKE_PTR(text);
}

static void try_copy(Opinion opinion)
{
        _cleanup_fault_ Fault fault = {0};
        Snapshot snapshot;
        Opinion of_copy;

        if (snapshot_copy(live, copy, NULL, &snapshot, &fault) < 0) {
                require(fault.message && fault.message[0] && access(copy, F_OK) < 0);
                return;
        }
        of_copy = check(copy, CONNECTION_PRIVATE);
        require(!opinion.known || !of_copy.known || opinion.healthy == of_copy.healthy);
}

static void try_repair(Opinion opinion, const char *rows)
{
        _cleanup_(repair_outcome_done) RepairOutcome outcome = {0};
        _cleanup_close_ int folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_fault_ Fault fault = {0};
        _cleanup_free_ char *rows_now = NULL;
        RepairRequest request = {
                        .state_directory_path = folder,
                        .database_path = live,
                        .directory_fd = folder_fd,
                        .directory_path = folder,
                        .quarantine_path = quarantine,
                        .free_pages = opinion.damage & DAMAGE_FREE_PAGES,
                        .now_usec = USEC_PER_SEC,
        };
        Progress progress;
        int r;

        progress_init(&progress);
        r = repair_database(&request, &progress, &outcome, &fault);
        progress_done(&progress);
        require(r >= 0 || (fault.message && fault.message[0]));
        if (!rows)
                return;
        rows_now = export(live);
        require(rows_now && strcmp(rows, rows_now) == 0);
}

static void write_backup(void)
{
        static unsigned char *content;
        static size_t content_bytes;

        if (!content) {
                sqlite3_int64 n_bytes = 0;
                sqlite3 *handle;

                require(sqlite3_open(backup, &handle) == SQLITE_OK);
                require(sqlite3_exec(handle, backup_sql, NULL, NULL, NULL) == SQLITE_OK);
                content = sqlite3_serialize(handle, "main", &n_bytes, 0);
                require(content && sqlite3_close(handle) == SQLITE_OK);
                content_bytes = (size_t) n_bytes;
        }
        write_file(backup, content, content_bytes);
}

static void try_rescue(const void *data, size_t size)
{
        _cleanup_(rescue_report_done) RescueReport report = {0};
        _cleanup_fault_ Fault fault = {0};
        Progress progress;
        Opinion opinion;
        int r;

        write_backup();
        write_file(copy, data, size);
        progress_init(&progress);
        r = rescue_run(copy, backup, target, NULL, 0, &progress, &report, &fault);
        progress_done(&progress);
        if (r < 0) {
                require(fault.message && fault.message[0]);
                return;
        }
        opinion = check(target, CONNECTION_PRIVATE);
        require(!opinion.known || opinion.healthy);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
        (void) status;
        (void) type;
        (void) place;
        return remove(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_free_ char *rows = NULL;
        Opinion opinion;

        if (size > INPUT_MAX_BYTES)
                return 0;
        name_files();
        write_file(live, data, size);
        opinion = check(live, CONNECTION_READ);
        require(is_as_it_was(data, size));
        try_copy(opinion);
        require(is_as_it_was(data, size));
        rows = export(live);
        require(is_as_it_was(data, size));
        if (opinion.known && !opinion.healthy && !(opinion.damage & DAMAGE_CONTENT))
                try_repair(opinion, rows);
        if (opinion.known && (opinion.damage & DAMAGE_CONTENT))
                try_rescue(data, size);
        require(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
        return 0;
}
