/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/state/timer-watch.h"

#include <string.h>

#include "base/journal.h"
#include "daemon/bus/bus-argument.h"
#include "daemon/state/condition.h"

struct TimerWatch {
        Manager *manager;
        UnitFacts facts;
        sd_bus_slot *question; /* one at a time */
        sd_bus_slot *properties_match;
        sd_bus_slot *reload_match;
        sd_bus_slot *owner_match;
};

UnitState timer_watch_state(const TimerWatch *watch)
{
        return watch ? unit_facts_judge(&watch->facts) : UNIT_UNKNOWN;
}

TimerWatch *timer_watch_free(TimerWatch *watch)
{
        if (!watch)
                return NULL;
        (void) sd_bus_slot_unref(watch->question);
        (void) sd_bus_slot_unref(watch->properties_match);
        (void) sd_bus_slot_unref(watch->reload_match);
        (void) sd_bus_slot_unref(watch->owner_match);
        free(watch);
        return NULL;
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        TimerWatch *watch = userdata;

        watch->question = sd_bus_slot_unref(watch->question);
        unit_facts_read_reply(reply, &watch->facts);
        manager_update_health(watch->manager);
        return 0;
}

static void ask(TimerWatch *watch)
{
        int r;

        /* The one under way may have been answered already: its answer would be older than the change. */
        watch->question = sd_bus_slot_unref(watch->question);
        r = unit_facts_ask(watch->manager->bus, BACKUP_TIMER, on_answer, watch, &watch->question);
        if (r < 0)
                journal_line(LOG_DEBUG, "Asking systemd for the timer failed: %s", strerrordesc_np(-r));
}

/* What the signal carries counts at once: who has stopped the timer and then looks at the health shall see
 * it there. */
static int on_properties_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        TimerWatch *watch = userdata;
        const char *interface;

        if (sd_bus_message_read(message, "s", &interface) < 0 ||
                        strcmp(interface, SYSTEMD_BUS_NAME ".Unit") != 0 || !watch->facts.known)
                return 0;
        if (unit_facts_read(message, &watch->facts) >= 0)
                manager_update_health(watch->manager);
        return 0;
}

/* `systemctl enable` and `disable` end with it, and before it systemd keeps to what it knew of the files. */
static int on_reloading(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        int begins;

        if (sd_bus_message_read(message, "b", &begins) >= 0 && !begins)
                ask(userdata);
        return 0;
}

/* systemd sends signals only once somebody has subscribed. */
static void subscribe(TimerWatch *watch)
{
        _cleanup_message_ sd_bus_message *call = NULL;
        int r;

        r = sd_bus_message_new_method_call(watch->manager->bus,
                        &call,
                        SYSTEMD_BUS_NAME,
                        SYSTEMD_BUS_PATH,
                        SYSTEMD_BUS_NAME ".Manager",
                        "Subscribe");
        if (r >= 0)
                r = sd_bus_message_set_auto_start(call, false);
        if (r >= 0)
                r = sd_bus_message_set_expect_reply(call, false);
        if (r >= 0)
                r = sd_bus_send(watch->manager->bus, call, NULL);
        if (r < 0)
                journal_line(LOG_DEBUG, "Subscribing to systemd's signals failed: %s", strerrordesc_np(-r));
}

/* systemd has come to the bus: at boot, or after it was executed anew. */
static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        TimerWatch *watch = userdata;
        const char *name, *before, *after;

        if (sd_bus_message_read(message, "sss", &name, &before, &after) < 0 || after[0] == '\0')
                return 0;
        subscribe(watch);
        ask(watch);
        return 0;
}

static int add_matches(TimerWatch *watch, const char *path)
{
        sd_bus *bus = watch->manager->bus;
        int r;

        r = sd_bus_match_signal_async(bus,
                        &watch->properties_match,
                        SYSTEMD_BUS_NAME,
                        path,
                        "org.freedesktop.DBus.Properties",
                        "PropertiesChanged",
                        on_properties_changed,
                        NULL,
                        watch);
        if (r >= 0)
                r = sd_bus_match_signal_async(bus,
                                &watch->reload_match,
                                SYSTEMD_BUS_NAME,
                                SYSTEMD_BUS_PATH,
                                SYSTEMD_BUS_NAME ".Manager",
                                "Reloading",
                                on_reloading,
                                NULL,
                                watch);
        if (r >= 0)
                r = sd_bus_add_match_async(bus,
                                &watch->owner_match,
                                "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
                                "arg0='" SYSTEMD_BUS_NAME "'",
                                on_owner_changed,
                                NULL,
                                watch);
        return r;
}

int timer_watch_start(Manager *manager)
{
        _cleanup_free_ char *path = NULL;
        TimerWatch *watch;
        int r;

        if (manager->user_bus)
                return 0;
        r = sd_bus_path_encode(SYSTEMD_BUS_PATH "/unit", BACKUP_TIMER, &path);
        if (r < 0)
                return r;
        watch = calloc(1, sizeof(TimerWatch));
        if (!watch)
                return -ENOMEM;
        watch->manager = manager;
        manager->timer_watch = watch;
        r = add_matches(watch, path);
        if (r < 0)
                return r;
        subscribe(watch);
        ask(watch);
        return 0;
}
