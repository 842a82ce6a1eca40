/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/catalogue/hold-keeper.h"

#include <stdarg.h>
#include <string.h>

#include "backup/state/restore-state.h"
#include "base/names.h"
#include "daemon/state/condition.h"
#include "daemon/state/property-changes.h"
#include "daemon/state/state-writer.h"

void retention_hold_done(RetentionHold *hold)
{
        free(hold->text);
        *hold = (RetentionHold){0};
}

/* An unknown code is that of another version: it holds all the same. */
static const char *known_code(const char *code)
{
        return code && strcmp(code, RETENTION_HOLD_OTHER) == 0 ? RETENTION_HOLD_OTHER
                                                               : RETENTION_HOLD_EMPTIED;
}

int retention_hold_load(const char *state_directory_path, RetentionHold *ret, Fault *fault)
{
        _cleanup_(json_object_putp) json_object *document = NULL;
        _cleanup_free_ char *code = NULL;
        _cleanup_fault_ Fault met = {0};
        char *text = NULL;

        if (restore_state_load(state_directory_path, RETENTION_HOLD_FILE, &document, &met) < 0 &&
                        met.code == FAULT_NOT_FOUND) {
                *ret = (RetentionHold){0};
                return 0;
        }
        if (document && (restore_state_get_text(document, "code", &code) < 0 ||
                                        restore_state_get_text(document, "text", &text) < 0))
                text = NULL;
        if (!text && asprintf(&text,
                                     "%s/%s can't be read; no backup is removed until somebody has run "
                                     "`oracxpredctl acknowledge`",
                                     state_directory_path,
                                     RETENTION_HOLD_FILE) < 0)
                return fault_set_errno(fault, ENOMEM, "Reading %s", RETENTION_HOLD_FILE);
        *ret = (RetentionHold){.code = known_code(code), .text = text};
        return 0;
}

static void store(Manager *manager)
{
        json_object *document = json_object_new_object();

        if (document && restore_state_set_text(document, "code", manager->hold.code) >= 0 &&
                        restore_state_set_text(document, "text", manager->hold.text) >= 0)
                state_writer_put(manager, RETENTION_HOLD_FILE, document);
        else
                (void) json_object_put(document);
}

void retention_hold_set(Manager *manager, const char *code, const char *format, ...)
{
        va_list arguments;
        char *text = NULL;

        if (manager->hold.code)
                return;
        va_start(arguments, format);
        if (vasprintf(&text, format, arguments) < 0)
                text = NULL;
        va_end(arguments);
        manager->hold = (RetentionHold){.code = code, .text = text};
        store(manager);
        manager_changed(manager, CHANGE_REMEDIES);
        manager_update_health(manager);
}

void retention_hold_release(Manager *manager)
{
        if (!manager->hold.code)
                return;
        retention_hold_done(&manager->hold);
        state_writer_put(manager, RETENTION_HOLD_FILE, NULL);
        manager_changed(manager, CHANGE_REMEDIES);
        manager_update_health(manager);
}
