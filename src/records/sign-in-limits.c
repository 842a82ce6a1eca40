/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records/sign-in-limits.h"

#include <fcntl.h>
#include <string.h>

#include "base/digest.h"
#include "database/connection/transaction.h"

/* An account's failures end with the first success. Behind an address and a caller there are many people,
 * whose failures would add up for ever, until each single one made all of them wait: there one is forgiven
 * whenever `forgiven_usec` have passed. Guessing gains nothing by it, since that is the longest wait. */
static const struct {
        unsigned n_free;
        uint64_t highest_usec;
        uint64_t forgiven_usec; /* 0: never */
} limits_of[_SIGN_IN_SUBJECT_MAX] = {
                [SIGN_IN_ACCOUNT] = {4, 15 * USEC_PER_MINUTE, 0},
                [SIGN_IN_ADDRESS] = {19, 15 * USEC_PER_MINUTE, 15 * USEC_PER_MINUTE},
                [SIGN_IN_CALLER] = {99, USEC_PER_MINUTE, USEC_PER_MINUTE},
};

/* With so many above the free ones the wait is the longest: a quarter of an hour is less than 2^10 seconds.
 * More are not counted, which would only put the forgiving off; but one, so that who waits a little longer
 * than told has not less to wait the next time. */
#define N_LONGEST 11
#define N_COUNTED (N_LONGEST + 1)

/* A damaged file of this kind must not start a restore of the database. */
static int disguise(Fault *fault, int r)
{
        if (r < 0 && fault && (fault->code == FAULT_CORRUPT || fault->code == FAULT_NOT_A_DATABASE))
                return fault_set(fault,
                                FAULT_FAILED,
                                "The counts of failed sign-ins are damaged; the next try makes a new file");
        return r;
}

static int prepare(Connection *limits,
                const char *sql,
                const int64_t *numbers,
                size_t n_numbers,
                sqlite3_stmt **ret,
                Fault *fault)
{
        int r = connection_prepare(limits, sql, ret, fault);

        for (size_t i = 0; r >= 0 && i < n_numbers; i++)
                if (sqlite3_bind_int64(*ret, (int) i + 1, numbers[i]) != SQLITE_OK)
                        r = connection_fault(limits, sqlite3_errcode(limits->handle), fault, sql);
        return r;
}

static int step(Connection *limits, sqlite3_stmt *statement, bool *ret_row, Fault *fault)
{
        int code = sqlite3_step(statement);

        if (code != SQLITE_ROW && code != SQLITE_DONE)
                return connection_fault(limits, code, fault, "Counting failed sign-ins");
        if (ret_row)
                *ret_row = code == SQLITE_ROW;
        return 0;
}

static int run(Connection *limits, const char *sql, const int64_t *numbers, size_t n_numbers, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int r = prepare(limits, sql, numbers, n_numbers, &statement, fault);

        return r < 0 ? r : step(limits, statement, NULL, fault);
}

/* Reads every row, so that damage is met here. */
static int tidy(Connection *limits, uint64_t now_usec, Fault *fault)
{
        const int64_t now = (int64_t) now_usec;
        const int64_t oldest = now_usec > SIGN_IN_LIMITS_MEMORY_USEC
                                               ? (int64_t) (now_usec - SIGN_IN_LIMITS_MEMORY_USEC)
                                               : 0;
        int r;

        r = connection_execute(limits,
                        "CREATE TABLE IF NOT EXISTS main.failures(\n"
                        "kind INTEGER NOT NULL,\n"
                        "subject TEXT NOT NULL,\n"
                        "n NUMERIC NOT NULL,\n"
                        "last_usec INTEGER NOT NULL,\n"
                        "PRIMARY KEY(kind, subject)\n) WITHOUT ROWID",
                        fault);
        if (r >= 0)
                r = run(limits, "DELETE FROM main.failures WHERE last_usec < ?", &oldest, 1, fault);
        if (r >= 0)
                r = run(limits,
                                "UPDATE main.failures SET last_usec = ?1 WHERE last_usec > ?1",
                                &now,
                                1,
                                fault);
        return r;
}

