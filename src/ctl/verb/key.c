/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* key: the operator's side of encrypted backups. An identity is made here and never passes the bus: what the
 * service is to have of it comes as a credential. */

#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>

#include "age/key.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/names.h"
#include "base/timestamp.h"
#include "ctl/show/text.h"
#include "ctl/verb/verbs.h"

#define TEXT_MAX 512

static int print_recipients(Session *session, json_object *recipients, Fault *fault)
{
        if (session_json(session))
                return session_print_document(session, recipients, fault);
        for (size_t i = 0; i < json_object_array_length(recipients); i++) {
                text_print(stdout, json_object_get_string(json_object_array_get_idx(recipients, i)));
                (void) putchar('\n');
        }
        return 0;
}

/* The form of age-keygen, so that either program reads the other's. */
static int format_identity(const AgeIdentity *identity, char *ret, size_t size)
{
        char secret[AGE_IDENTITY_TEXT_MAX], recipient[AGE_RECIPIENT_TEXT_MAX],
                        created[TIMESTAMP_RFC3339_MAX];
        int r = timestamp_format_rfc3339(clock_now_usec(), created);

        if (r < 0)
                return r;
        age_identity_format(identity, secret);
        age_recipient_format(&identity->recipient, recipient);
        r = snprintf(ret, size, "# created: %s\n# public key: %s\n%s\n", created, recipient, secret);
        OPENSSL_cleanse(secret, sizeof secret);
        return r < 0 || (size_t) r >= size ? -ENOBUFS : 0;
}

/* Never over a file: that may be the only key to older backups. */
static int write_identity(const char *path, const char *text, Fault *fault)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        int r;

        if (fd < 0 && errno == EEXIST)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "%s exists already and is left as it is; name a new file.",
                                path);
        if (fd < 0)
                return fault_set_errno(fault, errno, "Can't create %s", path);
        r = io_write_all(fd, text, strlen(text));
        if (r >= 0 && fsync(fd) < 0)
                r = -errno;
        if (r < 0) {
                (void) unlink(path);
                return fault_set_errno(fault, r, "Can't write %s", path);
        }
        return 0;
}

static int generate(Session *session, Fault *fault)
{
        const Arguments *arguments = session->arguments;
        const char *path = arguments->n_operands > 1 ? arguments->operands[1] : NULL;
        _cleanup_json_ json_object *recipients = json_object_new_array();
        char text[TEXT_MAX], recipient[AGE_RECIPIENT_TEXT_MAX];
        AgeIdentity identity;
        int r;

        if (!recipients)
                return session_set_errno(-ENOMEM, fault);
        if (session_json(session) && !path)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "With --json=, name the file for the identity.");
        r = age_identity_generate(&identity, fault);
        if (r < 0)
                return r;
        age_recipient_format(&identity.recipient, recipient);
        r = format_identity(&identity, text, sizeof text);
        if (r < 0)
                r = session_set_errno(r, fault);
        else if (path)
                r = write_identity(path, text, fault);
        else
                (void) fputs(text, stdout);
        OPENSSL_cleanse(&identity, sizeof identity);
        OPENSSL_cleanse(text, sizeof text);
        if (r < 0 || !path)
                return r;
        (void) json_object_array_add(recipients, json_object_new_string(recipient));
        return print_recipients(session, recipients, fault);
}

static int read_identities(const char *path, AgeIdentities **ret, Fault *fault)
{
        _cleanup_(age_identities_freep) AgeIdentities *identities = NULL;
        char *text = NULL;
        size_t size = 0;
        int r = age_identities_new(&identities, fault);

        if (r < 0)
                return r;
        r = io_read_file(AT_FDCWD, path, AGE_KEY_FILE_MAX_BYTES, &text, &size);
        if (r < 0 || !text)
                return fault_set_errno(fault, r, "Can't read %s", path);
        r = age_identities_parse(identities, text, size, fault);
        OPENSSL_cleanse(text, size);
        free(text);
        if (r < 0)
                return fault_prefix(fault, r, "%s", path);
        *ret = TAKE_PTR(identities);
        return 0;
}

static int list_own_recipients(const char *path, json_object **ret, Fault *fault)
{
        _cleanup_(age_identities_freep) AgeIdentities *identities = NULL;
        json_object *recipients;
        int r = read_identities(path, &identities, fault);

        if (r < 0)
                return r;
        recipients = json_object_new_array();
        if (!recipients)
                return fault_set_errno(fault, ENOMEM, "Can't list recipients");
        for (size_t i = 0; identities && i < identities->n_items; i++) {
                char text[AGE_RECIPIENT_TEXT_MAX];

                age_recipient_format(&identities->items[i].recipient, text);
                (void) json_object_array_add(recipients, json_object_new_string(text));
        }
        *ret = recipients;
        return 0;
}

