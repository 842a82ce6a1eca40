/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/interface/property.h"

#include <sqlite3.h>
#include <unistd.h>

#include "config.h"
#include "daemon/bus/bus-argument.h"
#include "daemon/configuration/setting-origin.h"
#include "daemon/configuration/setting.h"
#include "daemon/facts/recovery-decision.h"
#include "daemon/manager.h"
#include "daemon/state/condition.h"
#include "daemon/state/encryption.h"

static int append_strings(sd_bus_message *message, char *const *strings, size_t n)
{
        int r;

        r = sd_bus_message_open_container(message, 'a', "s");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = bus_append_text(message, strings[i]);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

PROPERTY_GETTER(property_get_version)
{
        return sd_bus_message_append(reply, "s", PROJECT_VERSION);
}

PROPERTY_GETTER(property_get_sqlite_version)
{
        return sd_bus_message_append(reply, "s", sqlite3_libversion());
}

PROPERTY_GETTER(property_get_health)
{
        Manager *manager = userdata;

        manager_update_health(manager);
        return sd_bus_message_append(reply, "s", health_state_to_string(manager->health.state));
}

PROPERTY_GETTER(property_get_health_reasons)
{
        Manager *manager = userdata;
        int r;

        manager_update_health(manager);
        r = sd_bus_message_open_container(reply, 'a', "(ss)");
        for (size_t i = 0; r >= 0 && i < manager->health.n_reasons; i++)
                r = sd_bus_message_append(reply,
                                "(ss)",
                                manager->health.reasons[i].code,
                                manager->health.reasons[i].text);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

PROPERTY_GETTER(property_get_integrity)
{
        const Manager *manager = userdata;

        return sd_bus_message_append(reply, "s", integrity_to_string(manager->integrity));
}

PROPERTY_GETTER(property_get_journal_mode)
{
        const Manager *manager = userdata;

        return sd_bus_message_append(reply, "s", manager->statistics.journal_mode);
}

PROPERTY_GETTER(property_get_tables)
{
        const Manager *manager = userdata;

        return bus_append_tables(reply,
                        manager->statistics.tables,
                        manager->statistics.n_tables,
                        BUS_NAMES_MAX_BYTES);
}

PROPERTY_GETTER(property_get_schema_differences)
{
        const Manager *manager = userdata;

        return append_strings(reply, manager->schema.differences, manager->schema.n_differences);
}

PROPERTY_GETTER(property_get_configuration_faults)
{
        const Manager *manager = userdata;

        return append_strings(reply, manager->configuration.faults, manager->configuration.n_faults);
}

PROPERTY_GETTER(property_get_settings)
{
        const Manager *manager = userdata;
        int r = sd_bus_message_open_container(reply, 'a', "(sss)");

        for (size_t i = 0; r >= 0 && i < n_settings; i++) {
                const char *place, *value = setting_origin_value(&manager->configuration, i, &place);

                r = sd_bus_message_append(reply, "(sss)", settings[i].key, value, place);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

PROPERTY_GETTER(property_get_encryption_recipients)
{
        const Manager *manager = userdata;
        const AgeRecipients *recipients = &manager->configuration.recipients;
        int r = sd_bus_message_open_container(reply, 'a', "s");

        for (size_t i = 0; r >= 0 && i < recipients->n_items; i++) {
                char text[AGE_RECIPIENT_TEXT_MAX];

                age_recipient_format(recipients->items + i, text);
                r = sd_bus_message_append(reply, "s", text);
        }
        if (r >= 0 && manager->configuration.encrypt_with_passphrase)
                r = sd_bus_message_append(reply, "s", AGE_PASSPHRASE_WORD);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

PROPERTY_GETTER(property_get_key_available)
{
        const Manager *manager = userdata;

        return sd_bus_message_append(reply, "b", (int) (manager->identities != NULL));
}

PROPERTY_GETTER(property_get_auto_restore)
{
        const Manager *manager = userdata;

        return sd_bus_message_append(reply, "b", (int) manager->configuration.auto_restore);
}

PROPERTY_GETTER(property_get_application_units)
{
        const Manager *manager = userdata;

        return append_strings(reply,
                        manager->configuration.application_units,
                        manager->configuration.n_application_units);
}

PROPERTY_GETTER(property_get_last_restore_automatic)
{
        const Manager *manager = userdata;

        return sd_bus_message_append(reply, "b", (int) manager->last_restore.automatic);
}

PROPERTY_GETTER(property_get_can_undo_restore)
{
        const Manager *manager = userdata;
        const RestoreRecord *last = &manager->last_restore;
        bool is_there = last->quarantine && access(last->quarantine, F_OK) == 0;

        return sd_bus_message_append(reply,
                        "b",
                        (int) recovery_can_undo(
                                        manager->catalogue, last, encryption_can_open(manager), is_there));
}