static int open_file(const char *path, uint64_t now_usec, Connection **ret, Fault *fault)
{
        _cleanup_(connection_closep) Connection *limits = NULL;
        /* SQLite takes an empty file for an empty database, and would create one as the umask says. Only a
         * new file is opened here: closing a descriptor drops the locks of the whole process. */
        int r, fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0 && errno != EEXIST)
                return fault_set_errno(fault, errno, "Creating %s", path);
        closep(&fd);
        r = connection_open(path, CONNECTION_WRITE, NULL, &limits, fault);
        if (r >= 0)
                r = tidy(limits, now_usec, fault);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(limits);
        return 0;
}

static int remove_file(const char *path, Fault *fault)
{
        _cleanup_free_ char *journal = NULL;

        if (asprintf(&journal, "%s-journal", path) < 0) {
                journal = NULL;
                return fault_set_errno(fault, ENOMEM, "Removing %s", path);
        }
        if ((unlink(journal) < 0 && errno != ENOENT) || (unlink(path) < 0 && errno != ENOENT))
                return fault_set_errno(fault, errno, "Removing the damaged %s", path);
        return 0;
}

int sign_in_limits_open(const char *path, uint64_t now_usec, Connection **ret, Fault *fault)
{
        _cleanup_fault_ Fault own = {0};
        int r = open_file(path, now_usec, ret, &own);

        if (r < 0 && (own.code == FAULT_CORRUPT || own.code == FAULT_NOT_A_DATABASE)) {
                r = remove_file(path, &own);
                if (r >= 0)
                        r = open_file(path, now_usec, ret, &own);
        }
        if (r < 0 && fault)
                fault_move(fault, &own);
        return disguise(fault, r);
}

static int digest_of(const SignInSubject *subject, char ret[static DIGEST_HEX_MAX], Fault *fault)
{
        _cleanup_(digest_freep) Digest *digest = NULL;
        int r = digest_new(&digest, fault);

        if (r >= 0)
                r = digest_update(digest, subject->name, strlen(subject->name), fault);
        return r < 0 ? r : digest_finish(digest, ret, fault);
}

/* Prepares a statement whose first two parameters are the subject. */
static int prepare_for(Connection *limits,
                const char *sql,
                const SignInSubject *subject,
                sqlite3_stmt **ret,
                Fault *fault)
{
        const int64_t kind = subject->kind;
        char digest[DIGEST_HEX_MAX];
        int r = digest_of(subject, digest, fault);

        if (r >= 0)
                r = prepare(limits, sql, &kind, 1, ret, fault);
        if (r >= 0 && sqlite3_bind_text(*ret, 2, digest, -1, SQLITE_TRANSIENT) != SQLITE_OK)
                r = connection_fault(limits, sqlite3_errcode(limits->handle), fault, sql);
        return r;
}

static uint64_t delay_usec(SignInSubjectKind kind, uint64_t n_failures)
{
        uint64_t n_free = limits_of[kind].n_free, highest_usec = limits_of[kind].highest_usec;

        if (n_failures <= n_free)
                return 0;
        return n_failures - n_free >= N_LONGEST
                               ? highest_usec
                               : MIN_OF(USEC_PER_SEC << (n_failures - n_free - 1), highest_usec);
}

static int wait_of(Connection *limits,
                const SignInSubject *subject,
                uint64_t now_usec,
                uint64_t *ret_usec,
                Fault *fault)
{
        static const char sql[] = "SELECT n, last_usec FROM main.failures WHERE kind = ? AND subject = ?";
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        uint64_t end_usec;
        bool found = false;
        int r = prepare_for(limits, sql, subject, &statement, fault);

        if (r >= 0)
                r = step(limits, statement, &found, fault);
        if (r < 0)
                return r;
        end_usec = found ? (uint64_t) sqlite3_column_int64(statement, 1) +
                                                   delay_usec(subject->kind,
                                                                   (uint64_t) sqlite3_column_int64(
                                                                                   statement, 0))
                         : 0;
        *ret_usec = end_usec > now_usec ? end_usec - now_usec : 0;
        return 0;
}

