/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/interface/backup-bus.h"

#include <string.h>

#include "base/journal.h"
#include "base/names.h"
#include "daemon/access/authorize.h"
#include "daemon/bus/bus-argument.h"
#include "daemon/bus/caller.h"
#include "daemon/interface/manager-bus.h"
#include "daemon/interface/property.h"
#include "daemon/interface/recovery-bus.h"
#include "daemon/job/operation.h"
#include "daemon/latency/response-times.h"
#include "daemon/state/property-changes.h"

static CatalogueEntry *entry_of_path(Manager *manager, const char *path)
{
        _cleanup_free_ char *name = NULL;

        if (sd_bus_path_decode(path, BUS_PATH_BACKUP, &name) <= 0)
                return NULL;

        CatalogueEntry *entry = catalogue_find(manager->catalogue, name);
        /* It also finds by file, and a path stands for a name. */
        return entry && strcmp(entry->manifest->name, name) == 0 ? entry : NULL;
}

/* What getters and methods get as their user data: the entry, good until the catalogue changes. */
static int find_backup(sd_bus *bus,
                const char *path,
                const char *interface,
                void *userdata,
                void **ret,
                sd_bus_error *error)
{
        CatalogueEntry *entry = entry_of_path(userdata, path);

        if (!entry)
                return 0;
        *ret = entry;
        return 1;
}

static int list_backups(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *error)
{
        Manager *manager = userdata;
        const Catalogue *catalogue = manager->catalogue;
        char **paths;
        size_t n = 0;
        int r;

        manager->catalogue_shown |= !manager->catalogue_loaded;
        paths = calloc(catalogue->n_entries + 1, sizeof(char *));
        if (!paths)
                return -ENOMEM;
        for (size_t i = 0; i < catalogue->n_entries; i++) {
                r = bus_path_of_backup(catalogue->entries[i].manifest->name, &paths[n]);
                if (r < 0) {
                        while (n > 0)
                                free(paths[--n]);
                        free(paths);
                        return r;
                }
                n++;
        }
        *ret = paths;
        return 1;
}

static const char *integrity_check_of(const Manifest *manifest)
{
        if (manifest->verified_usec == 0)
                return "";
        return manifest->quick_check ? "quick" : "full";
}

