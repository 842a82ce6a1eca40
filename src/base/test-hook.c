/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/test-hook.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/macro.h"

static void trace(const char *file, const char *name)
{
        _cleanup_close_ int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        char line[128];
        int length = snprintf(line, sizeof line, "%s\n", name);

        if (fd >= 0 && length > 0 && (size_t) length < sizeof line)
                (void) !write(fd, line, (size_t) length);
}

/* Opening a FIFO for reading waits for the test to open it for writing; reading it, for the test to close
 * it. */
static void wait_at_gate(void)
{
        const char *file = getenv("ORACXPRED_TEST_GATE");
        _cleanup_close_ int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -EBADF;
        char byte;

        if (fd >= 0)
                while (read(fd, &byte, 1) > 0)
                        ;
}

void test_point(const char *name)
{
        static _Atomic unsigned passed;
        const char *wanted = getenv("ORACXPRED_TEST_POINT"), *file = getenv("ORACXPRED_TEST_TRACE");
        const char *action = getenv("ORACXPRED_TEST_ACTION");
        size_t length = strlen(name);
        unsigned long nth;

        if (file)
                trace(file, name);
        if (!wanted || strncmp(wanted, name, length) != 0 ||
                        (wanted[length] != '\0' && wanted[length] != ':'))
                return;

        nth = wanted[length] == ':' ? strtoul(wanted + length + 1, NULL, 10) : 1;
        if (atomic_fetch_add(&passed, 1) + 1 != nth)
                return;
        if (action && strcmp(action, "wait") == 0)
                wait_at_gate();
        else
                (void) kill(getpid(), action && strcmp(action, "stop") == 0 ? SIGSTOP : SIGKILL);
}

void test_hook_statement(const char *sql)
{
        const char *file = getenv("ORACXPRED_TEST_STATEMENTS");
        _cleanup_close_ int fd = file ? open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -EBADF;
        _cleanup_free_ char *record = NULL;

        /* In one write, so that threads do not mix. */
        if (fd >= 0 && asprintf(&record, "%s\x1e", sql) >= 0)
                (void) !write(fd, record, strlen(record));
}

static bool read_time(const char *variable, uint64_t *ret_usec)
{
        const char *file = getenv(variable);
        _cleanup_fclose_ FILE *stream = file ? fopen(file, "re") : NULL;

        return stream && fscanf(stream, "%" SCNu64, ret_usec) == 1;
}

bool test_hook_clock(uint64_t *ret_usec)
{
        return read_time("ORACXPRED_TEST_CLOCK", ret_usec);
}

bool test_hook_boottime(uint64_t *ret_usec)
{
        return read_time("ORACXPRED_TEST_BOOTTIME", ret_usec);
}

static bool take_span(const char *variable, uint64_t *ret_usec)
{
        const char *usec = getenv(variable);

        return usec && sscanf(usec, "%" SCNu64, ret_usec) == 1;
}

bool test_hook_patience(uint64_t *ret_usec)
{
        return take_span("ORACXPRED_TEST_ANSWER", ret_usec);
}

bool test_hook_first_rows(uint64_t *ret_usec)
{
        return take_span("ORACXPRED_TEST_FIRST_ROWS", ret_usec);
}

bool test_hook_name_lead(uint64_t *ret_usec)
{
        return take_span("ORACXPRED_TEST_NAME_LEAD", ret_usec);
}

const char *test_hook_disk(void)
{
        const char *file = getenv("ORACXPRED_TEST_DISK");

        return file && access(file, F_OK) == 0 ? file : NULL;
}
