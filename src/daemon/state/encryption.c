/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/state/encryption.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/stat.h>

#include "age/header.h"
#include "base/io.h"
#include "base/journal.h"
#include "daemon/state/condition.h"
#include "daemon/state/property-changes.h"

typedef int (*Parse)(AgeIdentities *identities, const char *text, size_t size, Fault *fault);

static int parse_file(AgeIdentities **identities, int fd, Parse parse, Fault *fault)
{
        char *text = NULL;
        struct stat status;
        size_t size;
        int r;

        if (fstat(fd, &status) < 0)
                return fault_set_errno(fault, errno, "Looking at the key file");
        /* Whatever else is passed may keep its reader waiting. */
        if (!S_ISREG(status.st_mode))
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "A key file has to be a regular file");
        if ((uint64_t) status.st_size > AGE_KEY_FILE_MAX_BYTES)
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "The key file is too large to be one");
        if (!*identities) {
                r = age_identities_new(identities, fault);
                if (r < 0)
                        return r;
        }
        text = malloc(AGE_KEY_FILE_MAX_BYTES);
        if (!text)
                return fault_set_errno(fault, ENOMEM, "Reading the key file");
        r = io_read_full_at(fd, text, AGE_KEY_FILE_MAX_BYTES, 0, &size);
        if (r < 0)
                r = fault_set_errno(fault, r, "Reading the key file");
        else
                r = parse(*identities, text, size, fault);
        OPENSSL_cleanse(text, AGE_KEY_FILE_MAX_BYTES);
        free(text);
        return r;
}

int encryption_read_passed(const PassedKeys *passed, AgeIdentities **ret, Fault *fault)
{
        _cleanup_(age_identities_freep) AgeIdentities *identities = NULL;
        int r = 0;

        if (passed->identity_fd >= 0)
                r = parse_file(&identities, passed->identity_fd, age_identities_parse, fault);
        if (r >= 0 && passed->passphrase_fd >= 0)
                r = parse_file(&identities, passed->passphrase_fd, age_identities_set_passphrase, fault);
        if (r >= 0)
                *ret = TAKE_PTR(identities);
        return r;
}

static int load_credential(
                AgeIdentities **identities, int directory_fd, const char *name, Parse parse, Fault *fault)
{
        _cleanup_close_ int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        int r;

        if (fd < 0 && errno == ENOENT)
                return 0;
        if (fd < 0)
                return fault_set_errno(fault, errno, "Opening the credential %s", name);
        r = parse_file(identities, fd, parse, fault);
        return r < 0 ? fault_prefix(fault, r, "The credential %s", name) : 0;
}

void encryption_load(Manager *manager)
{
        const char *path = getenv("CREDENTIALS_DIRECTORY");
        _cleanup_close_ int directory_fd = -EBADF;
        _cleanup_fault_ Fault fault = {0};
        int r = 0;

        if (path) {
                directory_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (directory_fd < 0)
                        r = fault_set_errno(&fault, errno, "Opening the credentials in %s", path);
        }
        if (directory_fd >= 0)
                r = load_credential(&manager->identities,
                                directory_fd,
                                CREDENTIAL_IDENTITY,
                                age_identities_parse,
                                &fault);
        if (r >= 0 && directory_fd >= 0)
                r = load_credential(&manager->identities,
                                directory_fd,
                                CREDENTIAL_PASSPHRASE,
                                age_identities_set_passphrase,
                                &fault);
        if (r < 0) {
                manager->identities = age_identities_free(manager->identities);
                manager->credential_fault = TAKE_PTR(fault.message);
        }
        (void) encryption_test(manager, NULL);
}

int encryption_recipients(const Manager *manager, AgeRecipients *ret, Fault *fault)
{
        const Configuration *configuration = &manager->configuration;
        AgeRecipients recipients = configuration->recipients;

        if (configuration->encryption_fault)
                return fault_set(fault,
                                FAULT_CONFIGURATION,
                                "No backup is written, since it might have to be encrypted: %s",
                                configuration->encryption_fault);
        if (configuration->encrypt_with_passphrase) {
                if (!manager->identities || !manager->identities->passphrase)
                        return fault_set(fault,
                                        FAULT_KEY_UNAVAILABLE,
                                        "No backup is written: EncryptionRecipients=" AGE_PASSPHRASE_WORD
                                        " needs the credential " CREDENTIAL_PASSPHRASE "%s%s",
                                        manager->credential_fault ? "; " : "",
                                        manager->credential_fault ? manager->credential_fault : "");
                recipients.passphrase = manager->identities->passphrase;
        }
        *ret = recipients;
        return 0;
}

static int test(const Manager *manager, Fault *fault)
{
        AgeRecipients recipients;
        int r = encryption_recipients(manager, &recipients, fault);

        if (r < 0)
                return r;
        if (manager->credential_fault)
                return fault_set(fault, FAULT_KEY_UNAVAILABLE, "%s", manager->credential_fault);
        /* A passphrase that encrypts also decrypts, and takes a second each time. */
        if (!age_recipients_any(&recipients) || !manager->identities || recipients.passphrase)
                return 0;
        r = age_header_test(&recipients, manager->identities, fault);
        return r < 0 && fault && fault->code == FAULT_KEY_UNAVAILABLE
                               ? fault_set(fault,
                                                 FAULT_KEY_UNAVAILABLE,
                                                 "The identity in the credential " CREDENTIAL_IDENTITY
                                                 " belongs to none of the EncryptionRecipients=: it can't "
                                                 "decrypt the backups that are made now")
                               : r;
}

void encryption_set_fault(Manager *manager, const Fault *found)
{
        const char *old = manager->key_fault, *new = found->code == FAULT_NONE ? NULL : found->message;

        if (old == new || (old && new &&strcmp(old, new) == 0))
                return;
        if (new)
                journal_line(LOG_ERR, "%s", new);
        free(manager->key_fault);
        manager->key_fault = new ? strdup(new) : NULL;
        manager_changed(manager, CHANGE_CONFIGURATION);
        manager_update_health(manager);
}

int encryption_test(Manager *manager, Fault *fault)
{
        _cleanup_fault_ Fault found = {0};
        int r = test(manager, &found);

        encryption_set_fault(manager, &found);
        if (fault)
                fault_move(fault, &found);
        return r;
}

bool encryption_can_open(const Manager *manager)
{
        return manager->identities && !manager->identity_missed;
}
