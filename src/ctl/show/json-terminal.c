/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/show/json-terminal.h"

#include "base/utf8.h"

/* How many bytes the character has that starts with this one; 0 when none of more than one does. */
static size_t length_after(unsigned char lead)
{
        return lead >= 0xc2 && lead < 0xe0   ? 2
               : lead >= 0xe0 && lead < 0xf0 ? 3
               : lead >= 0xf0 && lead < 0xf5 ? 4
                                             : 0;
}

static void write_held(JSONTerminal *state, FILE *stream)
{
        uint32_t character;

        state->held[state->n_held] = '\0';
        if (utf8_decode(state->held, &character) == state->n_held && utf8_is_command(character))
                (void) fprintf(stream, "\\u%04x", (unsigned) character);
        else
                (void) fputs(state->held, stream);
        state->n_held = 0;
}

void json_terminal_write(JSONTerminal *state, const char *data, size_t size, FILE *stream)
{
        for (size_t i = 0; i < size; i++) {
                unsigned char byte = (unsigned char) data[i];

                /* What breaks off is written as it is. */
                if (state->n_held > 0 && (byte & 0xc0) != 0x80)
                        write_held(state, stream);
                if (state->n_held > 0 || length_after(byte) > 0) {
                        state->held[state->n_held++] = (char) byte;
                        if (state->n_held == length_after((unsigned char) state->held[0]))
                                write_held(state, stream);
                } else if (byte == 0x7f)
                        (void) fputs("\\u007f", stream);
                else
                        (void) fputc(byte, stream);
        }
}

void json_terminal_end(JSONTerminal *state, FILE *stream)
{
        write_held(state, stream);
}
