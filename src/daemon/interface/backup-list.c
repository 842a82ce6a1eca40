/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/interface/backup-list.h"

#include "daemon/bus/bus-argument.h"
#include "daemon/catalogue/backup-place.h"
#include "daemon/manager.h"

#define ROW "osssttttbsa{sv}"

/* Only what applies: of ten thousand backups nearly all have nothing to say here. */
static int append_notes(sd_bus_message *reply, const CatalogueEntry *entry)
{
        const Manifest *manifest = entry->manifest;
        int r = sd_bus_message_open_container(reply, 'a', "{sv}");

        if (r >= 0 && manifest->verification_fault)
                r = sd_bus_message_append(
                                reply, "{sv}", "VerificationFault", "s", manifest->verification_fault);
        if (r >= 0 && manifest->unchecked)
                r = sd_bus_message_append(reply, "{sv}", "Unchecked", "s", manifest->unchecked);
        if (r >= 0 && manifest->kept)
                r = sd_bus_message_append(reply, "{sv}", "Kept", "b", (int) true);
        if (r >= 0 && entry->other)
                r = sd_bus_message_append(reply, "{sv}", "OtherDatabase", "b", (int) true);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_backup(sd_bus_message *reply, const CatalogueEntry *entry)
{
        const Manifest *manifest = entry->manifest;
        _cleanup_free_ char *path = NULL;
        int r;

        r = bus_path_of_backup(manifest->name, &path);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'r', ROW);
        if (r >= 0)
                r = sd_bus_message_append(reply,
                                "osssttttbs",
                                path,
                                manifest->name,
                                backup_kind_to_string(manifest->kind),
                                manifest->label,
                                manifest->created_usec,
                                manifest->verified_usec,
                                manifest->database_bytes,
                                manifest->stored_bytes,
                                (int) manifest->encrypted,
                                manifest->problem);
        if (r >= 0)
                r = append_notes(reply, entry);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int backup_list_method(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *manager = userdata;
        _cleanup_message_ sd_bus_message *reply = NULL;
        _cleanup_fault_ Fault fault = {0};
        int r;

        /* An empty list would say that there are none. */
        if (backup_place_refuse_away(manager, &fault) < 0)
                return bus_reply_fault(message, &fault);
        manager->catalogue_shown |= !manager->catalogue_loaded;
        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(" ROW ")");
        for (size_t i = 0; r >= 0 && i < manager->catalogue->n_entries; i++)
                r = append_backup(reply, manager->catalogue->entries + i);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}
