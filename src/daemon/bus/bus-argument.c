/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/bus/bus-argument.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/names.h"
#include "base/utf8.h"

#define NAME_MAX_BYTES 1024
#define ELLIPSIS "\xe2\x80\xa6"
#define ROW_BYTES 96 /* beside the name: the figures of the largest row, with their padding */

static const char *type_name(char type)
{
        switch (type) {
        case 'b':
                return "boolean";
        case 'h':
                return "file descriptor";
        case 'a':
                return "list of strings";
        case 'u':
                return "number of the D-Bus type u";
        case 't':
                return "number of the D-Bus type t";
        case 'x':
                return "number of the D-Bus type x";
        case 'd':
                return "number of the D-Bus type d";
        default:
                return "string";
        }
}

static int read_option(
                sd_bus_message *message, const char *key, const CallOption *option, sd_bus_error *error)
{
        const char letter[] = {option->type, '\0'}, *type = option->type == 'a' ? "as" : letter;
        const char *contents;
        char container;
        int r;

        r = sd_bus_message_peek_type(message, &container, &contents);
        if (r < 0)
                return r;
        if (strcmp(contents, type) != 0)
                return bus_error(error,
                                fault_bus_name(FAULT_INVALID_ARGUMENT),
                                "The option '%s' must be a %s",
                                key,
                                type_name(option->type));
        if (option->type != 'a')
                return sd_bus_message_read(message, "v", type, option->target);
        r = sd_bus_message_enter_container(message, 'v', type);
        if (r >= 0)
                r = sd_bus_message_read_strv(message, option->target);
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

int call_options_read(
                sd_bus_message *message, const CallOption *options, size_t n_options, sd_bus_error *error)
{
        uint32_t seen = 0;
        int r;

        r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                const char *key;
                size_t i = 0;

                r = sd_bus_message_read(message, "s", &key);
                if (r < 0)
                        return r;
                while (i < n_options && strcmp(options[i].name, key) != 0)
                        i++;
                if (i >= n_options)
                        return bus_error(error,
                                        fault_bus_name(FAULT_INVALID_ARGUMENT),
                                        "There is no option '%.100s'",
                                        key);
                if (seen & (UINT32_C(1) << i))
                        return bus_error(error,
                                        fault_bus_name(FAULT_INVALID_ARGUMENT),
                                        "The option '%s' is given twice",
                                        key);
                seen |= UINT32_C(1) << i;
                r = read_option(message, key, &options[i], error);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        return sd_bus_message_exit_container(message);
}

/* Numbers that lie beside each other are taken at once: an array of bytes has millions of them. */
static bool is_plain_number(char type)
{
        return type != '\0' && strchr("ynqiuxtd", type);
}

static int count_value(sd_bus_message *message, char type, uint64_t *bytes)
{
        union {
                uint64_t number;
                const char *text;
        } value;
        int r = sd_bus_message_read_basic(message, type, &value);

        if (r >= 0)
                *bytes += type == 's' || type == 'o' || type == 'g' ? strlen(value.text) + 1
                                                                    : sizeof(value.number);
        return r;
}

/* Stops a little above the limit. */
static int count_bytes(sd_bus_message *message, uint64_t limit, uint64_t *bytes)
{
        const char *contents;
        const void *data;
        size_t size;
        char type;
        int r;

        while (*bytes <= limit && (r = sd_bus_message_peek_type(message, &type, &contents)) > 0) {
                if (type == 'a' && is_plain_number(contents[0]) && contents[1] == '\0') {
                        r = sd_bus_message_read_array(message, contents[0], &data, &size);
                        *bytes += r < 0 ? 0 : size;
                } else if (contents) {
                        r = sd_bus_message_enter_container(message, type, contents);
                        *bytes += sizeof(uint64_t);
                        if (r >= 0)
                                r = count_bytes(message, limit, bytes);
                        if (r >= 0 && *bytes <= limit)
                                r = sd_bus_message_exit_container(message);
                } else
                        r = count_value(message, type, bytes);
                if (r < 0)
                        return r;
        }
        return *bytes <= limit ? r : 0;
}

int bus_check_size(sd_bus_message *message, uint64_t limit, uint64_t *ret_bytes)
{
        uint64_t bytes = 0;
        int r = sd_bus_message_rewind(message, true);

        if (r >= 0)
                r = count_bytes(message, limit, &bytes);
        if (r < 0)
                return r;
        if (bytes > limit)
                return -E2BIG;
        *ret_bytes = bytes;
        return 0;
}

int bus_error(sd_bus_error *error, const char *name, const char *format, ...)
{
        _cleanup_free_ char *message = NULL;
        va_list arguments;

        va_start(arguments, format);
        if (vasprintf(&message, format, arguments) < 0)
                message = NULL;
        va_end(arguments);
        if (message)
                utf8_make_line(message);
        return sd_bus_error_set(error, name, message);
}

int bus_invalid(sd_bus_error *error, const char *message)
{
        return sd_bus_error_set(error, fault_bus_name(FAULT_INVALID_ARGUMENT), message);
}

int bus_fault(sd_bus_error *error, const Fault *fault)
{
        return sd_bus_error_set(error, fault_bus_name(fault->code), fault->message);
}

int bus_reply_fault(sd_bus_message *message, const Fault *fault)
{
        return sd_bus_reply_method_errorf(
                        message, fault_bus_name(fault->code), "%s", fault->message ? fault->message : "");
}

int bus_append_text(sd_bus_message *message, const char *text)
{
        _cleanup_free_ char *valid = strdup(text);

        if (!valid)
                return -ENOMEM;
        utf8_make_valid(valid);
        return sd_bus_message_append_basic(message, 's', valid);
}

int bus_path_of_backup(const char *name, char **ret)
{
        return sd_bus_path_encode(BUS_PATH_BACKUP, name, ret);
}

int bus_path_of_job(uint32_t id, char **ret)
{
        char *path;

        if (asprintf(&path, "%s/%" PRIu32, BUS_PATH_JOB, id) < 0)
                return -ENOMEM;
        *ret = path;
        return 0;
}

bool bus_take_room(size_t *room_bytes, const char *name)
{
        size_t needed_bytes = ROW_BYTES + MIN_OF(strlen(name), (size_t) NAME_MAX_BYTES);

        if (needed_bytes > *room_bytes)
                return false;
        *room_bytes -= needed_bytes;
        return true;
}

int bus_append_name(sd_bus_message *message, const char *name)
{
        char shown[NAME_MAX_BYTES + sizeof ELLIPSIS];
        size_t length = strnlen(name, NAME_MAX_BYTES + 1);

        if (length <= NAME_MAX_BYTES)
                return bus_append_text(message, name);
        /* Not within a character. */
        for (length = NAME_MAX_BYTES; length > 0 && ((unsigned char) name[length] & 0xc0) == 0x80;)
                length--;
        (void) strcpy(mempcpy(shown, name, length), ELLIPSIS);
        return bus_append_text(message, shown);
}

int bus_append_tables(sd_bus_message *message, const TableCount *tables, size_t n_tables, size_t room_bytes)
{
        int r;

        r = sd_bus_message_open_container(message, 'a', "(st)");
        if (r < 0)
                return r;
        for (size_t i = 0; i < n_tables && bus_take_room(&room_bytes, tables[i].name); i++) {
                r = sd_bus_message_open_container(message, 'r', "st");
                if (r >= 0)
                        r = bus_append_name(message, tables[i].name);
                if (r >= 0)
                        r = sd_bus_message_append(message, "t", tables[i].rows);
                if (r >= 0)
                        r = sd_bus_message_close_container(message);
                if (r < 0)
                        return r;
        }
        return sd_bus_message_close_container(message);
}
