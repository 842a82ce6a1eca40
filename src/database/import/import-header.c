/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/import/import-header.h"

#include <inttypes.h>
#include <string.h>

#include "database/import/import.h"

void import_header_done(ImportHeader *header)
{
        for (size_t i = 0; i < header->n_entries; i++)
                import_entry_done(&header->entries[i]);
        free(header->entries);
        *header = (ImportHeader){0};
}

static int read_format(JsonReader *reader, ImportHeader *header, Fault *fault)
{
        int r = json_reader_expect(reader, JSON_STRING, "the name of the format", fault);

        if (r >= 0 && !json_reader_text_is(reader, EXPORT_FORMAT))
                r = json_reader_complain(
                                reader, fault, "this is no export: its format is not " EXPORT_FORMAT);
        return r;
}

static int read_version(JsonReader *reader, ImportHeader *header, Fault *fault)
{
        int r = json_reader_expect(reader, JSON_INTEGER, "the version of the format, an integer", fault);

        if (r < 0)
                return r;
        if (reader->integer < 1)
                return json_reader_complain(reader, fault, "there is no such version of the format");
        if (reader->integer > EXPORT_VERSION)
                return fault_set(fault,
                                FAULT_NOT_SUPPORTED,
                                "The document is in version %" PRId64
                                " of the format, and this program reads up "
                                "to %d; use a newer one",
                                reader->integer,
                                EXPORT_VERSION);
        return 0;
}

static int read_redacted(JsonReader *reader, ImportHeader *header, Fault *fault)
{
        JsonToken token;
        int r = json_reader_next(reader, &token, fault);

        if (r < 0)
                return r;
        if (token == JSON_TRUE)
                return fault_set(fault,
                                FAULT_NOT_SUPPORTED,
                                "The document is redacted: passwords and session tokens were left out, so "
                                "no "
                                "working database can be made from it; export again without redaction");
        if (token != JSON_FALSE)
                return json_reader_complain(reader, fault, "expected true or false");
        return 0;
}

static int read_encoding(JsonReader *reader, ImportHeader *header, Fault *fault)
{
        int r = json_reader_expect(reader, JSON_STRING, "the encoding of the database", fault);

        if (r < 0)
                return r;
        header->values.encoding = export_encoding_from_string(reader->text);
        if (header->values.encoding == 0)
                return json_reader_complain(reader, fault, "SQLite has no such encoding");
        return 0;
}

static int read_header_number(JsonReader *reader, int64_t *ret, Fault *fault)
{
        int r = json_reader_expect(reader, JSON_INTEGER, "an integer", fault);

        if (r < 0)
                return r;
        if (reader->integer < INT32_MIN || reader->integer > INT32_MAX)
                return json_reader_complain(reader, fault, "an integer of 32 bits is expected here");
        *ret = reader->integer;
        return 0;
}

static int read_user_version(JsonReader *reader, ImportHeader *header, Fault *fault)
{
        return read_header_number(reader, &header->values.user_version, fault);
}

static int read_application_id(JsonReader *reader, ImportHeader *header, Fault *fault)
{
        return read_header_number(reader, &header->values.application_id, fault);
}

static int read_entry_member(JsonReader *reader, ImportHeader *header, ImportEntry *entry, Fault *fault)
{
        char **const values[] = {&entry->type, &entry->name, &entry->table, &entry->sql};
        static const char *const names[] = {"type", "name", "table", "sql"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                int r;

                if (!json_reader_text_is(reader, names[i]))
                        continue;
                if (*values[i])
                        return json_reader_complain(reader, fault, "\"%s\" comes twice", names[i]);
                reader->text_max_bytes = IMPORT_SCHEMA_MAX_BYTES - header->schema_bytes;
                r = json_reader_expect(reader, JSON_STRING, "a string", fault);
                if (r < 0)
                        return r;
                if (strlen(reader->text) != reader->text_bytes)
                        return json_reader_complain(reader, fault, "a zero character in the schema");
                header->schema_bytes += reader->text_bytes;
                reader->text_max_bytes = JSON_READER_TEXT_BYTES;
                *values[i] = strdup(reader->text);
                return *values[i] ? 0 : fault_set_errno(fault, ENOMEM, "Reading the schema");
        }
        return json_reader_complain(reader, fault, "unknown member of a schema entry");
}

