/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Moments written as text: the form in backup names, and RFC 3339 for manifests and people, both UTC. Only
 * what others wrote may be in local time. */

#include "base/macro.h"

#define TIMESTAMP_LABEL_MAX sizeof("20260124_014621")
#define TIMESTAMP_RFC3339_MAX sizeof("2026-01-24T01:46:21.123456Z")

/* Writes YYYYMMDD_HHMMSS (sub-second part cut). -ERANGE past the year 9999. */
int timestamp_format_label(uint64_t usec, char ret[static TIMESTAMP_LABEL_MAX]);

/* Reads exactly that form at the start of `text`; the rest of the text is not looked at. -EINVAL when the
 * form or the calendar is wrong (month 13, 30 February). */
int timestamp_parse_label(const char *text, uint64_t *ret_usec);

/* Writes YYYY-MM-DDTHH:MM:SS.ffffffZ (RFC 3339, section 5.6). -ERANGE past the year 9999. */
int timestamp_format_rfc3339(uint64_t usec, char ret[static TIMESTAMP_RFC3339_MAX]);

/* Writes "2026-01-24 01:46:21.123456", UTC: a DATETIME of the database, as SQLAlchemy writes and reads it.
 * -ERANGE past the year 9999. */
int timestamp_format_datetime(uint64_t usec, char ret[static TIMESTAMP_RFC3339_MAX]);

/* Reads RFC 3339 with an optional fraction (digits past the sixth are cut) and Z or a numeric offset; a
 * space instead of T, and no zone at all (taken as UTC), are accepted, since that is how the application
 * and SQLite write it. -EINVAL on anything else. */
int timestamp_parse_rfc3339(const char *text, uint64_t *ret_usec);

/* The same, but without a zone it is local time, as Python's datetime.now().isoformat() writes it. */
int timestamp_parse_local(const char *text, uint64_t *ret_usec);
