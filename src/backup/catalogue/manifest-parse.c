/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From a manifest's JSON text to a Manifest (see manifest.h), apart from the file it lies in: a pure
 * function. What is read here may have been written by anybody, so every type and range is checked before
 * use. */

#include <string.h>

#include "backup/catalogue/backup-name.h"
#include "backup/catalogue/identity.h"
#include "backup/catalogue/manifest-fields.h"

#define DEPTH_MAX 16
/* Numbers that every JSON reader, one that only has doubles included, reads exactly. */
#define NUMBER_MAX (INT64_C(1) << 53)

static int wrong_value(const char *key, Fault *fault)
{
        return fault_set(fault, FAULT_CORRUPT, "the value of \"%s\" can't be right", key);
}

/* Counts the members as they are written: one colon each, outside strings. False where json-c, even when
 * told to be strict, took what is no JSON: single quotes, NaN and Infinity. */
static bool count_written_members(const char *text, size_t size, size_t *ret)
{
        bool in_string = false;
        size_t n = 0;

        for (size_t i = 0; i < size; i++)
                if (in_string && text[i] == '\\')
                        i++;
                else if (text[i] == '"')
                        in_string = !in_string;
                else if (!in_string && (text[i] == '\'' || text[i] == 'N' || text[i] == 'I'))
                        return false;
                else if (!in_string && text[i] == ':')
                        n++;
        *ret = n;
        return true;
}

/* Recursion is bounded by the parser's DEPTH_MAX. */
static size_t count_members(json_object *value)
{
        size_t n = 0;

        if (json_object_is_type(value, json_type_object)) {
                json_object_object_foreach (value, key, member) {
                        (void) key;
                        n += 1 + count_members(member);
                }
        } else if (json_object_is_type(value, json_type_array))
                for (size_t i = 0; i < json_object_array_length(value); i++)
                        n += count_members(json_object_array_get_idx(value, i));
        return n;
}

/* One JSON object and nothing else but white space. */
static int parse_document(const char *text, size_t size, json_object **ret, Fault *fault)
{
        json_tokener *tokener;
        json_object *document;
        enum json_tokener_error error;
        size_t end, n_written = 0;

        if (size > MANIFEST_MAX_BYTES)
                return fault_set(fault, FAULT_CORRUPT, "too large to be a manifest");
        tokener = json_tokener_new_ex(DEPTH_MAX);
        if (!tokener)
                return fault_set_errno(fault, ENOMEM, "Reading a manifest");
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        document = json_tokener_parse_ex(tokener, text, (int) size);
        error = json_tokener_get_error(tokener);
        end = json_tokener_get_parse_end(tokener);
        json_tokener_free(tokener);

        while (end < size && strchr(" \t\r\n", text[end]) && text[end] != '\0')
                end++;
        if (error == json_tokener_success && end == size &&
                        json_object_is_type(document, json_type_object) &&
                        count_written_members(text, size, &n_written) &&
                        n_written == count_members(document)) {
                *ret = document;
                return 0;
        }
        (void) json_object_put(document);
        if (error == json_tokener_continue)
                return fault_set(fault, FAULT_CORRUPT, "cut short, not a whole JSON document");
        if (error != json_tokener_success)
                return fault_set(fault, FAULT_CORRUPT, "not JSON: %s", json_tokener_error_desc(error));
        return fault_set(fault,
                        FAULT_CORRUPT,
                        "not one JSON object with each key once, and nothing behind it");
}

/* NULL with 0 when the key is missing; a JSON null counts as missing too. */
static int get_text(json_object *document, const char *key, const char **ret, Fault *fault)
{
        json_object *value = json_object_object_get(document, key);
        const char *text;

        *ret = NULL;
        if (!value)
                return 0;
        if (!json_object_is_type(value, json_type_string))
                return wrong_value(key, fault);
        text = json_object_get_string(value);
        /* "\u0000" is valid JSON, and would cut a C string short. */
        if (strlen(text) != (size_t) json_object_get_string_len(value))
                return wrong_value(key, fault);
        *ret = text;
        return 0;
}

