/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The daemon's main: options, configuration, Manager, loop. */

#include <malloc.h>
#include <signal.h>
#include <sqlite3.h>

#include "base/journal.h"
#include "daemon/manager.h"
#include "daemon/state/event.h"
#include "database/connection/statement-bound.h"

/* What the loop reads through signalfd, blocked before any thread is there. A bus that went away is told by
 * write(), not by SIGPIPE. */
static void prepare_signals(void)
{
        sigset_t handled;

        (void) sigemptyset(&handled);
        (void) sigaddset(&handled, SIGTERM);
        (void) sigaddset(&handled, SIGINT);
        (void) sigaddset(&handled, SIGHUP);
        (void) sigprocmask(SIG_BLOCK, &handled, NULL);
        (void) signal(SIGPIPE, SIG_IGN);
}

/* Inherent to shared memory: whoever may write the -shm can truncate it under the mapping. Going on with an
 * index of the WAL that nobody else sees would write into the database what destroys it. */
static void on_bus_error(int signal_number)
{
        static const char words[] =
                        "<2>The memory of a mapped file went away: another process has truncated the -shm "
                        "of "
                        "the database, or its disk failed. The service ends, and is started again.\n";
        ssize_t ignored = write(STDERR_FILENO, words, sizeof words - 1);

        (void) ignored;
        (void) raise(signal_number);
}

static void prepare_bus_error(void)
{
        struct sigaction action = {.sa_handler = on_bus_error, .sa_flags = SA_RESETHAND | SA_NODEFER};

        (void) sigaction(SIGBUS, &action, NULL);
}

/* Two things about memory. SQLite counts what it allocates, for which all threads take turns at one lock,
 * also those that get the processor last.
 *
 * What a job frees goes back to the system. By default the allocator learns from the first large buffer that
 * is freed to keep as much, in each thread's own arena: 6 MiB between two backups, for six hours. */
static void prepare_memory(void)
{
        (void) sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
        statement_bound_heap();
        (void) mallopt(M_MMAP_THRESHOLD, 64 * KIB);
        (void) mallopt(M_TRIM_THRESHOLD, 64 * KIB);
        (void) mallopt(M_TOP_PAD, 16 * KIB);
}

static int load_configuration(const Options *options, Configuration *ret, Fault *fault)
{
        _cleanup_free_ char *drop_ins = NULL;
        const char *file = options_config_file(options);

        if (asprintf(&drop_ins, "%s.d", file) < 0)
                return fault_set_errno(fault, ENOMEM, "Reading the configuration");
        return configuration_load(file, options->config_file, drop_ins, ret, fault);
}

static int check_configuration(const Configuration *configuration)
{
        for (size_t i = 0; i < configuration->n_faults; i++)
                (void) fprintf(stderr, "%s\n", configuration->faults[i]);
        return configuration->n_faults > 0 ? fault_exit_code(FAULT_CONFIGURATION) : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
        _cleanup_(configuration_done) Configuration configuration = {0};
        _cleanup_(manager_freep) Manager *manager = NULL;
        _cleanup_fault_ Fault fault = {0};
        Options options;
        int r;

        prepare_signals();
        prepare_bus_error();
        prepare_memory();
        r = options_parse(argc, argv, &options);
        if (r <= 0)
                return r < 0 ? fault_exit_code(FAULT_INVALID_ARGUMENT) : EXIT_SUCCESS;
        (void) journal_set_target("auto");

        r = load_configuration(&options, &configuration, &fault);
        if (r >= 0 && options.check_config)
                return check_configuration(&configuration);
        if (r >= 0)
                r = manager_new(&options, &configuration, &manager, &fault);
        if (r >= 0)
                r = manager_start(manager, &options, &fault);
        if (r < 0) {
                event_startup_fault(&fault);
                return fault_exit_code(fault.code);
        }
        return manager_run(manager);
}
