/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "age/armor.h"

#include <string.h>

#include "base/base64.h"
#include "base/io.h"

#define ARMOR_END "-----END AGE ENCRYPTED FILE-----"
#define ARMOR_COLUMNS 64
#define LINE_BYTES (ARMOR_COLUMNS / 4 * 3)
#define SPACE_MAX_BYTES 1024 /* before and after, as the `age` program has it */
#define INPUT_BYTES (64 * KIB)

typedef struct Armor {
        int source_fd;
        uint64_t offset_bytes; /* of the next read */
        char input[INPUT_BYTES];
        size_t position, size; /* in the input */

        int target_fd;
        unsigned char output[ARMOR_COLUMNS * LINE_BYTES];
        size_t output_size;
} Armor;

static int damaged(Fault *fault)
{
        return fault_set(fault, FAULT_CORRUPT, "The ASCII armor of the age file is damaged or cut short");
}

/* 1 with the next character, 0 at the end. */
static int next_character(Armor *armor, char *ret, Fault *fault)
{
        int r;

        if (armor->position == armor->size) {
                r = io_read_full_at(armor->source_fd,
                                armor->input,
                                sizeof armor->input,
                                armor->offset_bytes,
                                &armor->size);
                if (r < 0)
                        return fault_set_errno(fault, r, "Reading the file");
                armor->offset_bytes += armor->size;
                armor->position = 0;
        }
        if (armor->size == 0)
                return 0;
        *ret = armor->input[armor->position++];
        return 1;
}

static bool is_space(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A line without its end; what is longer than any line of the armor is damage. The last one needs no end. */
static int read_line(Armor *armor, char ret[static ARMOR_COLUMNS + 2], size_t *ret_length, Fault *fault)
{
        size_t length = 0;

        for (;;) {
                char c = '\0';
                int r = next_character(armor, &c, fault);

                if (r < 0)
                        return r;
                if (r == 0 || c == '\n')
                        break;
                if (length > ARMOR_COLUMNS || c == '\0')
                        return damaged(fault);
                ret[length++] = c;
        }
        if (length > 0 && ret[length - 1] == '\r')
                length--;
        ret[length] = '\0';
        *ret_length = length;
        return 0;
}

static int flush(Armor *armor, Fault *fault)
{
        int r = io_write_all(armor->target_fd, armor->output, armor->output_size);

        armor->output_size = 0;
        return r < 0 ? fault_set_errno(fault, r, "Writing the decoded file") : 0;
}

static int decode_line(Armor *armor, char *line, size_t length, Fault *fault)
{
        size_t n_bytes;

        if (length == 0 || base64_decode(line, length, &n_bytes) < 0)
                return damaged(fault);
        memcpy(armor->output + armor->output_size, line, n_bytes);
        armor->output_size += n_bytes;
        return armor->output_size + LINE_BYTES > sizeof armor->output ? flush(armor, fault) : 0;
}

static int read_start(Armor *armor, Fault *fault)
{
        char line[ARMOR_COLUMNS + 2], c = '\0';
        size_t length, n_space = 0;
        int r;

        do {
                r = next_character(armor, &c, fault);
                if (r < 0)
                        return r;
                if (r == 0 || n_space++ > SPACE_MAX_BYTES)
                        return damaged(fault);
        } while (is_space(c));
        armor->position--;
        r = read_line(armor, line, &length, fault);
        if (r < 0)
                return r;
        return strcmp(line, AGE_ARMOR_START) == 0 ? 0 : damaged(fault);
}

static int decode_lines(Armor *armor, Progress *progress, Fault *fault)
{
        bool last = false;

        for (;;) {
                char line[ARMOR_COLUMNS + 2];
                size_t length;
                bool ends;
                int r = read_line(armor, line, &length, fault);

                if (r >= 0 && strcmp(line, ARMOR_END) == 0)
                        return flush(armor, fault);
                if (r >= 0 && (last || length > ARMOR_COLUMNS))
                        r = damaged(fault);
                if (r < 0)
                        return r;
                ends = length < ARMOR_COLUMNS || line[length - 1] == '=';
                r = decode_line(armor, line, length, fault);
                if (r >= 0)
                        r = progress_check(progress, fault);
                if (r < 0)
                        return r;
                last = ends;
        }
}

static int read_end(Armor *armor, Fault *fault)
{
        for (size_t n_space = 0;; n_space++) {
                char c = '\0';
                int r = next_character(armor, &c, fault);

                if (r <= 0)
                        return r;
                if (!is_space(c) || n_space >= SPACE_MAX_BYTES)
                        return damaged(fault);
        }
}

int age_armor_decode(int source_fd, int target_fd, Progress *progress, Fault *fault)
{
        _cleanup_free_ Armor *armor = malloc(sizeof(Armor));
        int r;

        if (!armor)
                return fault_set_errno(fault, ENOMEM, "Reading an armored age file");
        armor->source_fd = source_fd;
        armor->target_fd = target_fd;
        armor->offset_bytes = armor->position = armor->size = armor->output_size = 0;
        r = read_start(armor, fault);
        if (r >= 0)
                r = decode_lines(armor, progress, fault);
        if (r >= 0)
                r = read_end(armor, fault);
        return r;
}
