/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/call/backup-objects.h"

#include "base/names.h"

/* A note becomes a member like the others. */
static int merge_notes(json_object *backups)
{
        for (size_t i = 0; i < json_object_array_length(backups); i++) {
                json_object *backup = json_object_array_get_idx(backups, i);
                _cleanup_json_ json_object *notes = json_object_get(document_member(backup, "Notes"));

                if (!json_object_is_type(notes, json_type_object))
                        return -EBADMSG;
                json_object_object_del(backup, "Notes");
                json_object_object_foreach (notes, key, value) {
                        int r = document_put(backup, key, json_object_get(value));

                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

int backup_objects_list(Session *session, json_object **ret, Fault *fault)
{
        static const char *const keys[] = {"Path",
                        "Name",
                        "Kind",
                        "Label",
                        "CreatedUSec",
                        "VerifiedUSec",
                        "DatabaseBytes",
                        "StoredBytes",
                        "Encrypted",
                        "Problem",
                        "Notes",
                        NULL};
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_json_ json_object *rows = NULL, *backups = NULL;
        int r = session_new_call(session, BUS_PATH, BUS_INTERFACE_MANAGER, "ListBackups", &call, fault);

        if (r < 0)
                return r;
        r = session_call(session, call, 0, "a(osssttttbsa{sv})", &reply, fault);
        if (r < 0)
                return r;
        r = document_read(reply, &rows);
        if (r >= 0)
                r = document_name_fields(rows, keys, &backups);
        if (r >= 0)
                r = merge_notes(backups);
        if (r < 0)
                return session_set_errno(r, fault);
        *ret = TAKE_PTR(backups);
        return 0;
}

int backup_objects_path(const char *name, char **ret, Fault *fault)
{
        int r = sd_bus_path_encode(BUS_PATH_BACKUP, name, ret);

        return r < 0 ? session_set_errno(r, fault) : 0;
}

int backup_objects_explain(const char *name, Fault *fault)
{
        if (fault->code == FAULT_NOT_FOUND)
                return fault_set(fault,
                                FAULT_NOT_FOUND,
                                "There is no backup '%s'. `oracxpredctl list` shows those there are.",
                                name);
        return fault_errno(fault->code);
}
