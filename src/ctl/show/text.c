/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/show/text.h"

#include <string.h>
#include <wchar.h>

#include "base/utf8.h"

char *text_sanitize(const char *text)
{
        char *sanitized = malloc(4 * strlen(text) + 1), *end = sanitized;

        if (!sanitized)
                return NULL;
        while (*text != '\0') {
                uint32_t character;
                size_t length = utf8_decode(text, &character);

                if (length > 0 && !utf8_is_command(character))
                        end = mempcpy(end, text, length);
                else
                        for (size_t i = 0; i < MAX_OF(length, 1U); i++)
                                end += sprintf(end, "\\x%02x", (unsigned char) text[i]);
                text += MAX_OF(length, 1U);
        }
        *end = '\0';
        return sanitized;
}

size_t text_width(const char *text)
{
        size_t width = 0;

        while (*text != '\0') {
                uint32_t character;
                size_t length = utf8_decode(text, &character);
                /* In a locale without this character wcwidth() knows nothing of it: one column is the best
                 * guess. */
                int columns = length > 0 ? wcwidth((wchar_t) character) : 1;

                width += columns >= 0 ? (size_t) columns : 1;
                text += MAX_OF(length, 1U);
        }
        return width;
}

void text_print(FILE *stream, const char *text)
{
        _cleanup_free_ char *sanitized = text_sanitize(text);

        if (sanitized)
                (void) fputs(sanitized, stream);
}

void text_print_lines(FILE *stream, const char *text)
{
        while (*text != '\0') {
                size_t length = strcspn(text, "\n");
                _cleanup_free_ char *line = strndup(text, length);

                if (line)
                        text_print(stream, line);
                text += length;
                if (*text == '\n') {
                        (void) fputc('\n', stream);
                        text++;
                }
        }
}

/* Letters to add, drop, change or swap to get from one word to the other. */
static size_t distance(const char *a, const char *b)
{
        enum { LONGEST = 32 };
        size_t rows[3][LONGEST + 1], n_a = strlen(a), n_b = strlen(b);

        if (n_a > LONGEST || n_b > LONGEST)
                return SIZE_MAX;
        for (size_t j = 0; j <= n_b; j++)
                rows[0][j] = j;
        for (size_t i = 1; i <= n_a; i++) {
                size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];

                row[0] = i;
                for (size_t j = 1; j <= n_b; j++) {
                        row[j] = above[j - 1] + (a[i - 1] != b[j - 1]);
                        row[j] = MIN_OF(row[j], MIN_OF(above[j], row[j - 1]) + 1);
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                row[j] = MIN_OF(row[j], two_above[j - 2] + 1);
                }
        }
        return rows[n_a % 3][n_b];
}

const char *text_nearest(const char *word, const char *const *words, size_t n_words)
{
        size_t length = strlen(word), bound = length > 4 ? 2 : 1, best = bound + 1, n_starting = 0;
        const char *nearest = NULL, *starting = NULL;

        for (size_t i = 0; i < n_words; i++) {
                size_t d = distance(word, words[i]);

                if (d < best) {
                        best = d;
                        nearest = words[i];
                }
                if (length > 0 && strncmp(word, words[i], length) == 0) {
                        n_starting++;
                        starting = words[i];
                }
        }
        return nearest ? nearest : n_starting == 1 ? starting : NULL;
}
