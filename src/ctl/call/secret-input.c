/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/call/secret-input.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <termios.h>

#include "base/io.h"
#include "base/utf8.h"

/* Far more than any service takes, which says so itself. */
#define SECRET_MAX_BYTES 1024

/* With the terminal as it is meanwhile, nobody sees what they type. */
static const int ending_signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};

static volatile sig_atomic_t caught_signal;

/* The terminal without echo, and those signals only while it is waited for, so that none gets lost between.
 */
typedef struct Silence {
        struct termios terminal;
        sigset_t mask;
        struct sigaction actions[ELEMENTSOF(ending_signals)];
} Silence;

void secret_done(Secret *secret)
{
        if (secret->text)
                explicit_bzero(secret->text, strlen(secret->text));
        free(secret->text);
        *secret = (Secret){0};
}

static void on_signal(int signal)
{
        caught_signal = signal;
}

/* With `terminal` filled; to be ended also when it fails. */
static int silence_begin(Silence *silence)
{
        struct sigaction action = {.sa_handler = on_signal};
        struct termios quiet;
        sigset_t ending;

        (void) sigemptyset(&ending);
        for (size_t i = 0; i < ELEMENTSOF(ending_signals); i++)
                (void) sigaddset(&ending, ending_signals[i]);
        (void) sigprocmask(SIG_BLOCK, &ending, &silence->mask);
        caught_signal = 0;
        for (size_t i = 0; i < ELEMENTSOF(ending_signals); i++)
                (void) sigaction(ending_signals[i], &action, &silence->actions[i]);

        quiet = silence->terminal;
        quiet.c_lflag &= ~(tcflag_t) (ECHO | ECHOE | ECHOK | ECHONL);
        return tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) < 0 ? -errno : 0;
}

/* A signal that came is delivered at last, to whom it was meant for. */
static void silence_end(Silence *silence)
{
        (void) tcsetattr(STDIN_FILENO, TCSADRAIN, &silence->terminal);
        for (size_t i = 0; i < ELEMENTSOF(ending_signals); i++)
                (void) sigaction(ending_signals[i], &silence->actions[i], NULL);
        if (caught_signal != 0)
                (void) raise(caught_signal);
        (void) sigprocmask(SIG_SETMASK, &silence->mask, NULL);
}

/* A byte of standard input; 0 at its end. */
static int read_byte(const Silence *silence, char *ret)
{
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        ssize_t n;

        if (silence && ppoll(&input, 1, NULL, &silence->mask) < 0)
                return caught_signal != 0 ? -ECANCELED : -errno;
        do
                n = read(STDIN_FILENO, ret, 1);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : (int) n;
}

/* Byte by byte: what a stream would read ahead would stay in its buffer. */
static int read_line(const Silence *silence, char text[static SECRET_MAX_BYTES + 1])
{
        size_t n = 0;
        int r;

        for (;;) {
                char byte;

                r = read_byte(silence, &byte);
                if (r <= 0 || byte == '\n')
                        break;
                if (byte == '\0')
                        return -EILSEQ;
                if (n == SECRET_MAX_BYTES)
                        return -EMSGSIZE;
                text[n++] = byte;
        }
        text[n] = '\0';
        return r < 0 ? r : 0;
}

static int ask(const Silence *silence, const char *prompt, char text[static SECRET_MAX_BYTES + 1])
{
        int r;

        if (silence)
                (void) io_write_all(STDERR_FILENO, prompt, strlen(prompt));
        r = read_line(silence, text);
        if (silence)
                (void) io_write_all(STDERR_FILENO, "\n", 1);
        return r;
}

static int explain(int r, Fault *fault)
{
        switch (r) {
        case -ECANCELED:
                return fault_set(fault, FAULT_CANCELLED, "Interrupted; nothing was done.");
        case -EILSEQ:
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "The password is not text in UTF-8, or has a NUL byte in it.");
        case -EMSGSIZE:
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "The password is longer than %d bytes.",
                                SECRET_MAX_BYTES);
        default:
                return fault_set_errno(fault, r, "Can't read the password");
        }
}

static int read_texts(const char *prompt,
                const char *again,
                char first[static SECRET_MAX_BYTES + 1],
                char second[static SECRET_MAX_BYTES + 1],
                bool *ret_same)
{
        bool terminal = isatty(STDIN_FILENO);
        Silence silence;
        int r;

        /* A terminal that hangs up in between has told nothing that could be put back. */
        if (terminal && tcgetattr(STDIN_FILENO, &silence.terminal) < 0)
                return -errno;
        r = terminal ? silence_begin(&silence) : 0;
        if (r >= 0)
                r = ask(terminal ? &silence : NULL, prompt, first);
        if (r >= 0 && terminal && again)
                r = ask(&silence, again, second);
        if (terminal)
                silence_end(&silence);
        *ret_same = !terminal || !again || strcmp(first, second) == 0;
        return r;
}

int secret_read(const char *prompt, const char *again, Secret *ret, Fault *fault)
{
        const struct rlimit none = {0, 0};
        char first[SECRET_MAX_BYTES + 1] = "", second[SECRET_MAX_BYTES + 1] = "";
        bool same = false;
        int r;

        if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
                return fault_set_errno(fault, errno, "Can't keep a password out of a core file");
        r = read_texts(prompt, again, first, second, &same);
        if (r >= 0 && !utf8_is_valid(first))
                r = -EILSEQ;
        if (r < 0)
                r = explain(r, fault);
        else if (!same)
                r = fault_set(fault, FAULT_INVALID_ARGUMENT, "The two passwords are not the same.");
        else if (first[0] == '\0')
                r = fault_set(fault, FAULT_INVALID_ARGUMENT, "No password was given.");
        else {
                ret->text = strdup(first);
                if (!ret->text)
                        r = fault_set_errno(fault, ENOMEM, "Can't read the password");
        }
        explicit_bzero(first, sizeof first);
        explicit_bzero(second, sizeof second);
        return r;
}