int sign_in_limits_wait(Connection *limits,
                const SignInSubject *subjects,
                size_t n_subjects,
                uint64_t now_usec,
                uint64_t *ret_usec,
                Fault *fault)
{
        uint64_t longest_usec = 0;

        for (size_t i = 0; i < n_subjects; i++) {
                uint64_t usec;
                int r = wait_of(limits, subjects + i, now_usec, &usec, fault);

                if (r < 0)
                        return disguise(fault, r);
                longest_usec = MAX_OF(longest_usec, usec);
        }
        *ret_usec = longest_usec;
        return 0;
}

typedef struct Counting {
        const SignInSubject *subjects;
        size_t n_subjects;
        uint64_t now_usec;
} Counting;

/* In what time one failure is forgiven, and how many are counted. */
static int bind_rules(Connection *limits,
                sqlite3_stmt *statement,
                SignInSubjectKind kind,
                int64_t now_usec,
                Fault *fault)
{
        int64_t forgiven_usec = (int64_t) limits_of[kind].forgiven_usec;
        int code = sqlite3_bind_int64(statement, 3, now_usec);

        if (code == SQLITE_OK && forgiven_usec > 0)
                code = sqlite3_bind_int64(statement, 4, forgiven_usec);
        if (code == SQLITE_OK)
                code = sqlite3_bind_int64(statement, 5, limits_of[kind].n_free + N_COUNTED);
        return code == SQLITE_OK ? 0 : connection_fault(limits, code, fault, "Counting failed sign-ins");
}

static int count_all(Connection *limits, void *userdata, Fault *fault)
{
        static const char count_sql
                        [] = "INSERT INTO main.failures VALUES(?1, ?2, 1, ?3) ON CONFLICT DO UPDATE SET "
                             "n = min(max(0, n - coalesce(max(0, ?3 - last_usec) * 1.0 / ?4, 0)) + 1, ?5), "
                             "last_usec = ?3",
               bound_sql[] = "DELETE FROM main.failures WHERE (kind, subject) IN (SELECT kind, subject "
                             "FROM main.failures ORDER BY last_usec >= ?1, n, last_usec LIMIT max(0, "
                             "(SELECT count(*) FROM main.failures) - ?2))";
        const Counting *counting = userdata;
        const int64_t numbers[] = {(int64_t) counting->now_usec, SIGN_IN_LIMITS_ROWS_MAX};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < counting->n_subjects; i++) {
                _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;

                r = prepare_for(limits, count_sql, counting->subjects + i, &statement, fault);
                if (r >= 0)
                        r = bind_rules(limits, statement, counting->subjects[i].kind, numbers[0], fault);
                if (r >= 0)
                        r = step(limits, statement, NULL, fault);
        }
        return r < 0 ? r : run(limits, bound_sql, numbers, ELEMENTSOF(numbers), fault);
}

int sign_in_limits_count(Connection *limits,
                const SignInSubject *subjects,
                size_t n_subjects,
                uint64_t now_usec,
                Fault *fault)
{
        Counting counting = {.subjects = subjects, .n_subjects = n_subjects, .now_usec = now_usec};

        return disguise(fault, transaction_run(limits, count_all, &counting, fault));
}

int sign_in_limits_forget(Connection *limits, const SignInSubject *subject, Fault *fault)
{
        static const char sql[] = "DELETE FROM main.failures WHERE kind = ? AND subject = ?";
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        int r = prepare_for(limits, sql, subject, &statement, fault);

        if (r >= 0)
                r = step(limits, statement, NULL, fault);
        return disguise(fault, r);
}