static int get_number(json_object *value, const char *key, uint64_t *ret, Fault *fault)
{
        int64_t number;

        if (!json_object_is_type(value, json_type_int))
                return wrong_value(key, fault);
        number = json_object_get_int64(value); /* saturates, and so ends up out of range */
        if (number < 0 || number > NUMBER_MAX)
                return wrong_value(key, fault);
        *ret = (uint64_t) number;
        return 0;
}

static int read_boolean(json_object *document, const char *key, bool *ret, Fault *fault)
{
        json_object *value = json_object_object_get(document, key);

        if (!value)
                return 0;
        if (!json_object_is_type(value, json_type_boolean))
                return wrong_value(key, fault);
        *ret = json_object_get_boolean(value);
        return 0;
}

static int read_texts(json_object *document, Manifest *manifest, Fault *fault)
{
        for (size_t i = 0; i < ELEMENTSOF(text_fields); i++) {
                char **field = FIELD_AT(manifest, char *, text_fields[i].offset);
                const char *text;
                int r = get_text(document, text_fields[i].key, &text, fault);

                if (r < 0)
                        return r;
                if (!text)
                        continue;
                *field = strdup(text);
                if (!*field)
                        return fault_set_errno(fault, ENOMEM, "Reading a manifest");
        }
        return 0;
}

static int read_numbers(json_object *document, Manifest *manifest, Fault *fault)
{
        for (size_t i = 0; i < ELEMENTSOF(number_fields); i++) {
                json_object *value = json_object_object_get(document, number_fields[i].key);
                int r;

                if (!value)
                        continue;
                r = get_number(value,
                                number_fields[i].key,
                                FIELD_AT(manifest, uint64_t, number_fields[i].offset),
                                fault);
                if (r < 0)
                        return r;
        }
        if (manifest->page_size_bytes != 0 &&
                        (manifest->page_size_bytes < 512 || manifest->page_size_bytes > 65536 ||
                                        (manifest->page_size_bytes & (manifest->page_size_bytes - 1)) != 0))
                return wrong_value("page_size_bytes", fault);
        return 0;
}

static int read_digests(json_object *document, Manifest *manifest, Fault *fault)
{
        for (size_t i = 0; i < ELEMENTSOF(digest_fields); i++) {
                const char *text;
                int r = get_text(document, digest_fields[i].key, &text, fault);

                if (r < 0)
                        return r;
                if (!text)
                        continue;
                if (strlen(text) != DIGEST_HEX_MAX - 1 || strspn(text, "0123456789abcdef") != strlen(text))
                        return wrong_value(digest_fields[i].key, fault);
                memcpy(FIELD_AT(manifest, char, digest_fields[i].offset), text, DIGEST_HEX_MAX);
        }
        return 0;
}

static int read_tables(json_object *document, Manifest *manifest, Fault *fault)
{
        json_object *rows = json_object_object_get(document, "rows_per_table");

        if (!rows)
                return 0;
        if (!json_object_is_type(rows, json_type_object))
                return wrong_value("rows_per_table", fault);
        if (json_object_object_length(rows) == 0)
                return 0;
        manifest->tables = calloc((size_t) json_object_object_length(rows), sizeof *manifest->tables);
        if (!manifest->tables)
                return fault_set_errno(fault, ENOMEM, "Reading a manifest");
        json_object_object_foreach (rows, key, value) {
                TableCount *table = manifest->tables + manifest->n_tables;
                int r = get_number(value, "rows_per_table", &table->rows, fault);

                if (r < 0)
                        return r;
                table->name = strdup(key);
                if (!table->name)
                        return fault_set_errno(fault, ENOMEM, "Reading a manifest");
                manifest->n_tables++;
        }
        table_counts_sort(manifest->tables, manifest->n_tables);
        return 0;
}

