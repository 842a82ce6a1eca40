/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What every bus handler does with what comes in and what goes out: options by name, faults as named errors,
 * object paths. */

#include <systemd/sd-bus.h>

#include "base/fault.h"
#include "database/statistics/statistics.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

/* One key that a method's a{sv} may have. */
typedef struct CallOption {
        const char *name;
        char type;    /* 's' (const char **, borrowed from the message), 'b' (int *), 'h' (int *, borrowed as
                       * well), 'u' (uint32_t *), 't' (uint64_t *), 'x' (int64_t *), 'd' (double *) or 'a' for
                       * "as" (char ***, owned by the caller, also after a fault) */
        void *target; /* keeps its value when the key is not there */
} CallOption;

/* Reads the a{sv} at the message's position. A key that is unknown, given twice or of another type is
 * InvalidArgument and named. `n_options` is at most 32. */
int call_options_read(
                sd_bus_message *message, const CallOption *options, size_t n_options, sd_bus_error *error);

/* How many bytes the message's arguments amount to; more than `limit`: -E2BIG. The message is read through
 * for it, up to the limit, and nothing more can be read from it until it is rewound. */
int bus_check_size(sd_bus_message *message, uint64_t limit, uint64_t *ret_bytes);

/* Makes the fault the reply. Returns what the handler has to return. */
int bus_fault(sd_bus_error *error, const Fault *fault);

/* Makes InvalidArgument with these words the reply. Returns what the handler has to return. */
int bus_invalid(sd_bus_error *error, const char *message);

/* Fills the error, and returns its errno, with one line that a terminal can show, whatever a caller's text
 * in it was, and wherever a precision cut that. */
__attribute__((format(printf, 3, 4))) int bus_error(
                sd_bus_error *error, const char *name, const char *format, ...);

/* Answers a call with a fault, when its handler has returned long ago. */
int bus_reply_fault(sd_bus_message *message, const Fault *fault);

/* Appends a string that a database or a file held: what the bus would refuse in it becomes '?'. */
int bus_append_text(sd_bus_message *message, const char *text);

/* What the names that a schema gave may take of one message; and those of one backup, of which a message may
 * have a thousand. dbus-daemon closes the connection that sends more than 32 MiB (max_message_size). */
#define BUS_NAMES_MAX_BYTES (4 * MIB)
#define BUS_BACKUP_NAMES_MAX_BYTES (32 * KIB)

/* Takes what a row with this name needs; false when there is no room for it any more. */
bool bus_take_room(size_t *room_bytes, const char *name);

/* Appends such a name: as bus_append_text(), and cut where it is longer than a person reads. */
int bus_append_name(sd_bus_message *message, const char *name);

/* Appends a(st): the tables and their rows, as far as there is room. */
int bus_append_tables(sd_bus_message *message, const TableCount *tables, size_t n_tables, size_t room_bytes);

/* Declares a getter of a property, with what sd-bus gives it. */
#define PROPERTY_GETTER(name)                  \
        int name(sd_bus *bus,                  \
                        const char *path,      \
                        const char *interface, \
                        const char *property,  \
                        sd_bus_message *reply, \
                        void *userdata,        \
                        sd_bus_error *error)

/* BUS_PATH_BACKUP/NAME, escaped, and BUS_PATH_JOB/ID. Owned by the caller. */
int bus_path_of_backup(const char *name, char **ret);
int bus_path_of_job(uint32_t id, char **ret);
