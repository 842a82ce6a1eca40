/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/show/document.h"

#include <string.h>

#include "ctl/show/json-terminal.h"

/* Nothing that the service says nests deeper; D-Bus itself stops at 64. */
enum { DEPTH_MAX = 16 };

static int read_value(sd_bus_message *message, unsigned depth, json_object **ret);

static int read_basic(sd_bus_message *message, char type, json_object **ret)
{
        union {
                uint8_t byte;
                int boolean;
                int16_t int16;
                uint16_t uint16;
                int32_t int32;
                uint32_t uint32;
                int64_t int64;
                uint64_t uint64;
                double real;
                const char *text;
        } value;
        int r = sd_bus_message_read_basic(message, type, &value);

        if (r < 0)
                return r;
        switch (type) {
        case SD_BUS_TYPE_BYTE:
                *ret = json_object_new_int(value.byte);
                break;
        case SD_BUS_TYPE_BOOLEAN:
                *ret = json_object_new_boolean(value.boolean);
                break;
        case SD_BUS_TYPE_INT16:
                *ret = json_object_new_int(value.int16);
                break;
        case SD_BUS_TYPE_UINT16:
                *ret = json_object_new_int(value.uint16);
                break;
        case SD_BUS_TYPE_INT32:
                *ret = json_object_new_int(value.int32);
                break;
        case SD_BUS_TYPE_UINT32:
                *ret = json_object_new_uint64(value.uint32);
                break;
        case SD_BUS_TYPE_INT64:
                *ret = json_object_new_int64(value.int64);
                break;
        case SD_BUS_TYPE_UINT64:
                *ret = json_object_new_uint64(value.uint64);
                break;
        case SD_BUS_TYPE_DOUBLE:
                *ret = json_object_new_double(value.real);
                break;
        case SD_BUS_TYPE_STRING:
        case SD_BUS_TYPE_OBJECT_PATH:
        case SD_BUS_TYPE_SIGNATURE:
                *ret = json_object_new_string(value.text);
                break;
        default:
                return -EOPNOTSUPP;
        }
        return *ret ? 0 : -ENOMEM;
}

