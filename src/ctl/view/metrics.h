/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The service's figures as text for a monitoring system. Two formats that differ in small things:
 * OpenMetrics 1.0, and Prometheus' own 0.0.4, which is all that node_exporter's textfile collector reads.
 * Names follow Prometheus' conventions: base units, `_total` for what only grows, `_timestamp_seconds` for
 * moments. */

#include <json-c/json.h>

#include "base/macro.h"

typedef enum MetricsFormat {
        METRICS_OPENMETRICS,
        METRICS_PROMETHEUS,
        _METRICS_FORMAT_MAX,
        _METRICS_FORMAT_INVALID = -EINVAL,
} MetricsFormat;

MetricsFormat metrics_format_from_string(const char *text);

/* Writes all families. `properties` are the Manager's and those of the predictions' cache, shaped
 * (document.h); NULL when the service doesn't
 * answer: then there is only `oracxpred_up 0`. What a service of another version doesn't tell is left out.
 */
void metrics_write(json_object *properties, MetricsFormat format, FILE *stream);