/* Others may name more of them; only what is less than a full check matters. */
static int read_checks(json_object *document, Manifest *manifest, Fault *fault)
{
        json_object *checks = json_object_object_get(document, "checks");

        if (!checks)
                return 0;
        if (!json_object_is_type(checks, json_type_array))
                return wrong_value("checks", fault);
        for (size_t i = 0; i < json_object_array_length(checks); i++) {
                json_object *check = json_object_array_get_idx(checks, i);

                if (!json_object_is_type(check, json_type_string))
                        return wrong_value("checks", fault);
                if (strcmp(json_object_get_string(check), MANIFEST_QUICK_CHECK) == 0)
                        manifest->quick_check = true;
        }
        return 0;
}

/* What the fields say about the stored file must agree with its name. */
static int read_identity(json_object *document, Manifest *manifest, Fault *fault)
{
        char name[BACKUP_NAME_MAX];
        const char *kind, *compression;
        bool encrypted;
        int r;

        if (!manifest->name || !backup_name_is_valid(manifest->name))
                return wrong_value("name", fault);
        if (!manifest->file || backup_name_from_file(manifest->file,
                                               name,
                                               &manifest->compression,
                                               &manifest->encrypted) < 0)
                return wrong_value("file", fault);
        if (manifest->label && !backup_label_is_valid(manifest->label))
                return wrong_value("label", fault);
        if (manifest->database_id && !database_id_is_valid(manifest->database_id))
                return wrong_value("database_id", fault);

        r = get_text(document, "kind", &kind, fault);
        if (r < 0)
                return r;
        manifest->kind = kind ? backup_kind_from_string(kind) : _BACKUP_KIND_INVALID;
        if (manifest->kind < 0)
                return wrong_value("kind", fault);

        r = get_text(document, "compression", &compression, fault);
        if (r < 0)
                return r;
        if (compression && compression_from_string(compression) != manifest->compression)
                return wrong_value("compression", fault);

        encrypted = manifest->encrypted;
        r = read_boolean(document, "encrypted", &encrypted, fault);
        if (r < 0)
                return r;
        return encrypted == manifest->encrypted ? 0 : wrong_value("encrypted", fault);
}

/* When the application's own script says that it made this. After a verification the document is ours, too.
 */
static void read_foreign_time(json_object *document, Manifest *manifest)
{
        json_object *value = json_object_object_get(document, "backup_time");
        uint64_t usec;

        if (json_object_is_type(value, json_type_string) &&
                        timestamp_parse_local(json_object_get_string(value), &usec) >= 0 &&
                        usec <= (uint64_t) NUMBER_MAX)
                manifest->created_usec = usec;
}

int manifest_parse(const char *text, size_t size, Manifest **ret, Fault *fault)
{
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        json_object *document, *version;
        int r;

        if (manifest_new(&manifest) < 0)
                return fault_set_errno(fault, ENOMEM, "Reading a manifest");
        r = parse_document(text, size, &manifest->unknown, fault);
        if (r < 0)
                return r;
        document = manifest->unknown;

        version = json_object_object_get(document, "version");
        if (!json_object_is_type(version, json_type_int) ||
                        !json_object_is_type(json_object_object_get(document, "file"), json_type_string)) {
                manifest->adopted = true;
                read_foreign_time(document, manifest);
                *ret = TAKE_PTR(manifest);
                return 0;
        }
        if (json_object_get_int64(version) > MANIFEST_VERSION)
                return fault_set(fault,
                                FAULT_NOT_SUPPORTED,
                                "written by a later version of this service; upgrade to use this backup");
        if (json_object_get_int64(version) != MANIFEST_VERSION)
                return wrong_value("version", fault);

        r = read_texts(document, manifest, fault);
        if (r >= 0)
                r = read_numbers(document, manifest, fault);
        if (r >= 0)
                r = read_digests(document, manifest, fault);
        if (r >= 0)
                r = read_checks(document, manifest, fault);
        if (r >= 0)
                r = read_tables(document, manifest, fault);
        if (r >= 0)
                r = read_boolean(document, "adopted", &manifest->adopted, fault);
        if (r >= 0)
                r = read_boolean(document, "kept", &manifest->kept, fault);
        if (r >= 0)
                r = read_identity(document, manifest, fault);
        if (r < 0)
                return r;
        if (manifest->adopted)
                read_foreign_time(document, manifest);
        *ret = TAKE_PTR(manifest);
        return 0;
}
