/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records/log-file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "database/connection/transaction.h"

int log_file_disguise(const char *path, int r, Fault *fault)
{
        if (r < 0 && fault && (fault->code == FAULT_CORRUPT || fault->code == FAULT_NOT_A_DATABASE))
                return fault_set(fault,
                                FAULT_FAILED,
                                "%s, the service's own log, is damaged; move it away, and the next row "
                                "makes a "
                                "new one",
                                path);
        return r;
}

static int create_tables(Connection *connection, void *userdata, Fault *fault)
{
        static const char *const statements[] = {
                        "CREATE TABLE IF NOT EXISTS main.system_logs(\n"
                        "id INTEGER PRIMARY KEY,\naction_type TEXT NOT NULL,\nuser_id INTEGER,\n"
                        "admin_id INTEGER,\nmessage TEXT NOT NULL,\nseverity TEXT,\nextra_data TEXT,\n"
                        "ip_address TEXT,\ncreated_at TEXT NOT NULL\n)",
                        "CREATE TABLE IF NOT EXISTS main.access_logs(\n"
                        "id INTEGER PRIMARY KEY,\nuser_id INTEGER NOT NULL,\naction_type TEXT NOT NULL,\n"
                        "match_id INTEGER,\nprediction_id INTEGER,\nsubscription_plan TEXT,\nip_address "
                        "TEXT,\n"
                        "created_at TEXT NOT NULL,\nextra_data TEXT\n)",
                        "CREATE INDEX IF NOT EXISTS main.system_type ON system_logs(action_type)",
                        "CREATE INDEX IF NOT EXISTS main.system_severity ON system_logs(severity)",
                        "CREATE INDEX IF NOT EXISTS main.system_user ON system_logs(user_id)",
                        "CREATE INDEX IF NOT EXISTS main.system_created ON system_logs(created_at)",
                        "CREATE INDEX IF NOT EXISTS main.access_type ON access_logs(action_type)",
                        "CREATE INDEX IF NOT EXISTS main.access_user ON access_logs(user_id)",
                        "CREATE INDEX IF NOT EXISTS main.access_created ON access_logs(created_at)",
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(statements); i++)
                r = connection_execute(connection, statements[i], fault);
        return r;
}

int log_file_prepare(const char *path, Fault *fault)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        struct stat status;
        int fd, r;

        if (lstat(path, &status) >= 0 && status.st_size > 0)
                return 0;
        /* SQLite takes an empty file for an empty database, and would create one as the umask says. Only a
         * new file is opened here: closing a descriptor drops the locks of the whole process. */
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 && errno != EEXIST)
                return fault_set_errno(fault, errno, "Creating %s", path);
        closep(&fd);
        r = connection_open(path, CONNECTION_WRITE, NULL, &connection, fault);
        if (r >= 0)
                r = transaction_run(connection, create_tables, NULL, fault);
        return log_file_disguise(path, r, fault);
}
