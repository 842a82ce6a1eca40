/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/call/prediction-input.h"

#include <string.h>

#include "base/io.h"
#include "base/utf8.h"

#define DOCUMENT_MAX_BYTES (4 * MIB)

const PredictionInput prediction_columns[] = {
                {"match_id", 'x'},
                {"team1", 's'},
                {"team2", 's'},
                {"league", 's'},
                {"consensus_type", 's'},
                {"consensus_result", 's'},
                {"consensus_probability", 'd'},
                {"confidence", 'd'},
                {"recommended_odd", 'd'},
                {"recommended_action", 's'},
                {"votes_statistique", 'b'},
                {"votes_cotes", 'b'},
                {"votes_simulation", 'b'},
                {"votes_forme", 'b'},
                {"extra_data", 's'},
                {0},
};

const PredictionInput prediction_filters[] = {
                {"day", 's'},
                {"league", 's'},
                {"valid", 'b'},
                {"minimum-confidence", 'd'},
                {"limit", 'u'},
                {"before", 'x'},
                {0},
};

const PredictionInput prediction_invalidation[] = {
                {"user", 'x'},
                {0},
};

/* NULL with the fault filled when there is none of that name. */
static const PredictionInput *find_input(
                const char *name, size_t length, const PredictionInput *inputs, Fault *fault)
{
        for (; inputs->name; inputs++)
                if (strlen(inputs->name) == length && strncmp(inputs->name, name, length) == 0)
                        return inputs;
        (void) fault_set(fault,
                        FAULT_INVALID_ARGUMENT,
                        "There is no '%.*s' here. `man oracxpredctl` lists the names.",
                        (int) MIN_OF(length, (size_t) 100),
                        name);
        return NULL;
}

/* NULL when the text is no whole JSON value. json-c reads numbers the same way in every locale. */
static json_object *parse_json(const char *text, size_t size)
{
        json_tokener *tokener = size < INT32_MAX ? json_tokener_new() : NULL;
        json_object *value = NULL;

        if (!tokener)
                return NULL;
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        /* With the final zero: a number ends there. */
        value = json_tokener_parse_ex(tokener, text, (int) size + 1);
        if (json_tokener_get_error(tokener) != json_tokener_success)
                json_object_putp(&value);
        json_tokener_free(tokener);
        return value;
}

static json_object *read_operand_value(const char *text, char type)
{
        if (type == 's')
                return json_object_new_string(text);
        if (type == 'b' && (strcmp(text, "yes") == 0 || strcmp(text, "1") == 0))
                return json_object_new_boolean(true);
        if (type == 'b' && (strcmp(text, "no") == 0 || strcmp(text, "0") == 0))
                return json_object_new_boolean(false);
        return parse_json(text, strlen(text));
}

int prediction_input_from_operands(char *const *operands,
                size_t n_operands,
                const PredictionInput *inputs,
                json_object **ret,
                Fault *fault)
{
        _cleanup_json_ json_object *object = json_object_new_object();

        if (!object)
                return session_set_errno(-ENOMEM, fault);
        for (size_t i = 0; i < n_operands; i++) {
                const char *equals = strchr(operands[i], '=');
                const PredictionInput *input;
                json_object *value;
                int r;

                if (!equals)
                        return fault_set(fault,
                                        FAULT_INVALID_ARGUMENT,
                                        "'%s' is not of the form NAME=VALUE.",
                                        operands[i]);
                input = find_input(operands[i], (size_t) (equals - operands[i]), inputs, fault);
                if (!input)
                        return fault_errno(FAULT_INVALID_ARGUMENT);
                if (!utf8_is_valid(equals + 1))
                        return fault_set(fault,
                                        FAULT_INVALID_ARGUMENT,
                                        "%s is not valid UTF-8.",
                                        input->name);
                if (json_object_object_get_ex(object, input->name, NULL))
                        return fault_set(fault, FAULT_INVALID_ARGUMENT, "%s is given twice.", input->name);
                value = read_operand_value(equals + 1, input->type);
                if (!value)
                        return fault_set(fault,
                                        FAULT_INVALID_ARGUMENT,
                                        "%s is no %s.",
                                        operands[i],
                                        input->type == 'b' ? "yes or no" : "number");
                r = document_put(object, input->name, value);
                if (r < 0)
                        return session_set_errno(r, fault);
        }
        *ret = TAKE_PTR(object);
        return 0;
}

