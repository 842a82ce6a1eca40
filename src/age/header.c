/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "age/header.h"

#include <openssl/crypto.h>
#include <string.h>

#include "age/stanza.h"

#define VERSION_START "age-encryption.org/"
#define MAC_MARK "---"
#define MAC_TEXT_LENGTH 43
#define LINE_COLUMNS 64

/* What is left to read, and what was found on the way. */
typedef struct Reading {
        const char *position;
        const char *end;
        const AgeOpener *opener;
        size_t n_stanzas;
        bool has_passphrase; /* a stanza that is to stand alone */
        bool opened;
        AgeFileKey file_key;
} Reading;

static int damaged(Fault *fault)
{
        return fault_set(fault, FAULT_CORRUPT, "The age header is damaged or cut short");
}

static bool starts_with(const Reading *reading, const char *text)
{
        return (size_t) (reading->end - reading->position) >= strlen(text) &&
               memcmp(reading->position, text, strlen(text)) == 0;
}

/* The next line, without its end. -EBADMSG when there is no end of it. */
static int next_line(Reading *reading, AgeSpan *ret)
{
        const char *end = memchr(reading->position, '\n', (size_t) (reading->end - reading->position));

        if (!end)
                return -EBADMSG;
        *ret = (AgeSpan){reading->position, (size_t) (end - reading->position)};
        reading->position = end + 1;
        return 0;
}

/* "-> ARGUMENT ARGUMENT…", of visible ASCII characters and one space between. */
static int parse_arguments(AgeSpan line, AgeStanza *stanza)
{
        const char *end = line.start + line.length, *start;

        if (line.length < 3 || memcmp(line.start, "-> ", 3) != 0)
                return -EBADMSG;
        start = line.start + 3;
        for (const char *c = start;; c++) {
                if (c < end && *c != ' ') {
                        if (*c < '!' || *c > '~')
                                return -EBADMSG;
                        continue;
                }
                if (c == start)
                        return -EBADMSG;
                if (stanza->n_arguments < AGE_STANZA_ARGUMENTS_MAX)
                        stanza->arguments[stanza->n_arguments] = (AgeSpan){start, (size_t) (c - start)};
                stanza->n_arguments++;
                start = c + 1;
                if (c == end)
                        return 0;
        }
}

/* Lines of 64 columns and a shorter one, which may be empty. */
static int parse_body(Reading *reading, AgeStanza *stanza)
{
        AgeSpan line;

        do {
                unsigned char bytes[LINE_COLUMNS];
                size_t n_bytes;
                int r = next_line(reading, &line);

                if (r < 0 || line.length > LINE_COLUMNS ||
                                age_base64_decode(line.start, line.length, bytes, sizeof bytes, &n_bytes) <
                                                0)
                        return -EBADMSG;
                if (stanza->body_bytes + n_bytes <= sizeof stanza->body)
                        memcpy(stanza->body + stanza->body_bytes, bytes, n_bytes);
                stanza->body_bytes += n_bytes;
        } while (line.length == LINE_COLUMNS);
        return 0;
}

static int open_stanza(Reading *reading, const AgeStanza *stanza, Fault *fault)
{
        const AgeIdentities *identities = reading->opener->identities;
        AgeFileKey found;
        int r = 0;

        if (age_stanza_is(stanza, "scrypt")) {
                reading->has_passphrase = true;
                /* Never stretched for nothing: beside others it is refused below. */
                if (reading->n_stanzas == 0 && !starts_with(reading, "-> "))
                        r = age_stanza_unwrap_passphrase(
                                        stanza, identities ? identities->passphrase : NULL, &found, fault);
        } else if (age_stanza_is(stanza, "X25519"))
                r = age_stanza_unwrap(stanza, identities, &found, fault);
        if (r > 0 && !reading->opened) {
                reading->file_key = found;
                reading->opened = true;
        }
        OPENSSL_cleanse(&found, sizeof found);
        return r;
}

static int read_stanzas(Reading *reading, Fault *fault)
{
        while (starts_with(reading, "-> ")) {
                AgeStanza stanza = {0};
                AgeSpan line;
                int r;

                if (next_line(reading, &line) < 0 || parse_arguments(line, &stanza) < 0 ||
                                parse_body(reading, &stanza) < 0)
                        return damaged(fault);
                r = open_stanza(reading, &stanza, fault);
                if (r < 0)
                        return r;
                reading->n_stanzas++;
        }
        if (reading->n_stanzas == 0)
                return damaged(fault);
        if (reading->has_passphrase && reading->n_stanzas > 1)
                return fault_set(fault,
                                FAULT_CORRUPT,
                                "The age header has a passphrase beside other recipients, which the format "
                                "forbids");
        return 0;
}

static int read_version(Reading *reading, Fault *fault)
{
        AgeSpan line;

        if (starts_with(reading, AGE_VERSION_LINE)) {
                reading->position += strlen(AGE_VERSION_LINE);
                return 0;
        }
        if (starts_with(reading, VERSION_START) && !starts_with(reading, VERSION_START "v1") &&
                        next_line(reading, &line) >= 0)
                return fault_set(fault, FAULT_NOT_SUPPORTED, "It is in another version of the age format");
        return fault_set(fault, FAULT_CORRUPT, "It is no age file");
}

