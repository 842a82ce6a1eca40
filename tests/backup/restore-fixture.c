/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "restore-fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/directory.h"

#define MESSAGE_MAX 1024
#define BUSY_BOUND_USEC (250 * USEC_PER_MSEC)

static char *state_directory;
static char *quarantine;

struct Application {
        pid_t pid;
        int fd;
};

typedef struct Answer {
        int code;
        int64_t value;
} Answer;

int restore_fixture_setup(void **state)
{
        if (backup_fixture_setup(state) != 0)
                return -1;
        state_directory = strdup(fixture_path("state"));
        quarantine = strdup(fixture_path("quarantine"));
        assert_int_equal(mkdir(state_directory, 0750), 0);
        return 0;
}

int restore_fixture_teardown(void **state)
{
        free(TAKE_PTR(state_directory));
        free(TAKE_PTR(quarantine));
        return backup_fixture_teardown(state);
}

const char *restore_fixture_state_directory(void)
{
        return state_directory;
}

const char *restore_fixture_quarantine(void)
{
        return quarantine;
}

RestoreRequest restore_fixture_request(const Manifest *source)
{
        return (RestoreRequest){
                        .state_directory_path = state_directory,
                        .database_path = backup_fixture_database(),
                        .directory_fd = backup_fixture_fd(),
                        .directory_path = backup_fixture_directory(),
                        .quarantine_path = quarantine,
                        .source = source,
                        .pre_restore_name = PRE_RESTORE_NAME,
                        .compression = COMPRESSION_GZIP,
                        .busy_bound_usec = BUSY_BOUND_USEC,
                        .now_usec = RESTORE_NOW_USEC,
        };
}

void restore_fixture_restore(const RestoreRequest *request, RestoreOutcome *ret)
{
        _cleanup_fault_ Fault fault = {0};

        if (restore_backup(request, &backup_fixture_progress, ret, &fault) < 0)
                fail_msg("%s: %s", fault_name(fault.code), fault.message);
}

void restore_fixture_refuse(const RestoreRequest *request, FaultCode code, const char *words)
{
        _cleanup_(restore_outcome_done) RestoreOutcome outcome = {0};
        Fault fault = {0};

        if (restore_backup(request, &backup_fixture_progress, &outcome, &fault) >= 0)
                fail_msg("restored, where it should say %s", words);
        fixture_assert_fault(&fault, code, words);
        assert_null(outcome.quarantine);
}

int64_t restore_fixture_query(const char *path, const char *sql)
{
        sqlite3 *handle = fixture_open(path);
        int64_t value = fixture_integer(handle, sql);

        fixture_close(handle);
        return value;
}

void restore_fixture_execute(const char *path, const char *sql)
{
        sqlite3 *handle = fixture_open(path);

        fixture_execute(handle, sql);
        fixture_close(handle);
}

static size_t list_quarantine(DirectoryList *list)
{
        _cleanup_close_ int fd = open(quarantine, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return 0;
        assert_int_equal(directory_list(fd, list), 0);
        return list->n_names;
}

size_t restore_fixture_n_quarantined(void)
{
        _cleanup_(directory_list_done) DirectoryList list = {0};

        return list_quarantine(&list);
}

const char *restore_fixture_quarantined(const char *file)
{
        _cleanup_(directory_list_done) DirectoryList list = {0};
        static char paths[4][512];
        static unsigned n;
        char *path = paths[n++ % ELEMENTSOF(paths)];

        assert_int_equal(list_quarantine(&list), 1);
        assert_true(snprintf(path, sizeof paths[0], "%s/%s/%s", quarantine, list.names[0], file) <
                        (int) sizeof paths[0]);
        return path;
}

void restore_fixture_set_users(unsigned n)
{
        char sql[256];

        (void) snprintf(sql,
                        sizeof sql,
                        "BEGIN; DELETE FROM users; WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
                        "FROM "
                        "c WHERE i < %u) INSERT INTO users(id, name) SELECT i, printf('user %%d', i) FROM "
                        "c; COMMIT",
                        n);
        restore_fixture_execute(backup_fixture_database(), sql);
}

static Answer answer(sqlite3 *handle, const char *sql)
{
        Answer given = {.value = -1};
        sqlite3_stmt *statement = NULL;

        given.code = sqlite3_prepare_v2(handle, sql, -1, &statement, NULL);
        if (given.code == SQLITE_OK) {
                given.code = sqlite3_step(statement);
                if (given.code == SQLITE_ROW)
                        given.value = sqlite3_column_int64(statement, 0);
                if (given.code == SQLITE_ROW || given.code == SQLITE_DONE)
                        given.code = SQLITE_OK;
        }
        (void) sqlite3_finalize(statement);
        return given;
}

static _Noreturn void run_application(const char *path, int fd)
{
        sqlite3 *handle = NULL;
        char sql[MESSAGE_MAX];
        ssize_t size;

        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void) prctl(PR_SET_NAME, "application");
        if (sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
                _exit(1);
        while ((size = recv(fd, sql, sizeof sql - 1, 0)) > 0) {
                Answer given;

                sql[size] = '\0';
                given = answer(handle, sql);
                (void) !send(fd, &given, sizeof given, MSG_NOSIGNAL);
        }
        (void) sqlite3_close(handle);
        _exit(0);
}

static Answer ask(Application *application, const char *sql)
{
        Answer given;

        assert_true(strlen(sql) < MESSAGE_MAX);
        assert_true(send(application->fd, sql, strlen(sql), MSG_NOSIGNAL) > 0);
        assert_int_equal(recv(application->fd, &given, sizeof given, 0), sizeof given);
        return given;
}

Application *application_start(const char *path)
{
        Application *application = calloc(1, sizeof *application);
        int fds[2];

        assert_non_null(application);
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
        application->pid = fork();
        assert_true(application->pid >= 0);
        if (application->pid == 0) {
                (void) close(fds[0]);
                run_application(path, fds[1]);
        }
        (void) close(fds[1]);
        application->fd = fds[0];
        /* Connected for good only once it has read something. */
        (void) ask(application, "SELECT count(*) FROM sqlite_schema");
        return application;
}

int application_execute(Application *application, const char *sql)
{
        return ask(application, sql).code;
}

int64_t application_integer(Application *application, const char *sql)
{
        Answer given = ask(application, sql);

        if (given.code != SQLITE_OK)
                fail_msg("%s: %s", sql, sqlite3_errstr(given.code));
        return given.value;
}

pid_t application_pid(const Application *application)
{
        return application->pid;
}

void application_stop(Application *application)
{
        /* A later application has inherited this end as well, so closing it is not enough. */
        (void) shutdown(application->fd, SHUT_RDWR);
        (void) close(application->fd);
        assert_int_equal(waitpid(application->pid, NULL, 0), application->pid);
        free(application);
}
