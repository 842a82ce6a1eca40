/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The small JSON documents in the state directory, by which a restore survives a crash, and what was found a
 * restart: read whole, written atomically. restore-record.c, replacement.c and last-attempt.c say what is in
 * them. */

#include <json-c/json.h>

#include "base/fault.h"

/* NOT_FOUND when there is none; CORRUPT for anything but one JSON object. */
int restore_state_load(const char *state_directory_path, const char *name, json_object **ret, Fault *fault);
int restore_state_store(
                const char *state_directory_path, const char *name, json_object *document, Fault *fault);

/* A file that isn't there is no error. */
int restore_state_remove(const char *state_directory_path, const char *name, Fault *fault);

static inline void json_object_putp(json_object **document)
{
        (void) json_object_put(*document);
}

/* Members: -EUCLEAN for a wrong type. A missing text is NULL, a missing number 0, a missing flag false. */
int restore_state_get_text(json_object *document, const char *key, char **ret);
int restore_state_get_number(json_object *document, const char *key, uint64_t *ret);
int restore_state_get_flag(json_object *document, const char *key, bool *ret);

/* -ENOMEM. A NULL text is left out. */
int restore_state_set_text(json_object *document, const char *key, const char *text);
int restore_state_set_number(json_object *document, const char *key, uint64_t number);
int restore_state_set_flag(json_object *document, const char *key, bool flag);