static int read_entry(JsonReader *reader, ImportHeader *header, ImportEntry *entry, Fault *fault)
{
        entry->line = reader->token_line;
        for (;;) {
                JsonToken token;
                int r = json_reader_next(reader, &token, fault);

                if (r < 0)
                        return r;
                if (token == JSON_OBJECT_END)
                        break;
                r = read_entry_member(reader, header, entry, fault);
                if (r < 0)
                        return r;
        }
        if (!entry->type || !entry->name || !entry->table || !entry->sql)
                return json_reader_complain(reader,
                                fault,
                                "a schema entry has \"type\", \"name\", \"table\" and \"sql\"");
        return 0;
}

static int add_entry(const JsonReader *reader, ImportHeader *header, Fault *fault)
{
        /* What is allocated counts too, else many empty entries would pass the bound. */
        if (header->schema_bytes + sizeof *header->entries > IMPORT_SCHEMA_MAX_BYTES)
                return json_reader_complain(reader, fault, "the schema is too large");
        header->schema_bytes += sizeof *header->entries;
        if (header->n_entries == header->n_allocated) {
                size_t n = MAX_OF((size_t) 32, 2 * header->n_allocated);
                ImportEntry *entries = reallocarray(header->entries, n, sizeof *entries);

                if (!entries)
                        return fault_set_errno(fault, ENOMEM, "Reading the schema");
                header->entries = entries;
                header->n_allocated = n;
        }
        header->entries[header->n_entries++] = (ImportEntry){0};
        return 0;
}

static int read_schema(JsonReader *reader, ImportHeader *header, Fault *fault)
{
        int r = json_reader_expect(reader, JSON_ARRAY_BEGIN, "the list of the schema", fault);

        while (r >= 0) {
                JsonToken token;

                r = json_reader_next(reader, &token, fault);
                if (r < 0 || token == JSON_ARRAY_END)
                        return r;
                if (token != JSON_OBJECT_BEGIN)
                        return json_reader_complain(reader, fault, "a schema entry is an object");
                r = add_entry(reader, header, fault);
                if (r >= 0)
                        r = read_entry(reader, header, &header->entries[header->n_entries - 1], fault);
        }
        return r;
}

static const struct {
        const char *name;
        int (*read)(JsonReader *reader, ImportHeader *header, Fault *fault);
} members[] = {
                {"format", read_format},
                {"version", read_version},
                {"redacted", read_redacted},
                {"encoding", read_encoding},
                {"user_version", read_user_version},
                {"application_id", read_application_id},
                {"schema", read_schema},
};

/* The latest token is the member's name. */
static int read_member(JsonReader *reader, ImportHeader *header, unsigned *seen, Fault *fault)
{
        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                if (!json_reader_text_is(reader, members[i].name))
                        continue;
                if (*seen & 1U << i)
                        return json_reader_complain(reader, fault, "\"%s\" comes twice", members[i].name);
                *seen |= 1U << i;
                return members[i].read(reader, header, fault);
        }
        return json_reader_complain(reader, fault, "unknown member of the header");
}

static int require_members(const JsonReader *reader, unsigned seen, Fault *fault)
{
        for (size_t i = 0; i < ELEMENTSOF(members); i++)
                if (!(seen & 1U << i))
                        return json_reader_complain(reader,
                                        fault,
                                        "\"%s\" is missing; all of the header comes before the tables",
                                        members[i].name);
        return 0;
}

int import_header_read(JsonReader *reader, ImportHeader *ret, Fault *fault)
{
        _cleanup_(import_header_done) ImportHeader header = {0};
        unsigned seen = 0;
        int r = json_reader_expect(reader, JSON_OBJECT_BEGIN, "an export, which begins with {", fault);

        while (r >= 0) {
                JsonToken token;

                r = json_reader_next(reader, &token, fault);
                if (r < 0)
                        return r;
                if (token == JSON_OBJECT_END || json_reader_text_is(reader, "tables")) {
                        r = require_members(reader, seen, fault);
                        if (r < 0)
                                return r;
                        header.is_lines = token == JSON_OBJECT_END;
                        break;
                }
                r = read_member(reader, &header, &seen, fault);
        }
        if (r >= 0 && !header.is_lines)
                r = json_reader_expect(reader, JSON_OBJECT_BEGIN, "the tables, an object", fault);
        if (r < 0)
                return r;
        *ret = header;
        header = (ImportHeader){0};
        return 0;
}
