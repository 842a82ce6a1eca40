/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From a Manifest to its JSON text (see manifest.h): a pure function, too. It starts from the document that
 * was read, so that what a foreign or a later writer put there stays, in its place. */

#include <string.h>

#include "backup/catalogue/manifest-fields.h"
#include "base/timestamp.h"
#include "base/utf8.h"

/* Takes `value` over in every case; a NULL value is "out of memory". */
static int put(json_object *document, const char *key, json_object *value)
{
        if (!value)
                return -ENOMEM;
        if (json_object_object_add(document, key, value) < 0) {
                (void) json_object_put(value);
                return -ENOMEM;
        }
        return 0;
}

static int put_text(json_object *document, const char *key, const char *text)
{
        _cleanup_free_ char *valid = NULL;

        if (!text || text[0] == '\0') {
                json_object_object_del(document, key);
                return 0;
        }
        valid = strdup(text);
        if (!valid)
                return -ENOMEM;
        utf8_make_valid(valid);
        return put(document, key, json_object_new_string(valid));
}

/* The same moment for people, beside the number of microseconds. */
static int put_moment(json_object *document, const char *key, uint64_t usec)
{
        char text[TIMESTAMP_RFC3339_MAX] = "";

        if (usec > 0 && timestamp_format_rfc3339(usec, text) < 0)
                text[0] = '\0';
        return put_text(document, key, text);
}

static int put_checks(json_object *document, const Manifest *manifest)
{
        static const char *const full[] = {"read-back", "integrity_check", "foreign_key_check"},
                                 *const quick[] = {"read-back", MANIFEST_QUICK_CHECK};
        const char *const *checks = manifest->quick_check ? quick : full;
        size_t n = manifest->quick_check ? ELEMENTSOF(quick) : ELEMENTSOF(full);
        json_object *array;

        if (manifest->verified_usec == 0) {
                json_object_object_del(document, "checks");
                return 0;
        }
        array = json_object_new_array();
        for (size_t i = 0; array && i < n; i++)
                (void) json_object_array_add(array, json_object_new_string(checks[i]));
        return put(document, "checks", array);
}

static int put_tables(json_object *document, const Manifest *manifest)
{
        json_object *rows = json_object_new_object();
        int r = rows ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < manifest->n_tables; i++) {
                _cleanup_free_ char *name = strdup(manifest->tables[i].name);

                if (!name) {
                        r = -ENOMEM;
                        break;
                }
                utf8_make_valid(name);
                r = put(rows, name, json_object_new_uint64(manifest->tables[i].rows));
        }
        if (r < 0) {
                (void) json_object_put(rows);
                return r;
        }
        return put(document, "rows_per_table", rows);
}

static int put_fields(json_object *document, const Manifest *manifest)
{
        int r;

        r = put(document, "version", json_object_new_int(MANIFEST_VERSION));
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(text_fields); i++)
                r = put_text(document,
                                text_fields[i].key,
                                *CONST_FIELD_AT(manifest, char *, text_fields[i].offset));
        if (r >= 0)
                r = put_text(document, "kind", backup_kind_to_string(manifest->kind));
        if (r >= 0)
                r = put_moment(document, "created", manifest->created_usec);
        if (r >= 0)
                r = put_moment(document, "verified", manifest->verified_usec);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(number_fields); i++)
                r = put(document,
                                number_fields[i].key,
                                json_object_new_uint64(*CONST_FIELD_AT(
                                                manifest, uint64_t, number_fields[i].offset)));
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(digest_fields); i++)
                r = put_text(document,
                                digest_fields[i].key,
                                CONST_FIELD_AT(manifest, char, digest_fields[i].offset));
        if (r >= 0)
                r = put_text(document, "compression", compression_to_string(manifest->compression));
        if (r >= 0)
                r = put(document, "encrypted", json_object_new_boolean(manifest->encrypted));
        if (r >= 0)
                r = put(document, "adopted", json_object_new_boolean(manifest->adopted));
        if (r >= 0)
                r = put(document, "kept", json_object_new_boolean(manifest->kept));
        if (r >= 0)
                r = put_checks(document, manifest);
        if (r >= 0)
                r = put_tables(document, manifest);
        return r;
}

static const char *to_text(json_object *document, size_t *ret_size)
{
        return json_object_to_json_string_length(document,
                        JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE,
                        ret_size);
}

int manifest_format(const Manifest *manifest, char **ret, Fault *fault)
{
        json_object *document = NULL;
        const char *text = NULL;
        char *copy = NULL;
        size_t size = 0;
        int r = 0;

        if (manifest->unknown)
                r = json_object_deep_copy(manifest->unknown, &document, NULL);
        else
                document = json_object_new_object();
        if (r < 0 || !document)
                return fault_set_errno(fault, ENOMEM, "Writing the manifest of %s", manifest->file);

        r = put_fields(document, manifest);
        if (r >= 0)
                text = to_text(document, &size);
        if (text && size >= MANIFEST_MAX_BYTES) {
                json_object_object_del(document, "rows_per_table");
                text = to_text(document, &size);
        }
        if (text && size >= MANIFEST_MAX_BYTES) {
                (void) json_object_put(document);
                return fault_set(fault,
                                FAULT_NOT_SUPPORTED,
                                "The manifest of %s has too many foreign fields; move it away",
                                manifest->file);
        }
        if (text && asprintf(&copy, "%s\n", text) < 0)
                copy = NULL;
        (void) json_object_put(document);
        if (!copy)
                return fault_set_errno(fault, ENOMEM, "Writing the manifest of %s", manifest->file);
        *ret = copy;
        return 0;
}