static int get_service(Session *session, json_object **ret, Fault *fault)
{
        int r = session_open(session, fault);

        return r < 0 ? r : session_get_properties(session, BUS_PATH, BUS_INTERFACE_MANAGER, ret, fault);
}

static int show(Session *session, Fault *fault)
{
        _cleanup_json_ json_object *properties = NULL, *recipients = NULL, *document = NULL;
        const char *key_fault;
        int r;

        if (session->arguments->identity) {
                r = list_own_recipients(session->arguments->identity, &recipients, fault);
                return r < 0 ? r : print_recipients(session, recipients, fault);
        }
        r = get_service(session, &properties, fault);
        if (r < 0)
                return r;
        recipients = json_object_get(document_member(properties, "EncryptionRecipients"));
        key_fault = document_text(properties, "KeyFault");
        if (session_json(session)) {
                document = json_object_new_object();
                if (!document ||
                                document_put(document, "EncryptionRecipients", json_object_get(recipients)) <
                                                0 ||
                                document_put(document,
                                                "KeyAvailable",
                                                json_object_new_boolean(document_flag(
                                                                properties, "KeyAvailable"))) < 0 ||
                                document_put(document, "KeyFault", json_object_new_string(key_fault)) < 0)
                        return session_set_errno(-ENOMEM, fault);
                return session_print_document(session, document, fault);
        }
        if (json_object_array_length(recipients) == 0 && key_fault[0] == '\0')
                (void) puts("Backups are not encrypted; EncryptionRecipients= names who can read them.");
        r = print_recipients(session, recipients, fault);
        (void) puts(document_flag(properties, "KeyAvailable") ? "The service holds a key."
                                                              : "The service holds no key.");
        if (key_fault[0] != '\0') {
                text_print(stdout, key_fault);
                (void) putchar('\n');
        }
        return r;
}

static bool have_one_in_common(json_object *a, json_object *b)
{
        for (size_t i = 0; i < json_object_array_length(a); i++)
                for (size_t k = 0; k < json_object_array_length(b); k++)
                        if (json_object_equal(json_object_array_get_idx(a, i),
                                            json_object_array_get_idx(b, k)))
                                return true;
        return false;
}

/* With a file of the operator's own: nothing of it needs to leave this process. */
static int test_own(Session *session, Fault *fault)
{
        _cleanup_json_ json_object *properties = NULL, *recipients = NULL;
        int r = list_own_recipients(session->arguments->identity, &recipients, fault);

        if (r >= 0)
                r = get_service(session, &properties, fault);
        if (r < 0)
                return r;
        if (!have_one_in_common(recipients, document_member(properties, "EncryptionRecipients")))
                return fault_set(fault,
                                FAULT_KEY_UNAVAILABLE,
                                "%s holds no identity that new backups are encrypted to.",
                                session->arguments->identity);
        return 0;
}

static int test(Session *session, Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        if (session->arguments->identity)
                r = test_own(session, fault);
        else {
                r = session_open(session, fault);
                if (r >= 0)
                        r = session_new_call(
                                        session, BUS_PATH, BUS_INTERFACE_MANAGER, "TestKey", &call, fault);
                if (r >= 0)
                        r = session_call(session, call, 0, "", NULL, fault);
        }
        if (r >= 0 && !session->arguments->quiet && !session_json(session))
                (void) puts("The key opens the backups that are made now.");
        return r;
}

int verb_key(Session *session, Fault *fault)
{
        static const struct {
                const char *name;
                size_t operands_max;
                bool takes_identity;
                int (*run)(Session *session, Fault *fault);
        } actions[] = {{"generate", 2, false, generate}, {"show", 1, true, show}, {"test", 1, true, test}};
        const Arguments *arguments = session->arguments;

        for (size_t i = 0; i < ELEMENTSOF(actions); i++) {
                if (strcmp(arguments->operands[0], actions[i].name) != 0)
                        continue;
                if (arguments->n_operands > actions[i].operands_max ||
                                (arguments->identity && !actions[i].takes_identity))
                        break;
                return actions[i].run(session, fault);
        }
        return fault_set(fault,
                        FAULT_INVALID_ARGUMENT,
                        "Usage: oracxpredctl key generate [FILE], key show [--identity=FILE], or key test "
                        "[--identity=FILE]");
}
