/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/json/input.h"

#include <poll.h>

/* Between two looks at the cancel flag while nothing arrives. */
#define POLL_MSEC 100

static int fill(JsonInput *input, Fault *fault)
{
        struct pollfd poll_fd = {.fd = input->fd, .events = POLLIN};

        for (;;) {
                ssize_t n;

                if (input->progress) {
                        int r = progress_check(input->progress, fault);

                        if (r < 0)
                                return r;
                }
                n = poll(&poll_fd, 1, POLL_MSEC);
                if (n > 0)
                        n = read(input->fd, input->buffer, sizeof input->buffer);
                else if (n == 0)
                        continue;
                if (n < 0) {
                        if (errno == EINTR || errno == EAGAIN)
                                continue;
                        return fault_set_errno(fault, errno, "Reading the document");
                }
                input->position = 0;
                input->filled = (size_t) n;
                input->read_bytes += (uint64_t) n;
                if (input->progress)
                        progress_add(input->progress, (uint64_t) n);
                return 0;
        }
}

int json_input_peek(JsonInput *input, int *ret, Fault *fault)
{
        if (input->position == input->filled) {
                int r = fill(input, fault);

                if (r < 0)
                        return r;
        }
        *ret = input->filled == 0 ? JSON_INPUT_END : input->buffer[input->position];
        return 0;
}

void json_input_advance(JsonInput *input)
{
        input->column++;
        if (input->buffer[input->position++] == '\n') {
                input->line++;
                input->column = 1;
        }
}

int json_input_skip_space(JsonInput *input, int *ret, Fault *fault)
{
        for (;;) {
                int r = json_input_peek(input, ret, fault);

                if (r < 0)
                        return r;
                if (*ret != ' ' && *ret != '\t' && *ret != '\n' && *ret != '\r')
                        return 0;
                json_input_advance(input);
        }
}
