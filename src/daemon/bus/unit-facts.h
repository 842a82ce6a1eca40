/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What systemd says of a unit, asked over the loop's bus without waiting: the answer comes to a handler, at
 * the latest after a few seconds and perhaps with an error. A systemd that isn't there is never started. */

#include <systemd/sd-bus.h>

#include "base/macro.h"

#define SYSTEMD_BUS_NAME "org.freedesktop.systemd1"
#define SYSTEMD_BUS_PATH "/org/freedesktop/systemd1"
#define BACKUP_TIMER "oracxpred-backup.timer"
#define VERIFY_TIMER "oracxpred-verify.timer"

typedef enum UnitState {
        UNIT_UNKNOWN,  /* nobody answered, or not in this form */
        UNIT_MISSING,  /* there is no such unit */
        UNIT_STOPPED,  /* there, and not active */
        UNIT_DISABLED, /* active, but nothing starts it after the next boot */
        UNIT_ELAPSED,  /* a timer that is on, and whose calendar has no next elapse */
        UNIT_ACTIVE,
        _UNIT_STATE_MAX,
        _UNIT_STATE_INVALID = -EINVAL,
} UnitState;

typedef struct UnitFacts {
        bool known;
        bool missing;
        bool active;
        bool elapsed;
        bool enabled;
} UnitFacts;

UnitState unit_facts_judge(const UnitFacts *facts);

/* How long an answer of systemd or of the bus is waited for. */
uint64_t unit_facts_patience_usec(void);

/* Asks for all properties of the unit; the handler passes its message to unit_facts_read_reply(). The slot
 * is the caller's: unreferencing it means that the answer isn't wanted any more. */
int unit_facts_ask(sd_bus *bus,
                const char *unit,
                sd_bus_message_handler_t handler,
                void *userdata,
                sd_bus_slot **ret);

/* Reads such an answer. An error leaves the facts unknown. */
void unit_facts_read_reply(sd_bus_message *reply, UnitFacts *ret);

/* Reads the a{sv} at the message's position, of a signal perhaps: what it doesn't name stays. */
int unit_facts_read(sd_bus_message *message, UnitFacts *facts);

/* Takes over one property; others than those above are no matter. */
void unit_facts_set(UnitFacts *facts, const char *property, const char *value);
