/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/backup-objects.h"

#include "base/names.h"

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
                        NULL};
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_json_ json_object *rows = NULL;
        int r = session_new_call(session, BUS_PATH, BUS_INTERFACE_MANAGER, "ListBackups", &call, fault);

        if (r < 0)
                return r;
        r = session_call(session, call, 0, "a(osssttttbs)", &reply, fault);
        if (r < 0)
                return r;
        r = document_read(reply, &rows);
        if (r >= 0)
                r = document_name_fields(rows, keys, ret);
        return r < 0 ? session_set_errno(r, fault) : 0;
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
