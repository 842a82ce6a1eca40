/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/call/export-output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "ctl/call/output-file.h"

int export_output_open_file(ExportOutput *output, const char *path, Fault *fault)
{
        const char *name;
        int r = output_file_locate(path, &output->directory_fd, &name, fault);

        if (r < 0)
                return r;
        /* Said now, not after a long export; publish_commit() is who decides. */
        if (faccessat(output->directory_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "%s exists already and is left as it is. Move it away or name another file.",
                                path);
        r = publish_begin(output->directory_fd, name, 0600, &output->publication, fault);
        if (r < 0)
                return r;
        output->fd = output->publication->fd;
        return 0;
}

/* Copies what is there, at most one buffer. Returns 0 at the end, else 1. */
static int copy_some(ExportOutput *output)
{
        char buffer[64 * 1024];
        ssize_t n = read(output->pipe_read_fd, buffer, sizeof buffer);

        if (n < 0)
                return errno == EINTR || errno == EAGAIN ? 1 : -errno;
        if (n == 0)
                return 0;
        json_terminal_write(&output->escape, buffer, (size_t) n, stdout);
        (void) fflush(stdout);
        return 1;
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        int r = copy_some(userdata);

        return r < 0 ? r : 0;
}

int export_output_open_standard(ExportOutput *output, sd_event *event, Fault *fault)
{
        int ends[2], r;

        output->fd = STDOUT_FILENO;
        output->terminal = isatty(STDOUT_FILENO);
        if (!output->terminal)
                return 0;
        if (pipe2(ends, O_CLOEXEC) < 0)
                return fault_set_errno(fault, errno, "Can't make a pipe");
        output->pipe_read_fd = ends[0];
        output->pipe_write_fd = output->fd = ends[1];
        r = sd_event_add_io(event, &output->readable, output->pipe_read_fd, POLLIN, on_readable, output);
        return r < 0 ? fault_set_errno(fault, r, "Can't watch a pipe") : 0;
}

int export_output_finish(ExportOutput *output, uint64_t *ret_bytes, Fault *fault)
{
        struct stat status = {0};
        int r;

        *ret_bytes = 0;
        if (output->publication) {
                if (fstat(output->fd, &status) < 0)
                        return fault_set_errno(fault, errno, "Can't look at the export");
                *ret_bytes = (uint64_t) status.st_size;
                return publish_commit(output->publication, false, fault);
        }
        if (!output->terminal)
                return 0;
        /* The service is the only writer left, and it has ended its job. */
        closep(&output->pipe_write_fd);
        output->pipe_write_fd = -EBADF;
        while ((r = copy_some(output)) > 0)
                ;
        json_terminal_end(&output->escape, stdout);
        return r < 0 ? fault_set_errno(fault, r, "Can't read the export") : 0;
}

bool export_output_reader_left(const ExportOutput *output)
{
        struct pollfd standard = {.fd = STDOUT_FILENO, .events = POLLOUT};

        return !output->publication && !output->terminal && poll(&standard, 1, 0) > 0 &&
               standard.revents & POLLERR;
}

void export_output_done(ExportOutput *output)
{
        output->readable = sd_event_source_unref(output->readable);
        output->publication = publish_free(output->publication);
        closep(&output->directory_fd);
        closep(&output->pipe_read_fd);
        closep(&output->pipe_write_fd);
        *output = EXPORT_OUTPUT_INIT;
}
