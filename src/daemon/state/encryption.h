/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whom backups are encrypted to, and what opens them. Recipients are a setting; identities and a passphrase
 * come as systemd credentials, read once at the start, or over a descriptor for one call. Belongs to the
 * loop. */

#include "age/key.h"
#include "daemon/manager.h"

/* Names below $CREDENTIALS_DIRECTORY. */
#define CREDENTIAL_IDENTITY "oracxpred.identity"
#define CREDENTIAL_PASSPHRASE "oracxpred.passphrase"

/* Reads the credentials, as far as there are any, and tests them. One that can't be used is told by Health:
 * the database is served all the same. */
void encryption_load(Manager *manager);

/* What a backup that is made now is encrypted to; nobody when it is not to be. Borrows from the Manager's
 * credentials. CONFIGURATION while a setting of encryption is wrong, KEY_UNAVAILABLE without the passphrase
 * that the configuration asks for: nothing is written in clear by mistake. */
int encryption_recipients(const Manager *manager, AgeRecipients *ret, Fault *fault);

/* Whether an identity that is here opens what is encrypted now. Health tells what it finds. 0 also when
 * there is nothing to test; else the fault as Health has it. */
int encryption_test(Manager *manager, Fault *fault);

/* Takes over what such a test found: FAULT_NONE for good. */
void encryption_set_fault(Manager *manager, const Fault *found);

/* Whether it is worth to try an encrypted backup without being given an identity. */
bool encryption_can_open(const Manager *manager);

/* Regular files that a caller passes with a call, borrowed from its message; negative for none. */
typedef struct PassedKeys {
        int identity_fd;
        int passphrase_fd;
} PassedKeys;

/* Reads them from their start. *ret is NULL when there are none. */
int encryption_read_passed(const PassedKeys *passed, AgeIdentities **ret, Fault *fault);
