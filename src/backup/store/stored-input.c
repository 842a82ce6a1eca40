/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/store/stored-input.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"

/* Of the stored form; holds any member of ours whole. */
#define BUFFER_BYTES (512 * KIB)

/* AgeSource */
static int read_stored(void *userdata, void *data, size_t size, size_t *ret, Fault *fault)
{
        StoredInput *input = userdata;
        int r = io_read_full_at(input->fd, data, size, input->stored_bytes, ret);

        if (r < 0)
                return fault_set_errno(fault, r, "Reading the stored file");
        r = input->digest ? digest_update(input->digest, data, *ret, fault) : 0;
        if (r < 0)
                return r;
        input->stored_bytes += *ret;
        (void) posix_fadvise(input->fd, (off_t) input->stored_bytes, BUFFER_BYTES, POSIX_FADV_WILLNEED);
        progress_add(input->progress, *ret);
        return 0;
}

int stored_input_begin(StoredInput *input,
                int fd,
                const AgeOpener *opener,
                Effort effort,
                Progress *progress,
                Fault *fault)
{
        struct stat status;
        int r;

        *input = (StoredInput){.fd = fd, .progress = progress};
        pace_init(&input->pace, effort.bytes_per_second);
        if (fstat(fd, &status) < 0)
                return fault_set_errno(fault, errno, "Reading the size of the file");
        /* The kernel may read megabytes ahead, and a commit of the application's would wait behind them; we
         * ask for the next buffer while one is in use, and no more. */
        (void) posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
        progress_begin(progress, "reading back", (uint64_t) status.st_size);
        input->buffer = malloc(BUFFER_BYTES);
        if (!input->buffer)
                return fault_set_errno(fault, ENOMEM, "Making room for blocks");
        r = digest_new(&input->digest, fault);
        if (r >= 0 && opener)
                r = age_reader_new(opener, read_stored, input, &input->reader, fault);
        return r;
}

void stored_input_done(StoredInput *input)
{
        input->digest = digest_free(input->digest);
        input->reader = age_reader_free(input->reader);
        free(input->buffer);
        pace_done(&input->pace);
}

int stored_input_refill(StoredInput *input, Fault *fault)
{
        size_t room, size;
        int r;

        if (input->at_end)
                return 0;
        r = pace_wait(&input->pace, BUFFER_BYTES - input->available, input->progress, fault);
        if (r < 0)
                return r;
        memmove(input->buffer, stored_input_next(input), input->available);
        input->position = 0;
        room = BUFFER_BYTES - input->available;
        if (input->reader)
                r = age_reader_read(input->reader, input->buffer + input->available, room, &size, fault);
        else
                r = read_stored(input, input->buffer + input->available, room, &size, fault);
        if (r < 0)
                return r;
        input->at_end = size < room;
        input->available += size;
        input->input_bytes += size;
        return 0;
}

const unsigned char *stored_input_next(const StoredInput *input)
{
        return input->buffer + input->position;
}

void stored_input_use_up(StoredInput *input, size_t size)
{
        input->position += size;
        input->available -= size;
}

uint64_t stored_input_used_bytes(const StoredInput *input)
{
        return input->input_bytes - input->available;
}

int stored_input_cut_short(const StoredInput *input, Fault *fault)
{
        return fault_set(fault,
                        FAULT_CORRUPT,
                        "It is cut short: the gzip data ends in the middle, after %ju bytes",
                        (uintmax_t) input->input_bytes);
}

int stored_input_damaged(uint64_t input_bytes, Fault *fault)
{
        return fault_set(fault,
                        FAULT_CORRUPT,
                        "The gzip data is damaged, before its byte %ju",
                        (uintmax_t) input_bytes);
}

int stored_input_skip_padding(StoredInput *input, Fault *fault)
{
        int r = 0;

        while (r >= 0) {
                const unsigned char *next = stored_input_next(input);
                size_t n = 0;

                while (n < input->available && next[n] == 0)
                        n++;
                stored_input_use_up(input, n);
                if (input->available > 0 || input->at_end)
                        return 0;
                r = stored_input_refill(input, fault);
        }
        return r;
}

int stored_input_require_gzip(const StoredInput *input, Fault *fault)
{
        const unsigned char *start = stored_input_next(input);
        bool first = stored_input_used_bytes(input) == 0;
        size_t member_bytes = gzip_member_stored_bytes(start, input->available);

        if (input->available < 2 || start[0] != 0x1f || start[1] != 0x8b)
                return fault_set(fault,
                                FAULT_CORRUPT,
                                first ? "It is no gzip file"
                                      : "Something that is no gzip data follows the gzip data");
        if (member_bytes > input->available && member_bytes <= STORED_MEMBER_MAX_BYTES)
                return stored_input_cut_short(input, fault);
        return 0;
}

int stored_input_finish(StoredInput *input, char ret_sha256[static DIGEST_HEX_MAX], Fault *fault)
{
        return digest_finish(input->digest, ret_sha256, fault);
}
