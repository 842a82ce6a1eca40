/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "database/json/output.h"

#define MUCH_BYTES (4 * MIB)

/* Longer than any test may last. */
#define LONG_USEC USEC_PER_DAY

static void put_much(JsonOutput *output)
{
        char letters[1024];

        memset(letters, 'x', sizeof letters);
        for (unsigned i = 0; i < MUCH_BYTES / sizeof letters; i++)
                json_output_put(output, letters, sizeof letters);
        json_output_flush(output);
}

static void assert_new_refused(int fd, const char *words)
{
        JsonOutput *output = NULL;
        Fault fault = {0};

        assert_int_equal(json_output_new(fd, USEC_PER_SEC, NULL, &output, &fault), -EINVAL);
        assert_null(output);
        fixture_assert_fault(&fault, FAULT_INVALID_ARGUMENT, words);
}

static void test_unfit_descriptors_are_refused(void **state)
{
        _cleanup_close_ int read_only = open("/dev/null", O_RDONLY | O_CLOEXEC), master = -EBADF,
                            slave = -EBADF;

        assert_new_refused(read_only, "not open for writing");
        assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
        assert_new_refused(slave, "terminal");
}

/* A reader in another thread, which takes everything in odd bites. */
static void *drain(void *userdata)
{
        static char bite[7001];
        uint64_t total = 0;
        ssize_t n;

        while ((n = read(*(int *) userdata, bite, sizeof bite)) > 0)
                total += (uint64_t) n;
        return (void *) (uintptr_t) total;
}

static void assert_all_arrives(int fds[2])
{
        JsonOutput *output;
        Progress progress;
        pthread_t thread;
        void *total;

        progress_init(&progress);
        assert_int_equal(pthread_create(&thread, NULL, drain, &fds[0]), 0);
        assert_int_equal(json_output_new(fds[1], LONG_USEC, &progress, &output, NULL), 0);
        put_much(output);
        assert_int_equal(json_output_result(output, NULL), 0);
        assert_int_equal(output->written_bytes, MUCH_BYTES);
        assert_int_equal(progress.done_bytes, MUCH_BYTES);
        output = json_output_free(output);
        (void) close(fds[1]);
        assert_int_equal(pthread_join(thread, &total), 0);
        assert_int_equal((uintptr_t) total, MUCH_BYTES);
        (void) close(fds[0]);
        progress_done(&progress);
}

static void test_pipe_and_socket_blocking_or_not(void **state)
{
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        assert_all_arrives(fds);
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
        assert_all_arrives(fds);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_all_arrives(fds);
}

static void test_flags_are_left_alone(void **state)
{
        JsonOutput *output;
        int fds[2], flags;

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        flags = fcntl(fds[1], F_GETFL);
        assert_int_equal(json_output_new(fds[1], USEC_PER_SEC, NULL, &output, NULL), 0);
        json_output_put_text(output, "x");
        json_output_flush(output);
        assert_int_equal(fcntl(fds[1], F_GETFL), flags);
        output = json_output_free(output);
        (void) close(fds[0]);
        (void) close(fds[1]);
}

static void assert_put_fails(
                int fd, uint64_t stall_usec, Progress *progress, FaultCode code, const char *words)
{
        JsonOutput *output;
        Fault fault = {0};

        assert_int_equal(json_output_new(fd, stall_usec, progress, &output, NULL), 0);
        put_much(output);
        assert_true(output->written_bytes < MUCH_BYTES);
        assert_int_equal(json_output_result(output, &fault), fault_errno(code));
        fixture_assert_fault(&fault, code, words);
        output = json_output_free(output);
}

static void assert_gone_is_told(int fds[2])
{
        (void) close(fds[0]);
        assert_put_fails(fds[1], USEC_PER_SEC, NULL, FAULT_FAILED, "went away");
        (void) close(fds[1]);
}

static void test_reader_that_is_gone(void **state)
{
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        assert_gone_is_told(fds);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_gone_is_told(fds);
}

/* Nobody ever reads; the descriptors block, and take less than one buffer. Without the guards this test
 * never ends. */
static void test_reader_that_stalls(void **state)
{
        int fds[2], small_bytes = 4096;

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        assert_true(fcntl(fds[1], F_SETPIPE_SZ, (int) JSON_OUTPUT_BUFFER_BYTES / 4) > 0);
        assert_put_fails(fds[1], 1, NULL, FAULT_BUSY, "stopped reading");
        (void) close(fds[0]);
        (void) close(fds[1]);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_int_equal(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &small_bytes, sizeof small_bytes), 0);
        assert_put_fails(fds[1], 1, NULL, FAULT_BUSY, "stopped reading");
        (void) close(fds[0]);
        (void) close(fds[1]);
}

typedef struct Cancelling {
        Progress progress;
        int fd;
} Cancelling;

/* Cancels once the pipe is full and the writer has to wait. */
static void *cancel_when_full(void *userdata)
{
        Cancelling *cancelling = userdata;

        while (atomic_load(&cancelling->progress.done_bytes) <
                        (uint64_t) fcntl(cancelling->fd, F_GETPIPE_SZ))
                (void) sched_yield();
        progress_cancel(&cancelling->progress);
        return NULL;
}

static void test_cancel_ends_the_wait_for_a_reader(void **state)
{
        Cancelling cancelling;
        pthread_t thread;
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        cancelling.fd = fds[1];
        progress_init(&cancelling.progress);
        assert_int_equal(pthread_create(&thread, NULL, cancel_when_full, &cancelling), 0);
        assert_put_fails(fds[1], LONG_USEC, &cancelling.progress, FAULT_CANCELLED, "Cancelled");
        assert_int_equal(pthread_join(thread, NULL), 0);
        progress_done(&cancelling.progress);
        (void) close(fds[0]);
        (void) close(fds[1]);
}

static void test_full_disk(void **state)
{
        const char *directory = fixture_mount_small(MIB);
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;

        assert_true(asprintf(&path, "%s/document", directory) > 0);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_put_fails(fd, USEC_PER_SEC, NULL, FAULT_NO_SPACE, "not a whole document");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                        TEST(test_unfit_descriptors_are_refused),
                        TEST(test_pipe_and_socket_blocking_or_not),
                        TEST(test_flags_are_left_alone),
                        TEST(test_reader_that_is_gone),
                        TEST(test_reader_that_stalls),
                        TEST(test_cancel_ends_the_wait_for_a_reader),
                        TEST(test_full_disk),
        };

        /* As in the service, where all signals are blocked in a worker thread. */
        (void) signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests_name("database/json-output", tests, NULL, NULL);
}
