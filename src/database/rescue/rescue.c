/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/rescue/rescue.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/test-hook.h"
#include "database/copy/wal-fold.h"
#include "database/rescue/rescue-report.h"
#include "database/rescue/rescue-schema.h"

#define CHUNK_BYTES (256 * KIB)

static int copy_file(const char *from, const char *to, Progress *progress, Fault *fault)
{
        _cleanup_close_ int from_fd = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_close_ int to_fd = -EBADF;
        _cleanup_free_ char *buffer = malloc(CHUNK_BYTES);
        size_t size = CHUNK_BYTES;

        if (!buffer)
                return fault_set_errno(fault, ENOMEM, "Copying %s", from);
        if (from_fd < 0)
                return fault_set_errno(fault, errno, "Opening %s", from);
        to_fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (to_fd < 0)
                return fault_set_errno(fault, errno, "Creating %s", to);
        while (size == CHUNK_BYTES) {
                int r = progress_check(progress, fault);

                if (r < 0)
                        return r;
                r = io_read_full(from_fd, buffer, CHUNK_BYTES, &size);
                if (r >= 0)
                        r = io_write_all(to_fd, buffer, size);
                if (r < 0)
                        return fault_set_errno(fault, r, "Copying %s to %s", from, to);
        }
        return 0;
}

static int read_header(const char *path, unsigned char ret[static PAGE_FILE_HEADER_BYTES], Fault *fault)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        size_t size;
        int r;

        if (fd < 0)
                return fault_set_errno(fault, errno, "Opening %s", path);
        r = io_read_full_at(fd, ret, PAGE_FILE_HEADER_BYTES, 0, &size);
        if (r >= 0 && size < PAGE_FILE_HEADER_BYTES)
                r = -ENODATA;
        return r < 0 ? fault_set_errno(fault, r, "Reading %s", path) : 0;
}

/* The private result may be written in any order and half: it is thrown away then. */
static int open_target(
                const char *target, const char *backup, Progress *progress, Connection **ret, Fault *fault)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        int r = connection_open(target, CONNECTION_PRIVATE, progress, &connection, fault);

        if (r < 0)
                return r;
        if (sqlite3_db_config(connection->handle, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL) != SQLITE_OK ||
                        sqlite3_db_config(connection->handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL) !=
                                        SQLITE_OK)
                return fault_set(fault, FAULT_FAILED, "%s: the connection can't be set up", target);
        r = connection_execute(connection,
                        "PRAGMA main.journal_mode=OFF; PRAGMA foreign_keys=OFF;"
                        "PRAGMA ignore_check_constraints=ON; PRAGMA recursive_triggers=OFF",
                        fault);
        if (r >= 0)
                r = rescue_execute(connection, fault, "ATTACH %Q AS backup", backup);
        if (r >= 0)
                *ret = TAKE_PTR(connection);
        return r;
}

/* The numbers that were given away are not given away again, whatever became of their rows. */
static int read_sequence(Connection *target, SalvageFile *file, Fault *fault)
{
        _cleanup_(rescue_task_done) RescueTask task = {
                        .target = target, .file = file, .schema = "temp", .name = "rescue_sequence"};
        int64_t root = 0;
        int r = rescue_execute(target, fault, "CREATE TEMP TABLE rescue_sequence(name, seq)");

        if (r >= 0)
                r = rescue_query(target,
                                &root,
                                fault,
                                "SELECT ifnull(max(rootpage), 0) FROM temp.rescue_schema WHERE "
                                "name='sqlite_sequence'");
        if (r >= 0)
                r = rescue_task_init(&task, fault);
        if (r < 0 || root <= 0)
                return r;
        task.tree.root = (uint32_t) MIN_OF(root, (int64_t) UINT32_MAX);
        return rescue_task_read(&task, fault);
}

