/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/json/reader.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "database/json/real.h"
#include "database/json/unicode.h"

int json_reader_new(int fd, Progress *progress, JsonReader **ret, Fault *fault)
{
        JsonReader *reader = calloc(1, sizeof *reader);

        if (!reader)
                return fault_set_errno(fault, ENOMEM, "Making a buffer");
        reader->input.fd = fd;
        reader->input.progress = progress;
        reader->input.line = reader->input.column = 1;
        reader->token_line = reader->token_column = 1;
        reader->text_max_bytes = JSON_READER_TEXT_BYTES;
        *ret = reader;
        return 0;
}

JsonReader *json_reader_free(JsonReader *reader)
{
        if (!reader)
                return NULL;
        free(reader->text);
        free(reader);
        return NULL;
}

int json_reader_complain(const JsonReader *reader, Fault *fault, const char *format, ...)
{
        _cleanup_free_ char *words = NULL;
        va_list arguments;

        va_start(arguments, format);
        if (vasprintf(&words, format, arguments) < 0)
                words = NULL;
        va_end(arguments);
        return fault_set(fault,
                        FAULT_INVALID_ARGUMENT,
                        "Line %" PRIu64 ", column %" PRIu64 " of the document: %s",
                        reader->token_line,
                        reader->token_column,
                        words ? words : "malformed");
}

/* At the character, not at the start of the token it is in. */
static int complain_here(JsonReader *reader, Fault *fault, const char *words)
{
        reader->token_line = reader->input.line;
        reader->token_column = reader->input.column;
        return json_reader_complain(reader, fault, "%s", words);
}

static int append(JsonReader *reader, const void *bytes, size_t size_bytes, Fault *fault)
{
        size_t needed_bytes = reader->text_bytes + size_bytes;

        if (needed_bytes > reader->text_max_bytes)
                return json_reader_complain(reader,
                                fault,
                                "longer than the %zu bytes allowed here",
                                reader->text_max_bytes);
        if (needed_bytes + 1 > reader->text_allocated_bytes) {
                size_t allocated_bytes = MAX_OF(needed_bytes + 1, 2 * reader->text_allocated_bytes);
                char *text = realloc(reader->text, allocated_bytes);

                if (!text)
                        return fault_set_errno(fault, ENOMEM, "Reading the document");
                reader->text = text;
                reader->text_allocated_bytes = allocated_bytes;
        }
        if (size_bytes > 0)
                memcpy(reader->text + reader->text_bytes, bytes, size_bytes);
        reader->text_bytes = needed_bytes;
        reader->text[needed_bytes] = '\0';
        return 0;
}

