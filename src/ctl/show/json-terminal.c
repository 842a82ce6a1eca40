/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/show/json-terminal.h"

/* The first byte of U+0080 to U+00BF in UTF-8. */
#define LEAD 0xc2

void json_terminal_write(JSONTerminal *state, const char *data, size_t size, FILE *stream)
{
        for (size_t i = 0; i < size; i++) {
                unsigned char byte = (unsigned char) data[i];

                if (state->lead) {
                        state->lead = false;
                        if (byte >= 0x80 && byte < 0xa0) {
                                (void) fprintf(stream, "\\u%04x", byte);
                                continue;
                        }
                        (void) fputc(LEAD, stream);
                }
                if (byte == LEAD)
                        state->lead = true;
                else if (byte == 0x7f)
                        (void) fputs("\\u007f", stream);
                else
                        (void) fputc(byte, stream);
        }
}

void json_terminal_end(JSONTerminal *state, FILE *stream)
{
        if (state->lead)
                (void) fputc(LEAD, stream);
        state->lead = false;
}