static int compute_mac(const AgeFileKey *file_key,
                const char *data,
                size_t size,
                unsigned char ret[static AGE_KEY_BYTES],
                Fault *fault)
{
        unsigned char key[AGE_KEY_BYTES];
        int r = age_derive(file_key->bytes, sizeof file_key->bytes, NULL, 0, "header", key);

        if (r >= 0)
                r = age_mac(key, data, size, ret);
        OPENSSL_cleanse(key, sizeof key);
        return r < 0 ? fault_set(fault, FAULT_FAILED, "libcrypto failed to compute a MAC") : 0;
}

static int prove_mac(Reading *reading, const char *data, Fault *fault)
{
        unsigned char recorded[AGE_KEY_BYTES], computed[AGE_KEY_BYTES];
        size_t marked = (size_t) (reading->position - data) + strlen(MAC_MARK), bytes;
        AgeSpan line;
        int r;

        if (!starts_with(reading, MAC_MARK " ") || next_line(reading, &line) < 0 ||
                        line.length != strlen(MAC_MARK " ") + MAC_TEXT_LENGTH ||
                        age_base64_decode(line.start + strlen(MAC_MARK " "),
                                        MAC_TEXT_LENGTH,
                                        recorded,
                                        sizeof recorded,
                                        &bytes) < 0)
                return damaged(fault);
        if (!reading->opened)
                return fault_set(fault,
                                FAULT_KEY_UNAVAILABLE,
                                reading->has_passphrase
                                                ? "It is encrypted with a passphrase, and none here opens "
                                                  "it; give the right one (--passphrase-file=FILE)"
                                                : "It is encrypted, and no identity here opens it; give the "
                                                  "one that belongs to it (--identity=FILE)");
        r = compute_mac(&reading->file_key, data, marked, computed, fault);
        if (r < 0)
                return r;
        if (CRYPTO_memcmp(recorded, computed, sizeof recorded) != 0)
                return fault_set(fault,
                                FAULT_CORRUPT,
                                "The age header was changed: its MAC is not the one that its key gives");
        return 0;
}

int age_header_open(const char *data,
                size_t size,
                const AgeOpener *opener,
                AgeFileKey *ret,
                size_t *ret_bytes,
                Fault *fault)
{
        Reading reading = {.position = data, .end = data + size, .opener = opener};
        int r;

        if (opener->file_key) {
                reading.file_key = *opener->file_key;
                reading.opened = true;
        }
        r = read_version(&reading, fault);
        if (r >= 0)
                r = read_stanzas(&reading, fault);
        if (r >= 0)
                r = prove_mac(&reading, data, fault);
        if (r >= 0) {
                *ret = reading.file_key;
                *ret_bytes = (size_t) (reading.position - data);
        }
        OPENSSL_cleanse(&reading.file_key, sizeof reading.file_key);
        return r < 0 ? r : 0;
}

static int write_stanzas(const AgeRecipients *recipients,
                const AgeFileKey *file_key,
                char *ret,
                size_t *size,
                Fault *fault)
{
        size_t length;
        int r = 0;

        if (recipients->passphrase) {
                r = age_stanza_wrap_passphrase(
                                recipients->passphrase, AGE_WORK_OWN, file_key, ret + *size, &length);
                *size += r < 0 ? 0 : length;
        }
        for (size_t i = 0; r >= 0 && i < recipients->n_items; i++) {
                r = age_stanza_wrap(recipients->items + i, file_key, ret + *size, &length);
                *size += r < 0 ? 0 : length;
        }
        if (r < 0)
                return fault_set(fault, FAULT_FAILED, "libcrypto failed to wrap the file's key");
        return 0;
}

int age_header_write(const AgeRecipients *recipients,
                const AgeFileKey *file_key,
                char ret[static AGE_HEADER_OWN_MAX_BYTES],
                size_t *ret_bytes,
                Fault *fault)
{
        unsigned char mac[AGE_KEY_BYTES];
        size_t size = strlen(AGE_VERSION_LINE), length;
        int r;

        if (!age_recipients_any(recipients) || (recipients->passphrase && recipients->n_items > 0))
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "An age file is for recipients or for a passphrase");
        memcpy(ret, AGE_VERSION_LINE, size);
        r = write_stanzas(recipients, file_key, ret, &size, fault);
        if (r < 0)
                return r;
        memcpy(ret + size, MAC_MARK " ", strlen(MAC_MARK " "));
        size += strlen(MAC_MARK);
        r = compute_mac(file_key, ret, size, mac, fault);
        if (r < 0)
                return r;
        age_base64_encode(mac, sizeof mac, ret + size + 1, &length);
        size += 1 + length;
        ret[size++] = '\n';
        *ret_bytes = size;
        return 0;
}

int age_header_test(const AgeRecipients *recipients, const AgeIdentities *identities, Fault *fault)
{
        AgeOpener opener = {.identities = identities};
        char header[AGE_HEADER_OWN_MAX_BYTES];
        AgeFileKey file_key, found;
        size_t size, opened;
        int r = 0;

        if (age_random(file_key.bytes, sizeof file_key.bytes) < 0)
                r = fault_set(fault, FAULT_FAILED, "libcrypto has no random numbers");
        if (r >= 0)
                r = age_header_write(recipients, &file_key, header, &size, fault);
        if (r >= 0)
                r = age_header_open(header, size, &opener, &found, &opened, fault);
        OPENSSL_cleanse(&file_key, sizeof file_key);
        OPENSSL_cleanse(&found, sizeof found);
        return r;
}
