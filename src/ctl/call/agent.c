/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/call/agent.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-login.h>

static pid_t agent_pid;

/* In the child. Its three streams are the terminal: it must not keep a pipe open that its parent writes to.
 */
static _Noreturn void run_agent(pid_t parent, int notify_fd)
{
        char number[sizeof("2147483647")];
        int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

        if (terminal < 0 || prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
                _exit(EXIT_FAILURE);
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                if (dup2(terminal, fd) < 0)
                        _exit(EXIT_FAILURE);
        if (fcntl(notify_fd, F_SETFD, 0) < 0)
                _exit(EXIT_FAILURE);
        (void) snprintf(number, sizeof number, "%d", notify_fd);
        /* A session's own agent comes first; polkit finds a fallback within sessions only. */
        (void) execlp("pkttyagent",
                        "pkttyagent",
                        "--notify-fd",
                        number,
                        sd_pid_get_session(0, NULL) >= 0 ? "--fallback" : NULL,
                        (char *) NULL);
        _exit(EXIT_FAILURE);
}

void agent_open(void)
{
        _cleanup_close_ int read_end = -EBADF, write_end = -EBADF;
        pid_t parent = getpid();
        int ends[2];
        char byte;

        if (agent_pid > 0 || geteuid() == 0 || !isatty(STDIN_FILENO) || pipe2(ends, O_CLOEXEC) < 0)
                return;
        read_end = ends[0];
        write_end = ends[1];
        agent_pid = fork();
        if (agent_pid == 0)
                run_agent(parent, write_end);
        closep(&write_end);
        write_end = -EBADF;
        /* It closes its end once it is registered, and so does the kernel when it can't run. */
        while (agent_pid > 0 && read(read_end, &byte, 1) < 0 && errno == EINTR)
                ;
}

void agent_close(void)
{
        if (agent_pid <= 0)
                return;
        (void) kill(agent_pid, SIGTERM);
        (void) kill(agent_pid, SIGCONT);
        while (waitpid(agent_pid, NULL, 0) < 0 && errno == EINTR)
                ;
        agent_pid = 0;
}