int prediction_input_from_descriptor(int fd, json_object **ret, Fault *fault)
{
        _cleanup_free_ char *text = malloc(DOCUMENT_MAX_BYTES + 1);
        _cleanup_json_ json_object *object = NULL;
        size_t size;
        int r;

        if (!text)
                return session_set_errno(-ENOMEM, fault);
        r = io_read_full(fd, text, DOCUMENT_MAX_BYTES, &size);
        if (r < 0)
                return fault_set_errno(fault, r, "Can't read standard input");
        text[size] = '\0';
        if (size < DOCUMENT_MAX_BYTES && strlen(text) == size)
                object = parse_json(text, size);
        if (!json_object_is_type(object, json_type_object))
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "Standard input is not one JSON object of less than 4 MiB.");
        *ret = TAKE_PTR(object);
        return 0;
}

/* json-c takes an end of its range for whatever lies beyond. */
static bool is_in_range(json_object *value)
{
        int64_t integer = json_object_get_int64(value);

        return integer != INT64_MIN &&
               (integer != INT64_MAX || json_object_get_uint64(value) == (uint64_t) INT64_MAX);
}

/* > 0 when appended, 0 when the value does not have the type. */
static int append_value(sd_bus_message *call, const PredictionInput *input, json_object *value)
{
        json_type type = json_object_get_type(value);
        int64_t integer = json_object_get_int64(value);
        int r = 0;

        switch (input->type) {
        case 'x':
                if (type == json_type_int && is_in_range(value))
                        r = sd_bus_message_append(call, "{sv}", input->name, "x", integer);
                break;
        case 'u':
                if (type == json_type_int && integer >= 0 && integer <= UINT32_MAX)
                        r = sd_bus_message_append(call, "{sv}", input->name, "u", (uint32_t) integer);
                break;
        case 'd':
                if (type == json_type_double || type == json_type_int)
                        r = sd_bus_message_append(
                                        call, "{sv}", input->name, "d", json_object_get_double(value));
                break;
        case 'b':
                if (type == json_type_boolean)
                        r = sd_bus_message_append(
                                        call, "{sv}", input->name, "b", json_object_get_boolean(value));
                break;
        case 's':
        default:
                if (type == json_type_string)
                        r = sd_bus_message_append(
                                        call, "{sv}", input->name, "s", json_object_get_string(value));
                else if (type == json_type_object)
                        r = sd_bus_message_append(call,
                                        "{sv}",
                                        input->name,
                                        "s",
                                        json_object_to_json_string_ext(
                                                        value, JSON_C_TO_STRING_NOSLASHESCAPE));
        }
        return r;
}

int prediction_input_append(
                json_object *object, const PredictionInput *inputs, sd_bus_message *call, Fault *fault)
{
        int r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "{sv}");

        if (r < 0)
                return session_set_errno(r, fault);
        json_object_object_foreach (object, name, value) {
                const PredictionInput *input = find_input(name, strlen(name), inputs, fault);

                if (!input)
                        return fault_errno(FAULT_INVALID_ARGUMENT);
                r = append_value(call, input, value);
                if (r < 0)
                        return session_set_errno(r, fault);
                if (r == 0)
                        return fault_set(fault,
                                        FAULT_INVALID_ARGUMENT,
                                        "%s must be a %s.",
                                        name,
                                        input->type == 's'   ? "string"
                                        : input->type == 'b' ? "boolean"
                                        : input->type == 'd' ? "number"
                                                             : "whole number in range");
        }
        r = sd_bus_message_close_container(call);
        return r < 0 ? session_set_errno(r, fault) : 0;
}
