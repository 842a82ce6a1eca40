/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/state/last-check.h"

#include "backup/state/restore-state.h"
#include "base/names.h"

#define MEMBER_CHECKED "checked_usec"

uint64_t last_check_load(const char *state_directory_path)
{
        _cleanup_(json_object_putp) json_object *document = NULL;
        uint64_t checked_usec = 0;

        if (restore_state_load(state_directory_path, LAST_CHECK_FILE, &document, NULL) < 0 ||
                        restore_state_get_number(document, MEMBER_CHECKED, &checked_usec) < 0)
                return 0;
        return checked_usec;
}

void last_check_note(const char *state_directory_path, uint64_t checked_usec)
{
        _cleanup_(json_object_putp) json_object *document = json_object_new_object();

        if (document && restore_state_set_number(document, MEMBER_CHECKED, checked_usec) >= 0)
                (void) restore_state_store(state_directory_path, LAST_CHECK_FILE, document, NULL);
}
