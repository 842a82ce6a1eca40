/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/show/terminal.h"

#include <fcntl.h>
#include <langinfo.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <systemd/sd-login.h>

#include "ctl/show/table.h"
#include "ctl/show/text.h"

extern char **environ;

static pid_t pager_pid;

static bool takes_colour(int fd)
{
        const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

        /* https://no-color.org: present and not empty. */
        return isatty(fd) && !(no_colour && no_colour[0] != '\0') && term && strcmp(term, "dumb") != 0;
}

bool terminal_colour(void)
{
        static int answer = -1;

        if (answer < 0)
                answer = takes_colour(STDOUT_FILENO);
        return answer;
}

GraphSet terminal_graphs(void)
{
        static GraphSet answer = _GRAPH_SET_INVALID;
        const char *term = getenv("TERM");

        if (answer < 0) {
                answer = GRAPH_NONE;
                if (isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0)
                        answer = strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? GRAPH_UNICODE : GRAPH_ASCII;
        }
        return answer;
}

void terminal_print_fault(const char *title, const char *message)
{
        bool colour = takes_colour(STDERR_FILENO);

        (void) fputs(style_begin(STYLE_BAD, colour), stderr);
        text_print(stderr, title);
        (void) fputs(": ", stderr);
        text_print(stderr, message);
        (void) fprintf(stderr, "%s\n", style_end(STYLE_BAD, colour));
}

bool terminal_confirm(const char *question)
{
        FILE *stream = isatty(STDERR_FILENO) ? stderr : stdout;
        char answer[64];

        (void) fflush(stdout);
        text_print(stream, question);
        (void) fputs(" [y/N] ", stream);
        (void) fflush(stream);
        if (!fgets(answer, sizeof answer, stdin)) {
                (void) fputc('\n', stream);
                return false;
        }
        return rpmatch(answer) > 0;
}

size_t terminal_width_errors(void)
{
        struct winsize size = {0};

        return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 ? 80 : size.ws_col;
}

/* In the session of somebody else (sudo, a service) a pager must not be a way to run commands: man
 * systemctl, $SYSTEMD_PAGERSECURE. */
static bool pager_must_be_secure(void)
{
        const char *said = getenv("SYSTEMD_PAGERSECURE");
        uid_t uid;

        if (said)
                return !(strcmp(said, "0") == 0 || strcmp(said, "no") == 0 || strcmp(said, "false") == 0);
        return sd_pid_get_owner_uid(0, &uid) < 0 || uid != geteuid();
}

static void set_less_environment(bool secure)
{
        const char *options = getenv("SYSTEMD_LESS"), *charset = getenv("SYSTEMD_LESSCHARSET");

        (void) setenv("LESS", options ? options : "FRSXMK", 1);
        if (charset)
                (void) setenv("LESSCHARSET", charset, 1);
        else if (strcmp(nl_langinfo(CODESET), "UTF-8") == 0)
                (void) setenv("LESSCHARSET", "utf-8", 1);
        if (secure)
                (void) setenv("LESSSECURE", "1", 1);
}

/* Starts one pager, split at blanks, reading from `fd`. */
static int spawn_pager(const char *command, int fd)
{
        _cleanup_free_ char *copy = strdup(command);
        posix_spawn_file_actions_t actions;
        char *words[16], *state = NULL;
        size_t n = 0;
        pid_t pid;
        int r;

        if (!copy)
                return -ENOMEM;
        for (char *word = strtok_r(copy, " \t", &state); word && n + 1 < ELEMENTSOF(words);
                        word = strtok_r(NULL, " \t", &state))
                words[n++] = word;
        words[n] = NULL;
        if (n == 0)
                return -ENOENT;
        r = -posix_spawn_file_actions_init(&actions);
        if (r < 0)
                return r;
        r = -posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
        if (r == 0)
                r = -posix_spawnp(&pid, words[0], &actions, NULL, words, environ);
        (void) posix_spawn_file_actions_destroy(&actions);
        if (r == 0)
                pager_pid = pid;
        return r;
}

void terminal_open_pager(bool no_pager)
{
        _cleanup_close_ int read_end = -EBADF, write_end = -EBADF;
        const char *wished = getenv("SYSTEMD_PAGER");
        bool secure;
        int ends[2];

        (void) terminal_colour();
        if (no_pager || pager_pid > 0 || !isatty(STDOUT_FILENO))
                return;
        if (!wished)
                wished = getenv("PAGER");
        if (wished && (wished[0] == '\0' || strcmp(wished, "cat") == 0))
                return;
        if (pipe2(ends, O_CLOEXEC) < 0)
                return;
        read_end = ends[0];
        write_end = ends[1];

        secure = pager_must_be_secure();
        set_less_environment(secure);
        /* more(1) and others know no secure mode. */
        if ((secure || !wished || spawn_pager(wished, read_end) < 0) && spawn_pager("less", read_end) < 0 &&
                        (secure || spawn_pager("more", read_end) < 0))
                return;
        /* Leaving the pager early is no fault. */
        (void) signal(SIGPIPE, SIG_IGN);
        (void) fflush(stdout);
        (void) dup2(write_end, STDOUT_FILENO);
}

int terminal_finish(void)
{
        bool paged = pager_pid > 0;
        int failed;

        errno = 0;
        failed = ferror(stdout) | fclose(stdout);
        if (paged)
                while (waitpid(pager_pid, NULL, 0) < 0 && errno == EINTR)
                        ;
        if (failed && !paged)
                return errno > 0 ? -errno : -EIO;
        return 0;
}
