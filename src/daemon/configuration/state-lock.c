/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/configuration/state-lock.h"

#include <fcntl.h>
#include <string.h>

#include "base/io.h"

#define LOCK_FILE ".lock"

static int fault_held(int fd, const char *directory_path, Fault *fault)
{
        char text[16] = "", path[64], command[64] = "";
        _cleanup_close_ int command_fd = -EBADF;
        size_t size = 0;
        long pid;

        (void) io_read_full_at(fd, text, sizeof(text) - 1, 0, &size);
        pid = strtol(text, NULL, 10);
        if (pid <= 0)
                return fault_set(fault,
                                FAULT_ALREADY_RUNNING,
                                "Another process holds the state directory %s; stop it first",
                                directory_path);

        (void) snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
        command_fd = open(path, O_RDONLY | O_CLOEXEC);
        if (command_fd >= 0)
                (void) io_read_full(command_fd, command, sizeof(command) - 1, &size);
        command[strcspn(command, "\n")] = '\0';
        return fault_set(fault,
                        FAULT_ALREADY_RUNNING,
                        "The state directory %s is held by process %ld (%s); stop that one first",
                        directory_path,
                        pid,
                        command[0] ? command : "name unknown");
}

int state_lock_acquire(int directory_fd, const char *directory_path, int *ret_fd, Fault *fault)
{
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        _cleanup_close_ int fd = -EBADF;
        char text[16];
        int r;

        fd = openat(directory_fd, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
        if (fd < 0)
                return fault_set_errno(fault, errno, "Opening %s/%s", directory_path, LOCK_FILE);

        if (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
                if (errno == EAGAIN || errno == EACCES)
                        return fault_held(fd, directory_path, fault);
                return fault_set_errno(fault, errno, "Locking %s/%s", directory_path, LOCK_FILE);
        }

        (void) snprintf(text, sizeof(text), "%ld\n", (long) getpid());
        r = ftruncate(fd, 0) < 0 ? -errno : io_write_all(fd, text, strlen(text));
        if (r < 0)
                return fault_set_errno(fault, r, "Writing %s/%s", directory_path, LOCK_FILE);
        *ret_fd = TAKE_FD(fd);
        return 0;
}
