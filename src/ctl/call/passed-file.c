/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/call/passed-file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "ctl/call/input-file.h"
#include "ctl/show/text.h"

/* https://www.sqlite.org/fileformat2.html#walformat */
#define WAL_SUFFIX "-wal"
#define WAL_HEADER_BYTES 32
#define WAL_FRAME_HEADER_BYTES 24

int passed_file_check_transport(const Session *session, const char *verb, Fault *fault)
{
        /* sd-bus would hand the descriptor to the local ssh, which loses it without a word. */
        if (session->arguments->transport == TRANSPORT_HOST)
                return fault_set(fault,
                                FAULT_NOT_SUPPORTED,
                                "Files can't be passed to a service on another host. Run it there: `ssh %s "
                                "oracxpredctl %s ...`.",
                                session->arguments->target,
                                verb);
        if (sd_bus_can_send(session->bus, SD_BUS_TYPE_UNIX_FD) <= 0)
                return fault_set(fault,
                                FAULT_NOT_SUPPORTED,
                                "This bus connection can't pass files, which '%s' needs. Run it on the host "
                                "of the service, through its own bus.",
                                verb);
        return 0;
}

int passed_file_open(const char *path, int *ret_fd, char **ret_path, Fault *fault)
{
        _cleanup_close_ int fd = -EBADF;
        struct stat status;
        char *absolute;

        if (strcmp(path, INPUT_FILE_NAME) == 0)
                return input_file_collect(ret_fd, ret_path, fault);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &status) < 0)
                return fault_set_errno(fault, errno, "Can't open %s", path);
        if (!S_ISREG(status.st_mode))
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "%s is no regular file. Copy the data to one and name that, or give it on "
                                "standard input and name '-'.",
                                path);
        absolute = realpath(path, NULL);
        if (!absolute)
                return fault_set_errno(fault, errno, "Can't find where %s is", path);
        *ret_fd = TAKE_FD(fd);
        *ret_path = absolute;
        return 0;
}

/* SQLite rolls a journal back unless its header is overwritten with zeros, as journal_mode=PERSIST leaves
 * it; a log that is no longer than its header and that of one frame has no page. What can't be read may hold
 * anything. */
static bool has_changes(const char *path, const char *suffix, off_t size)
{
        _cleanup_close_ int fd = -EBADF;
        char first = 1;

        if (strcmp(suffix, WAL_SUFFIX) == 0)
                return size > WAL_HEADER_BYTES + WAL_FRAME_HEADER_BYTES;
        if (size == 0)
                return false;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        return fd < 0 || read(fd, &first, 1) != 1 || first != 0;
}

int passed_file_check_complete(const char *path, Fault *fault)
{
        static const char *const suffixes[] = {WAL_SUFFIX, "-journal"};

        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                _cleanup_free_ char *beside = NULL;
                struct stat status;

                if (asprintf(&beside, "%s%s", path, suffixes[i]) < 0) {
                        beside = NULL;
                        return fault_set_errno(fault, ENOMEM, "Can't look beside %s", path);
                }
                if (stat(beside, &status) < 0) {
                        /* What has no room for the suffix has no such file either. */
                        if (errno == ENOENT || errno == ENAMETOOLONG)
                                continue;
                        return fault_set_errno(fault, errno, "Can't look at %s", beside);
                }
                if (has_changes(beside, suffixes[i], status.st_size))
                        return fault_set(fault,
                                        FAULT_INVALID_ARGUMENT,
                                        "%s has changes that %s itself lacks. Close the application that "
                                        "has it open, or let the application's user, not root, copy it with "
                                        "SQLite's `.backup`, and name the copy.",
                                        beside,
                                        path);
        }
        return 0;
}

int passed_file_append(sd_bus_message *call, const char *key, int fd)
{
        return sd_bus_message_append(call, "{sv}", key, "h", fd);
}

int passed_file_append_name(sd_bus_message *call, const char *path)
{
        _cleanup_free_ char *name = text_sanitize(path);

        return name ? sd_bus_message_append(call, "{sv}", "source-name", "s", name) : -ENOMEM;
}

static int append_key(const Session *session,
                sd_bus_message *call,
                const char *key,
                const char *path,
                Fault *fault)
{
        _cleanup_free_ char *absolute = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (!path)
                return 0;
        r = passed_file_check_transport(session, session->arguments->verb->name, fault);
        if (r >= 0)
                r = passed_file_open(path, &fd, &absolute, fault);
        if (r < 0)
                return r;
        r = passed_file_append(call, key, fd);
        return r < 0 ? session_set_errno(r, fault) : 0;
}

int passed_file_append_keys(const Session *session, sd_bus_message *call, Fault *fault)
{
        int r = append_key(session, call, "identity", session->arguments->identity, fault);

        if (r >= 0)
                r = append_key(session, call, "passphrase", session->arguments->passphrase_file, fault);
        return r;
}
