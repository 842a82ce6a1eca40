/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as an identity file, a passphrase file and a recipient: what is taken reads the same when it is
 * written again, and what is refused is not repeated in the reason. */

#include <string.h>

#include "age/key.h"
#include "fuzz.h"

static void try_identities(const char *text, size_t size)
{
        _cleanup_(age_identities_freep) AgeIdentities *identities = NULL, *again = NULL;
        _cleanup_fault_ Fault fault = {0};
        char line[AGE_IDENTITY_TEXT_MAX];

        require(age_identities_new(&identities, NULL) >= 0);
        if (age_identities_parse(identities, text, size, &fault) < 0) {
                require(fault.message && !strcasestr(fault.message, "AGE-SECRET-KEY-1Q"));
                return;
        }
        require(identities->n_items > 0 && identities->n_items <= AGE_IDENTITIES_MAX);
        for (size_t i = 0; i < identities->n_items; i++) {
                age_identity_format(identities->items + i, line);
                require(age_identities_new(&again, NULL) >= 0);
                require(age_identities_parse(again, line, strlen(line), NULL) >= 0);
                require(memcmp(again->items, identities->items + i, sizeof(AgeIdentity)) == 0);
                again = age_identities_free(again);
        }
}

static void try_recipient(const char *text, size_t size)
{
        char line[AGE_RECIPIENT_TEXT_MAX];
        AgeRecipient recipient, again;

        if (age_recipient_parse(text, size, &recipient, NULL) < 0)
                return;
        age_recipient_format(&recipient, line);
        require(strlen(line) == size && strncasecmp(line, text, size) == 0);
        require(age_recipient_parse(line, strlen(line), &again, NULL) >= 0);
        require(memcmp(&again, &recipient, sizeof again) == 0);
}

static void try_passphrase(const char *text, size_t size)
{
        _cleanup_(age_identities_freep) AgeIdentities *identities = NULL;

        require(age_identities_new(&identities, NULL) >= 0);
        if (age_identities_set_passphrase(identities, text, size, NULL) >= 0)
                require(strlen(identities->passphrase) <= AGE_PASSPHRASE_MAX_BYTES &&
                                !strchr(identities->passphrase, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        try_identities((const char *) data, size);
        try_recipient((const char *) data, size);
        try_passphrase((const char *) data, size);
        return 0;
}