static int get_text(sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *reply,
                void *userdata,
                sd_bus_error *error)
{
        const CatalogueEntry *entry = userdata;
        const Manifest *manifest = entry->manifest;
        const struct {
                const char *property;
                const char *value;
        } texts[] = {
                        {"Name", manifest->name},
                        {"File", manifest->file},
                        {"Kind", backup_kind_to_string(manifest->kind)},
                        {"Label", manifest->label},
                        {"IntegrityCheck", integrity_check_of(manifest)},
                        {"VerificationFault", manifest->verification_fault},
                        {"Unchecked", manifest->unchecked},
                        {"DatabaseBlocksSHA256", manifest->blocks_sha256},
                        {"StoredSHA256", manifest->stored_sha256},
                        {"Compression", compression_to_string(manifest->compression)},
                        {"Source", manifest->source},
                        {"Host", manifest->host},
                        {"ToolVersion", manifest->tool_version},
                        {"DatabaseId", manifest->database_id},
                        {"Problem", manifest->problem},
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (strcmp(texts[i].property, property) == 0)
                        return sd_bus_message_append(reply, "s", texts[i].value);
        return -EINVAL;
}

static int get_number(sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *reply,
                void *userdata,
                sd_bus_error *error)
{
        const CatalogueEntry *entry = userdata;
        const Manifest *manifest = entry->manifest;
        const struct {
                const char *property;
                uint64_t value;
        } numbers[] = {
                        {"CreatedUSec", manifest->created_usec},
                        {"CopiedUSec", manifest->copied_usec},
                        {"DurationUSec", manifest->duration_usec},
                        {"VerifiedUSec", manifest->verified_usec},
                        {"PageSize", manifest->page_size_bytes},
                        {"Pages", manifest->pages},
                        {"DatabaseBytes", manifest->database_bytes},
                        {"StoredBytes", manifest->stored_bytes},
                        {"ForeignKeyViolations", manifest->foreign_key_violations},
                        {"ConstraintViolations", manifest->constraint_violations},
        };

        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                if (strcmp(numbers[i].property, property) == 0)
                        return sd_bus_message_append(reply, "t", numbers[i].value);
        return -EINVAL;
}

static int get_encrypted(sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *reply,
                void *userdata,
                sd_bus_error *error)
{
        const CatalogueEntry *entry = userdata;

        return sd_bus_message_append(reply, "b", (int) entry->manifest->encrypted);
}

static int get_kept(sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *reply,
                void *userdata,
                sd_bus_error *error)
{
        const CatalogueEntry *entry = userdata;

        return sd_bus_message_append(reply, "b", (int) entry->manifest->kept);
}

static int get_other(sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *reply,
                void *userdata,
                sd_bus_error *error)
{
        const CatalogueEntry *entry = userdata;

        return sd_bus_message_append(reply, "b", (int) entry->other);
}

static int get_in_use(sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *reply,
                void *userdata,
                sd_bus_error *error)
{
        const CatalogueEntry *entry = userdata;

        return sd_bus_message_append(reply, "b", (int) (entry->leases > 0));
}

static int get_tables(sd_bus *bus,
                const char *path,
                const char *interface,
                const char *property,
                sd_bus_message *reply,
                void *userdata,
                sd_bus_error *error)
{
        const CatalogueEntry *entry = userdata;

        return bus_append_tables(reply,
                        entry->manifest->tables,
                        entry->manifest->n_tables,
                        BUS_BACKUP_NAMES_MAX_BYTES);
}

/* The catalogue moves its entries: the name is copied before anything happens. */
static int acquire(sd_bus_message *message, void *userdata, Manager **ret_manager, char **ret_name)
{
        const CatalogueEntry *entry = userdata;
        char *name = strdup(entry->manifest->name);

        if (!name)
                return -ENOMEM;
        *ret_manager = sd_bus_slot_get_userdata(sd_bus_get_current_slot(sd_bus_message_get_bus(message)));
        *ret_name = name;
        return 0;
}

static int method_verify(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_free_ char *name = NULL;
        Manager *manager;
        int r;

        r = acquire(message, userdata, &manager, &name);
        if (r < 0)
                return r;
        return manager_method_verify(manager, message, name, error);
}

static int method_restore(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_free_ char *name = NULL;
        Manager *manager;
        int r;

        r = acquire(message, userdata, &manager, &name);
        if (r < 0)
                return r;
        return manager_restore_backup(manager, message, name, error);
}

static int method_delete(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_free_ char *name = NULL;
        _cleanup_fault_ Fault fault = {0};
        Manager *manager;
        Caller caller;
        Job *job;
        int r;

        r = acquire(message, userdata, &manager, &name);
        if (r < 0)
                return r;
        r = call_options_read(message, NULL, 0, error);
        if (r < 0)
                return r;
        r = authorize_backup(message, ACTION_DELETE, name, &caller, error);
        if (r < 0)
                return r;
        if (r == 0)
                return 1; /* Will call us back */
        if (operation_delete_queue(manager, name, &caller, &job, &fault) < 0)
                return bus_fault(error, &fault);
        return manager_reply_job(job, message);
}

static int change_keeping(sd_bus_message *message, void *userdata, bool keep, sd_bus_error *error)
{
        _cleanup_free_ char *name = NULL;
        _cleanup_fault_ Fault fault = {0};
        Manager *manager;
        Caller caller;
        Job *job;
        int r;

        r = acquire(message, userdata, &manager, &name);
        if (r < 0)
                return r;
        r = call_options_read(message, NULL, 0, error);
        if (r < 0)
                return r;
        r = authorize_backup(message, keep ? ACTION_BACKUP : ACTION_DELETE, name, &caller, error);
        if (r < 0)
                return r;
        if (r == 0)
                return 1; /* Will call us back */
        if (operation_keep_queue(manager, name, keep, &caller, &job, &fault) < 0)
                return bus_fault(error, &fault);
        return manager_reply_job(job, message);
}

static int method_keep(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return change_keeping(message, userdata, true, error);
}

static int method_unkeep(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return change_keeping(message, userdata, false, error);
}

static const sd_bus_vtable backup_vtable[] = {
                SD_BUS_VTABLE_START(0),
                SD_BUS_METHOD_WITH_ARGS("Verify",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("u", id, "o", job),
                                method_verify,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("Restore",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("u", id, "o", job),
                                method_restore,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("Delete",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("u", id, "o", job),
                                method_delete,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("Keep",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("u", id, "o", job),
                                method_keep,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD_WITH_ARGS("Unkeep",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("u", id, "o", job),
                                method_unkeep,
                                SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_PROPERTY("Name", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
                SD_BUS_PROPERTY("File", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
                SD_BUS_PROPERTY("Kind", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("Label", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("CreatedUSec", "t", get_number, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("CopiedUSec", "t", get_number, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("DurationUSec", "t", get_number, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("VerifiedUSec", "t", get_number, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("IntegrityCheck", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("VerificationFault", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("Unchecked", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("PageSize", "t", get_number, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("Pages", "t", get_number, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("DatabaseBytes", "t", get_number, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("StoredBytes", "t", get_number, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("DatabaseBlocksSHA256",
                                "s",
                                get_text,
                                0,
                                SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("StoredSHA256", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("Compression", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("Encrypted", "b", get_encrypted, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("Tables", "a(st)", get_tables, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("ForeignKeyViolations",
                                "t",
                                get_number,
                                0,
                                SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("ConstraintViolations",
                                "t",
                                get_number,
                                0,
                                SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("Source", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("Host", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("ToolVersion", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("DatabaseId", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("Kept", "b", get_kept, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("OtherDatabase", "b", get_other, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("Problem", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_PROPERTY("InUse", "b", get_in_use, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_VTABLE_END,
};

int backup_bus_register(Manager *manager)
{
        int r;

        r = response_times_add_vtable(
                        manager, BUS_PATH_BACKUP, BUS_INTERFACE_BACKUP, backup_vtable, find_backup);
        if (r < 0)
                return r;
        return sd_bus_add_node_enumerator(manager->bus, NULL, BUS_PATH_BACKUP, list_backups, manager);
}