static int put_sequence(Connection *target, Fault *fault)
{
        int64_t exists = 0;
        int r = rescue_query(target,
                        &exists,
                        fault,
                        "SELECT count(*) FROM main.sqlite_schema WHERE name='sqlite_sequence'");

        if (r < 0 || !exists)
                return r;
        return rescue_execute(target,
                        fault,
                        "UPDATE main.sqlite_sequence SET seq=max(seq, (SELECT l.seq FROM "
                        "temp.rescue_sequence l"
                        " WHERE l.name=sqlite_sequence.name)) WHERE EXISTS (SELECT 1 FROM "
                        "temp.rescue_sequence l"
                        " WHERE l.name=sqlite_sequence.name AND typeof(l.seq)='integer');"
                        "INSERT INTO main.sqlite_sequence(name, seq) SELECT name, seq FROM "
                        "temp.rescue_sequence l"
                        " WHERE typeof(seq)='integer' AND EXISTS (SELECT 1 FROM main.sqlite_schema WHERE"
                        " name=l.name) AND NOT EXISTS (SELECT 1 FROM main.sqlite_sequence m WHERE "
                        "m.name=l.name)");
}

/* What an application notes in the header goes with its schema. */
static int put_header(Connection *target, const SalvageFile *file, Fault *fault)
{
        if (!file->header_sound)
                return 0;
        return rescue_execute(target,
                        fault,
                        "PRAGMA main.user_version=%d; PRAGMA main.application_id=%d",
                        (int) page_get4(file->header + 60),
                        (int) page_get4(file->header + 68));
}

static int merge(Connection *target,
                SalvageFile *file,
                const TableCount *known,
                size_t n_known,
                RescueReport *report,
                Fault *fault)
{
        _cleanup_(rescue_items_done) RescueItems items = {0};
        bool schema_sound = false, leftovers = false;
        int r = rescue_schema_read(target, file, &schema_sound, fault);

        if (r >= 0)
                r = rescue_schema_make_tables(target, fault);
        if (r >= 0)
                r = rescue_items_load(target, file, &items, fault);
        if (r >= 0)
                r = rescue_items_survey(target, file, &items, fault);
        if (r >= 0) {
                leftovers = salvage_file_put_others_aside(file);
                r = read_sequence(target, file, fault);
        }
        TEST_POINT("rescue-counted");
        if (r >= 0)
                r = rescue_items_fill(target, file, &items, leftovers, fault);
        TEST_POINT("rescue-filled");
        if (r >= 0)
                r = put_sequence(target, fault);
        if (r >= 0)
                r = rescue_schema_make_others(target, fault);
        if (r >= 0)
                r = put_header(target, file, fault);
        if (r >= 0)
                r = rescue_report_make(file, &items, known, n_known, report, fault);
        if (r >= 0)
                report->schema_sound = schema_sound;
        return r;
}

int rescue_run(const char *damaged,
                const char *backup,
                const char *target,
                const TableCount *known,
                size_t n_known,
                Progress *progress,
                RescueReport *ret,
                Fault *fault)
{
        _cleanup_(rescue_report_done) RescueReport report = {0};
        _cleanup_(salvage_file_done) SalvageFile file = {0};
        _cleanup_(connection_closep) Connection *connection = NULL;
        unsigned char header[PAGE_FILE_HEADER_BYTES];
        int r = wal_fold(damaged, fault);

        if (r >= 0)
                r = read_header(backup, header, fault);
        if (r >= 0)
                r = salvage_file_open(damaged, header, progress, &file, fault);
        if (r >= 0)
                r = copy_file(backup, target, progress, fault);
        TEST_POINT("rescue-copied");
        if (r >= 0)
                r = open_target(target, backup, progress, &connection, fault);
        if (r >= 0)
                r = connection_execute(connection, "BEGIN", fault);
        if (r >= 0)
                r = merge(connection, &file, known, n_known, &report, fault);
        if (r >= 0)
                r = connection_execute(
                                connection, "COMMIT; DETACH backup; PRAGMA main.journal_mode=DELETE", fault);
        TEST_POINT("rescue-merged");
        if (r < 0)
                return r;
        *ret = report;
        report = (RescueReport){0};
        return 0;
}
