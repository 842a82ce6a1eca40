/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/state/last-attempt.h"

#include "backup/state/restore-state.h"

#define LAST_ATTEMPT_FILE "last-backup-fault.json"

void last_attempt_note(const char *state_directory_path, const Fault *fault)
{
        _cleanup_(json_object_putp) json_object *document = NULL;

        if (fault->code == FAULT_CANCELLED)
                return;
        if (fault->code == FAULT_NONE) {
                (void) restore_state_remove(state_directory_path, LAST_ATTEMPT_FILE, NULL);
                return;
        }
        document = json_object_new_object();
        if (document && restore_state_set_text(document, "fault", fault->message) >= 0)
                (void) restore_state_store(state_directory_path, LAST_ATTEMPT_FILE, document, NULL);
}

char *last_attempt_load(const char *state_directory_path)
{
        _cleanup_(json_object_putp) json_object *document = NULL;
        char *message = NULL;

        if (restore_state_load(state_directory_path, LAST_ATTEMPT_FILE, &document, NULL) < 0 ||
                        restore_state_get_text(document, "fault", &message) < 0)
                return NULL;
        return message;
}
