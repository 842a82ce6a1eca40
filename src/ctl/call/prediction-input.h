/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the command line or a JSON object says about a prediction, as the a{sv} that the service takes.
 * Whether a value is in range is the service's to judge; here it only gets its type. */

#include "ctl/call/session.h"

/* A name, and its D-Bus type: x, u, d, b or s. */
typedef struct PredictionInput {
        const char *name;
        char type;
} PredictionInput;

/* What may be stored, what a list may be narrowed down by, and what may be said of an invalidation; each
 * ends with a nameless one. */
extern const PredictionInput prediction_columns[];
extern const PredictionInput prediction_filters[];
extern const PredictionInput prediction_invalidation[];

/* Reads "NAME=VALUE" operands into an object. INVALID_ARGUMENT for one that is none of `inputs`, comes twice
 * or is no UTF-8. */
int prediction_input_from_operands(char *const *operands,
                size_t n_operands,
                const PredictionInput *inputs,
                json_object **ret,
                Fault *fault);

/* Reads one JSON object from a descriptor, at most 4 MiB. */
int prediction_input_from_descriptor(int fd, json_object **ret, Fault *fault);

/* Appends the object to a call. INVALID_ARGUMENT for a member that is none of `inputs` or of another type;
 * an object is taken for a text, as its JSON. */
int prediction_input_append(
                json_object *object, const PredictionInput *inputs, sd_bus_message *call, Fault *fault);
