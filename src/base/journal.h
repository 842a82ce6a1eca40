/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The structured log. Under systemd it goes to journald with fields; in the foreground to stderr, one line
 * an entry. Used by the daemon alone (libraries fill faults instead), from its main thread. */

#include <syslog.h>

#include "base/macro.h"

typedef struct JournalField {
        const char *name;  /* one of FIELD_… in names.h */
        const char *value; /* NULL fields are left out; every control character becomes '?' */
} JournalField;

/* Where entries go: "journal", "console", or "auto" (journal when stderr is connected to it, see
 * $JOURNAL_STREAM). -EINVAL on any other word. */
int journal_set_target(const char *target);
const char *journal_target(void);

/* Entries with a larger number (less important, LOG_DEBUG = 7) are dropped. -EINVAL outside 0…7. */
int journal_set_max_level(int level);
int journal_max_level(void);

/* Writes one entry. `message_id` may be NULL; `fields` is an array of `n_fields`. */
void journal_write(int level,
                const char *message_id,
                const JournalField *fields,
                size_t n_fields,
                const char *format,
                ...) _printf_(5, 6);

#define journal_event(level, message_id, fields, ...) \
        journal_write(level, message_id, fields, ELEMENTSOF(fields), __VA_ARGS__)
#define journal_line(level, ...) journal_write(level, NULL, NULL, 0, __VA_ARGS__)