static int hex_value(int digit)
{
        if (digit >= '0' && digit <= '9')
                return digit - '0';
        if (digit >= 'a' && digit <= 'f')
                return digit - 'a' + 10;
        return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* The four digits of \uXXXX. */
static int read_unit(JsonReader *reader, uint32_t *ret, Fault *fault)
{
        uint32_t unit = 0;

        for (unsigned i = 0; i < 4; i++) {
                int character, value, r;

                r = json_input_peek(&reader->input, &character, fault);
                if (r < 0)
                        return r;
                value = hex_value(character);
                if (value < 0)
                        return complain_here(reader, fault, "four hexadecimal digits must follow \\u");
                unit = unit << 4 | (uint32_t) value;
                json_input_advance(&reader->input);
        }
        *ret = unit;
        return 0;
}

static int expect_character(JsonReader *reader, char expected, const char *otherwise, Fault *fault)
{
        int character, r;

        r = json_input_peek(&reader->input, &character, fault);
        if (r < 0)
                return r;
        if (character != expected)
                return complain_here(reader, fault, otherwise);
        json_input_advance(&reader->input);
        return 0;
}

static int read_unicode_escape(JsonReader *reader, Fault *fault)
{
        static const char lone[] = "half of a surrogate pair";
        uint32_t character, low;
        char encoded[4];
        int r;

        r = read_unit(reader, &character, fault);
        if (r < 0)
                return r;
        if (character >= 0xdc00 && character <= 0xdfff)
                return complain_here(reader, fault, lone);
        if (character >= 0xd800 && character <= 0xdbff) {
                r = expect_character(reader, '\\', lone, fault);
                if (r >= 0)
                        r = expect_character(reader, 'u', lone, fault);
                if (r >= 0)
                        r = read_unit(reader, &low, fault);
                if (r < 0)
                        return r;
                if (low < 0xdc00 || low > 0xdfff)
                        return complain_here(reader, fault, lone);
                character = 0x10000 + ((character - 0xd800) << 10 | (low - 0xdc00));
        }
        return append(reader, encoded, json_utf8_encode(character, encoded), fault);
}

static int read_escape(JsonReader *reader, Fault *fault)
{
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        const char *found;
        int character, r;

        json_input_advance(&reader->input);
        r = json_input_peek(&reader->input, &character, fault);
        if (r < 0)
                return r;
        if (character == 'u') {
                json_input_advance(&reader->input);
                return read_unicode_escape(reader, fault);
        }
        found = character > 0 ? strchr(from, character) : NULL;
        if (!found)
                return complain_here(reader, fault, "no such escape in a string");
        json_input_advance(&reader->input);
        return append(reader, &to[found - from], 1, fault);
}

/* Takes what lies in the buffer up to the next character that means something. */
static int read_plain(JsonReader *reader, Fault *fault)
{
        const unsigned char *begin = reader->input.buffer + reader->input.position;
        size_t n = 0, left = reader->input.filled - reader->input.position;

        while (n < left && begin[n] >= 0x20 && begin[n] != '"' && begin[n] != '\\')
                n++;
        reader->input.position += n;
        reader->input.column += n;
        return append(reader, begin, n, fault);
}

static int read_string(JsonReader *reader, Fault *fault)
{
        int character, r;

        json_input_advance(&reader->input);
        reader->text_bytes = 0;
        r = append(reader, NULL, 0, fault);
        while (r >= 0) {
                r = json_input_peek(&reader->input, &character, fault);
                if (r < 0)
                        break;
                if (character == JSON_INPUT_END)
                        return complain_here(reader, fault, "the document ends inside a string");
                if (character == '"') {
                        json_input_advance(&reader->input);
                        break;
                }
                if (character < 0x20)
                        return complain_here(
                                        reader, fault, "a control character in a string must be escaped");
                r = character == '\\' ? read_escape(reader, fault) : read_plain(reader, fault);
        }
        if (r < 0)
                return r;
        if (json_valid_utf8(reader->text, reader->text_bytes) != reader->text_bytes)
                return json_reader_complain(reader, fault, "a string that is not valid UTF-8");
        return 0;
}

static bool is_number_syntax(const char *text, bool *ret_real)
{
        const char *position = text + (text[0] == '-');
        size_t n_digits = strspn(position, "0123456789");

        *ret_real = false;
        if (n_digits == 0 || (position[0] == '0' && n_digits > 1))
                return false;
        position += n_digits;
        if (*position == '.') {
                n_digits = strspn(++position, "0123456789");
                if (n_digits == 0)
                        return false;
                position += n_digits;
                *ret_real = true;
        }
        if (*position == 'e' || *position == 'E') {
                position++;
                position += *position == '+' || *position == '-';
                n_digits = strspn(position, "0123456789");
                if (n_digits == 0)
                        return false;
                position += n_digits;
                *ret_real = true;
        }
        return *position == '\0';
}

static int read_number(JsonReader *reader, JsonToken *ret, Fault *fault)
{
        char text[JSON_READER_NUMBER_MAX + 1];
        size_t length = 0;
        bool is_real;

        for (;;) {
                int character, r;

                r = json_input_peek(&reader->input, &character, fault);
                if (r < 0)
                        return r;
                if (character <= 0 || !strchr("0123456789+-.eE", character))
                        break;
                if (length == JSON_READER_NUMBER_MAX)
                        return json_reader_complain(reader, fault, "a number that is too long");
                text[length++] = (char) character;
                json_input_advance(&reader->input);
        }
        text[length] = '\0';
        if (!is_number_syntax(text, &is_real))
                return json_reader_complain(reader, fault, "malformed number %s", text);
        if (is_real) {
                if (json_real_parse(text, &reader->real) < 0)
                        return json_reader_complain(reader, fault, "%s is too large for a real", text);
                *ret = JSON_REAL;
                return 0;
        }
        errno = 0;
        reader->integer = strtoll(text, NULL, 10);
        if (errno == ERANGE)
                return json_reader_complain(
                                reader, fault, "%s is too large for an integer of 64 bits", text);
        *ret = JSON_INTEGER;
        return 0;
}

static int read_word(JsonReader *reader, JsonToken *ret, Fault *fault)
{
        static const struct {
                const char *word;
                JsonToken token;
        } words[] = {{"true", JSON_TRUE}, {"false", JSON_FALSE}, {"null", JSON_NULL}};
        char text[8];
        size_t length = 0;

        for (;;) {
                int character, r;

                r = json_input_peek(&reader->input, &character, fault);
                if (r < 0)
                        return r;
                if (character < 'a' || character > 'z' || length == sizeof text - 1)
                        break;
                text[length++] = (char) character;
                json_input_advance(&reader->input);
        }
        text[length] = '\0';
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (strcmp(text, words[i].word) == 0) {
                        *ret = words[i].token;
                        return 0;
                }
        return json_reader_complain(reader, fault, "not JSON: a value should begin here");
}

static int open_container(JsonReader *reader, bool is_object, Fault *fault)
{
        if (reader->depth == JSON_READER_DEPTH_MAX)
                return json_reader_complain(
                                reader, fault, "nested deeper than %d levels", JSON_READER_DEPTH_MAX);
        json_input_advance(&reader->input);
        reader->is_object[reader->depth++] = is_object;
        reader->after_value = reader->after_comma = false;
        return 0;
}

static int close_container(JsonReader *reader, bool is_object, Fault *fault)
{
        if (reader->depth == 0 || reader->is_object[reader->depth - 1] != is_object || reader->after_comma ||
                        reader->after_key)
                return json_reader_complain(reader, fault, "a bracket closes what is not open");
        json_input_advance(&reader->input);
        reader->depth--;
        reader->after_value = true;
        return 0;
}

static int read_value(JsonReader *reader, int character, JsonToken *ret, Fault *fault)
{
        int r;

        reader->after_key = false;
        if (character == '{' || character == '[') {
                *ret = character == '{' ? JSON_OBJECT_BEGIN : JSON_ARRAY_BEGIN;
                return open_container(reader, character == '{', fault);
        }
        if (character == '"') {
                *ret = JSON_STRING;
                r = read_string(reader, fault);
        } else if (character == '-' || (character >= '0' && character <= '9'))
                r = read_number(reader, ret, fault);
        else
                r = read_word(reader, ret, fault);
        reader->after_value = true;
        reader->after_comma = false;
        return r;
}

static int read_key(JsonReader *reader, int character, Fault *fault)
{
        int r;

        if (character != '"')
                return json_reader_complain(reader, fault, "a name in quotes should begin here");
        r = read_string(reader, fault);
        if (r >= 0)
                r = json_input_skip_space(&reader->input, &character, fault);
        if (r < 0)
                return r;
        reader->after_comma = false;
        reader->after_key = true;
        return expect_character(reader, ':', "a colon must follow the name", fault);
}

/* Skips space and the comma between values; *ret is the first character of what comes. */
static int next_character(JsonReader *reader, int *ret, Fault *fault)
{
        int r = json_input_skip_space(&reader->input, ret, fault);

        if (r >= 0 && reader->depth > 0 && reader->after_value && *ret == ',') {
                json_input_advance(&reader->input);
                reader->after_value = false;
                reader->after_comma = true;
                r = json_input_skip_space(&reader->input, ret, fault);
        }
        reader->token_line = reader->input.line;
        reader->token_column = reader->input.column;
        return r;
}

int json_reader_next(JsonReader *reader, JsonToken *ret, Fault *fault)
{
        int character, r;

        r = next_character(reader, &character, fault);
        if (r < 0)
                return r;
        if (character == JSON_INPUT_END) {
                if (reader->depth > 0)
                        return json_reader_complain(
                                        reader, fault, "the document ends in the middle; it was cut short");
                *ret = JSON_END;
                return 0;
        }
        if (character == '}' || character == ']') {
                *ret = character == '}' ? JSON_OBJECT_END : JSON_ARRAY_END;
                return close_container(reader, character == '}', fault);
        }
        if (reader->depth > 0 && reader->after_value)
                return json_reader_complain(reader, fault, "a comma or a closing bracket should be here");
        if (reader->depth > 0 && reader->is_object[reader->depth - 1] && !reader->after_key) {
                *ret = JSON_KEY;
                return read_key(reader, character, fault);
        }
        return read_value(reader, character, ret, fault);
}

int json_reader_expect(JsonReader *reader, JsonToken token, const char *what, Fault *fault)
{
        JsonToken found;
        int r;

        r = json_reader_next(reader, &found, fault);
        if (r < 0)
                return r;
        if (found != token)
                return json_reader_complain(reader, fault, "expected %s", what);
        return 0;
}

bool json_reader_text_is(const JsonReader *reader, const char *expected)
{
        return reader->text_bytes == strlen(expected) &&
               memcmp(reader->text, expected, reader->text_bytes) == 0;
}