static int read_dictionary(sd_bus_message *message, unsigned depth, json_object **ret)
{
        _cleanup_json_ json_object *object = json_object_new_object();
        const char *key;
        int r;

        if (!object)
                return -ENOMEM;
        while ((r = sd_bus_message_at_end(message, false)) == 0) {
                json_object *value;

                r = sd_bus_message_enter_container(message, SD_BUS_TYPE_DICT_ENTRY, NULL);
                if (r < 0)
                        return r;
                r = sd_bus_message_read_basic(message, SD_BUS_TYPE_STRING, &key);
                if (r < 0)
                        return r == -ENXIO ? -EOPNOTSUPP : r;
                r = read_value(message, depth, &value);
                if (r < 0)
                        return r;
                r = document_put(object, key, value);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(object);
        return 0;
}

static int read_sequence(sd_bus_message *message, unsigned depth, json_object **ret)
{
        _cleanup_json_ json_object *array = json_object_new_array();
        int r;

        if (!array)
                return -ENOMEM;
        while ((r = sd_bus_message_at_end(message, false)) == 0) {
                json_object *value;

                r = read_value(message, depth, &value);
                if (r < 0)
                        return r;
                if (json_object_array_add(array, value) < 0) {
                        (void) json_object_put(value);
                        return -ENOMEM;
                }
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(array);
        return 0;
}

static int read_value(sd_bus_message *message, unsigned depth, json_object **ret)
{
        const char *contents;
        json_object *value = NULL;
        char type;
        int r = sd_bus_message_peek_type(message, &type, &contents);

        if (r < 0)
                return r;
        if (r == 0)
                return -ENODATA;
        if (!strchr("avr", type))
                return read_basic(message, type, ret);
        if (depth >= DEPTH_MAX)
                return -EOPNOTSUPP;
        r = sd_bus_message_enter_container(message, type, contents);
        if (r < 0)
                return r;
        if (type == SD_BUS_TYPE_VARIANT)
                r = read_value(message, depth + 1, &value);
        else if (type == SD_BUS_TYPE_ARRAY && contents[0] == SD_BUS_TYPE_DICT_ENTRY_BEGIN)
                r = read_dictionary(message, depth + 1, &value);
        else
                r = read_sequence(message, depth + 1, &value);
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        if (r < 0) {
                json_object_putp(&value);
                return r;
        }
        *ret = value;
        return 0;
}

int document_read(sd_bus_message *message, json_object **ret)
{
        return read_value(message, 0, ret);
}

int document_read_fields(sd_bus_message *message, const char *const *keys, json_object **ret)
{
        _cleanup_json_ json_object *object = json_object_new_object();

        if (!object)
                return -ENOMEM;
        for (; *keys; keys++) {
                json_object *value;
                int r = document_read(message, &value);

                if (r >= 0)
                        r = document_put(object, *keys, value);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(object);
        return 0;
}

/* NULL when `array` is none or is shorter: a service of another version may answer otherwise. */
static json_object *array_item(json_object *array, size_t index)
{
        return json_object_is_type(array, json_type_array) ? json_object_array_get_idx(array, index) : NULL;
}

int document_name_fields(json_object *rows, const char *const *keys, json_object **ret)
{
        _cleanup_json_ json_object *named = json_object_new_array();

        if (!json_object_is_type(rows, json_type_array))
                return -EBADMSG;
        if (!named)
                return -ENOMEM;
        for (size_t i = 0; i < json_object_array_length(rows); i++) {
                json_object *row = json_object_array_get_idx(rows, i), *object = json_object_new_object();

                if (!object)
                        return -ENOMEM;
                if (json_object_array_add(named, object) < 0) {
                        (void) json_object_put(object);
                        return -ENOMEM;
                }
                for (size_t j = 0; keys[j]; j++) {
                        json_object *value = array_item(row, j);
                        int r = value ? document_put(object, keys[j], json_object_get(value)) : -EBADMSG;

                        if (r < 0)
                                return r;
                }
        }
        *ret = TAKE_PTR(named);
        return 0;
}

/* [["users", 3], …] to {"users": 3, …}: what `jq .Tables.users` expects. */
static int shape_tables(json_object *pairs, json_object **ret)
{
        _cleanup_json_ json_object *tables = json_object_new_object();

        if (!json_object_is_type(pairs, json_type_array))
                return -EBADMSG;
        if (!tables)
                return -ENOMEM;
        for (size_t i = 0; i < json_object_array_length(pairs); i++) {
                json_object *pair = json_object_array_get_idx(pairs, i);
                json_object *table = array_item(pair, 0), *rows = array_item(pair, 1);
                int r = -EBADMSG;

                if (json_object_is_type(table, json_type_string) && rows)
                        r = document_put(tables, json_object_get_string(table), json_object_get(rows));
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(tables);
        return 0;
}

/* Rows that become objects, by these names. */
static const struct {
        const char *property;
        const char *keys[9];
} row_keys[] = {
                {"HealthReasons", {"Code", "Message"}},
                {"SizeHistory", {"CreatedUSec", "DatabaseBytes"}},
                {"BackupsByKind", {"Kind", "Backups", "StoredBytes"}},
                {"ResponseTimes",
                                {"Method",
                                                "Calls",
                                                "TotalUSec",
                                                "MeanUSec",
                                                "P50USec",
                                                "P95USec",
                                                "P99USec",
                                                "MaximumUSec"}},
                {"JobsEnded", {"Operation", "Done", "Failed", "Cancelled"}},
                {"Remedies",
                                {"Id",
                                                "USec",
                                                "Kind",
                                                "Source",
                                                "PreRestore",
                                                "Quarantine",
                                                "Objects",
                                                "Tables"}},
};

/* The tables inside of each remedy. */
static int shape_remedies(json_object *remedies)
{
        static const char *const keys[] = {"Table", "Lost", "Rescued", "Certainty", NULL};

        for (size_t i = 0; remedies && i < json_object_array_length(remedies); i++) {
                json_object *remedy = json_object_array_get_idx(remedies, i), *tables;
                int r = document_name_fields(document_member(remedy, "Tables"), keys, &tables);

                if (r >= 0)
                        r = document_put(remedy, "Tables", tables);
                if (r < 0)
                        return r;
        }
        return 0;
}

int document_shape_properties(json_object *properties)
{
        static const char *const per_table[] = {"Tables", "TableChanges"};
        json_object *rows, *shaped;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(per_table); i++)
                if (json_object_object_get_ex(properties, per_table[i], &rows)) {
                        r = shape_tables(rows, &shaped);
                        if (r >= 0)
                                r = document_put(properties, per_table[i], shaped);
                }
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(row_keys); i++)
                if (json_object_object_get_ex(properties, row_keys[i].property, &rows)) {
                        r = document_name_fields(rows, row_keys[i].keys, &shaped);
                        if (r >= 0)
                                r = document_put(properties, row_keys[i].property, shaped);
                }
        return r < 0 ? r : shape_remedies(document_member(properties, "Remedies"));
}

int document_put(json_object *object, const char *key, json_object *value)
{
        if (!value || json_object_object_add(object, key, value) < 0) {
                json_object_putp(&value);
                return -ENOMEM;
        }
        return 0;
}

json_object *document_member(json_object *object, const char *key)
{
        json_object *value = NULL;

        (void) json_object_object_get_ex(object, key, &value);
        return value;
}

const char *document_text(json_object *object, const char *key)
{
        json_object *value = document_member(object, key);

        return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

uint64_t document_number(json_object *object, const char *key)
{
        return json_object_get_uint64(document_member(object, key));
}

int64_t document_signed(json_object *object, const char *key)
{
        return json_object_get_int64(document_member(object, key));
}

double document_real(json_object *object, const char *key)
{
        return json_object_get_double(document_member(object, key));
}

bool document_flag(json_object *object, const char *key)
{
        return json_object_get_boolean(document_member(object, key));
}

int document_print(json_object *document, bool pretty, FILE *stream)
{
        const char *text = json_object_to_json_string_ext(document,
                        JSON_C_TO_STRING_NOSLASHESCAPE |
                                        (pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED : 0));
        JSONTerminal state = {0};

        if (!text)
                return -ENOMEM;
        json_terminal_write(&state, text, strlen(text), stream);
        json_terminal_end(&state, stream);
        (void) fputc('\n', stream);
        return 0;
}
