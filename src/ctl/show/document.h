/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the service answers, as JSON values: the one form that every verb works from, whether it prints them
 * as they are (--json) or for people. Keys are the names that the bus has; structures without names on the
 * bus get those given here. */

#include <json-c/json.h>
#include <systemd/sd-bus.h>

#include "base/macro.h"

static inline _unused_ void json_object_putp(json_object **object)
{
        if (*object)
                (void) json_object_put(*object);
}
#define _cleanup_json_ _cleanup_(json_object_putp)

/* Reads the next complete value of a message: basic types as they are, variants as what they hold,
 * dictionaries with string keys as objects, arrays and structures as arrays. File descriptors and
 * dictionaries with other keys give -EOPNOTSUPP. Owned by the caller. */
int document_read(sd_bus_message *message, json_object **ret);

/* Reads the values that are left in a message into an object, under `keys` (NULL-terminated) in order. */
int document_read_fields(sd_bus_message *message, const char *const *keys, json_object **ret);

/* Turns an array of arrays, [[1, "a"], …], into an array of objects with `keys`. -EBADMSG when it is none.
 */
int document_name_fields(json_object *rows, const char *const *keys, json_object **ret);

/* Gives the properties that are rows on the bus their readable form: Tables becomes an object from table to
 * rows, TableChanges likewise, HealthReasons an array of objects with Code and Message, and so on. -EBADMSG
 * when they aren't such rows. */
int document_shape_properties(json_object *properties);

/* Puts `value` under `key`, taking it over also on failure. NULL stands for out of memory. */
int document_put(json_object *object, const char *key, json_object *value);

/* Takes the value at `key`; "" , 0, false or NULL when it is not there. The string lives as long as it. */
const char *document_text(json_object *object, const char *key);
uint64_t document_number(json_object *object, const char *key);
int64_t document_signed(json_object *object, const char *key);
double document_real(json_object *object, const char *key);
bool document_flag(json_object *object, const char *key);
json_object *document_member(json_object *object, const char *key);

/* Prints one document and a newline. Control characters are escaped, also those that JSON allows. */
int document_print(json_object *document, bool pretty, FILE *stream);
