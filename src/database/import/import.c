/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/import/import.h"

#include <string.h>
#include <sys/stat.h>

#include "base/quantity.h"
#include "database/check/check.h"
#include "database/import/import-header.h"
#include "database/import/import-target.h"

typedef struct Import {
        Progress *progress; /* borrowed */
        JsonReader *reader;
        ImportHeader header;
        ImportTarget target;
        ImportRow row;
        size_t next_entry; /* in the schema, from where the next table is looked for */
        bool has_sequence; /* the schema made SQLite keep the highest keys, in a table of their own */
        bool sequence_seen;
} Import;

/* Rows go into the tables before the rest is created. Virtual tables come last: from then on SQLite guards
 * their shadow tables. */
typedef enum EntryTurn {
        TURN_TABLES,
        TURN_REST,
        TURN_VIRTUAL_TABLES,
} EntryTurn;

static void import_done(Import *import)
{
        import_target_done(&import->target);
        import_row_done(&import->row);
        import_header_done(&import->header);
        import->reader = json_reader_free(import->reader);
}

static EntryTurn entry_turn(const ImportEntry *entry)
{
        if (strcmp(entry->type, "table") != 0)
                return TURN_REST;
        return import_entry_is_virtual(entry) ? TURN_VIRTUAL_TABLES : TURN_TABLES;
}

static int execute_entries(Import *import, EntryTurn turn, Fault *fault)
{
        for (size_t i = 0; i < import->header.n_entries; i++) {
                int r = 0;

                if (entry_turn(&import->header.entries[i]) != turn)
                        continue;
                if (import->progress)
                        r = progress_check(import->progress, fault);
                if (r >= 0)
                        r = import_guard_execute(
                                        import->target.connection, &import->header.entries[i], fault);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int create_tables(Import *import, Fault *fault)
{
        int64_t n_sequences = 0;
        int r = execute_entries(import, TURN_TABLES, fault);

        if (r >= 0)
                r = connection_query_integer(import->target.connection,
                                "SELECT count(*) FROM main.sqlite_schema WHERE name = 'sqlite_sequence'",
                                &n_sequences,
                                fault);
        if (r < 0)
                return r;
        import->has_sequence = n_sequences > 0;
        import->row.encoding = import->header.values.encoding;
        import->row.max_bytes =
                        (size_t) sqlite3_limit(import->target.connection->handle, SQLITE_LIMIT_LENGTH, -1);
        return 0;
}

/* The name that the next table must have; NULL when there is none left. */
static const char *expected_table(const Import *import, size_t *ret_entry)
{
        for (size_t i = import->next_entry; i < import->header.n_entries; i++)
                if (entry_turn(&import->header.entries[i]) == TURN_TABLES) {
                        *ret_entry = i;
                        return import->header.entries[i].name;
                }
        *ret_entry = import->header.n_entries;
        return import->has_sequence && !import->sequence_seen ? "sqlite_sequence" : NULL;
}

/* The latest token is the name. Each table once and in the schema's order, so that none is missing or comes
 * twice. */
static int begin_table(Import *import, Fault *fault)
{
        size_t entry;
        const char *expected = expected_table(import, &entry);

        if (!expected)
                return json_reader_complain(import->reader, fault, "the schema has no further table");
        if (!json_reader_text_is(import->reader, expected))
                return json_reader_complain(import->reader,
                                fault,
                                "expected table %s: tables come in the order of the schema, each once",
                                expected);
        if (entry == import->header.n_entries)
                import->sequence_seen = true;
        else
                import->next_entry = entry + 1;
        return import_target_begin_table(&import->target, expected, fault);
}

static int require_all_tables(const Import *import, Fault *fault)
{
        size_t entry;
        const char *missing = expected_table(import, &entry);

        if (missing)
                return json_reader_complain(
                                import->reader, fault, "the rows of table %s are missing", missing);
        return 0;
}

static int expect_key(Import *import, const char *name, Fault *fault)
{
        int r = json_reader_expect(import->reader, JSON_KEY, name, fault);

        if (r >= 0 && !json_reader_text_is(import->reader, name))
                return json_reader_complain(import->reader, fault, "expected \"%s\" here", name);
        return r;
}

/* The member "columns": exactly those that the table has. */
static int read_columns(Import *import, Fault *fault)
{
        const ExportTable *table = import->target.table;
        size_t n = 0;
        int r = expect_key(import, "columns", fault);

        if (r >= 0)
                r = json_reader_expect(import->reader, JSON_ARRAY_BEGIN, "the names of the columns", fault);
        while (r >= 0) {
                JsonToken token;

                r = json_reader_next(import->reader, &token, fault);
                if (r < 0)
                        return r;
                if (token == JSON_ARRAY_END && n == table->n_columns)
                        return 0;
                if (token != JSON_STRING || n == table->n_columns ||
                                !json_reader_text_is(import->reader, table->columns[n].name))
                        return json_reader_complain(import->reader,
                                        fault,
                                        "the columns are not those that table %s has in the schema",
                                        table->name);
                n++;
        }
        return r;
}

/* A row whose opening bracket was read. */
static int read_row(Import *import, Fault *fault)
{
        int r = import_row_read(&import->row, import->reader, import->target.table->n_columns, fault);

        if (r >= 0)
                r = import_target_insert(&import->target, &import->row, import->reader, fault);
        import->reader->text_max_bytes = JSON_READER_TEXT_BYTES;
        return r;
}

static int read_rows(Import *import, Fault *fault)
{
        int r = expect_key(import, "rows", fault);

        if (r >= 0)
                r = json_reader_expect(import->reader, JSON_ARRAY_BEGIN, "the rows", fault);
        while (r >= 0) {
                JsonToken token;

                r = json_reader_next(import->reader, &token, fault);
                if (r < 0 || token == JSON_ARRAY_END)
                        return r;
                if (token != JSON_ARRAY_BEGIN)
                        return json_reader_complain(import->reader, fault, "a row is an array");
                r = read_row(import, fault);
        }
        return r;
}

/* The member "tables" of the one big object, and the object's end. */
static int read_tables(Import *import, Fault *fault)
{
        for (;;) {
                JsonToken token;
                int r = json_reader_next(import->reader, &token, fault);

                if (r < 0)
                        return r;
                if (token == JSON_OBJECT_END)
                        break;
                r = begin_table(import, fault);
                if (r >= 0)
                        r = json_reader_expect(
                                        import->reader, JSON_OBJECT_BEGIN, "a table, an object", fault);
                if (r >= 0)
                        r = read_columns(import, fault);
                if (r >= 0)
                        r = read_rows(import, fault);
                if (r >= 0)
                        r = json_reader_expect(import->reader,
                                        JSON_OBJECT_END,
                                        "nothing after the rows of a table",
                                        fault);
                if (r < 0)
                        return r;
        }
        return json_reader_expect(import->reader, JSON_OBJECT_END, "nothing after the tables", fault);
}

static int read_count(Import *import, const char *name, uint64_t counted, Fault *fault)
{
        int r = expect_key(import, name, fault);

        if (r >= 0)
                r = json_reader_expect(import->reader, JSON_INTEGER, "a number", fault);
        if (r >= 0 && (import->reader->integer < 0 || (uint64_t) import->reader->integer != counted))
                return json_reader_complain(import->reader,
                                fault,
                                "%s: what comes before does not add up; lines are missing or doubled",
                                name);
        return r;
}

static int read_end_line(Import *import, Fault *fault)
{
        int r = json_reader_expect(import->reader, JSON_OBJECT_BEGIN, "the counts", fault);

        if (r >= 0)
                r = read_count(import, "tables", import->target.n_tables, fault);
        if (r >= 0)
                r = read_count(import, "rows", import->target.n_rows, fault);
        if (r >= 0)
                r = json_reader_expect(import->reader, JSON_OBJECT_END, "nothing else", fault);
        return r;
}

static int read_table_line(Import *import, Fault *fault)
{
        int r = json_reader_expect(import->reader, JSON_STRING, "a table's name", fault);

        if (r >= 0)
                r = begin_table(import, fault);
        if (r >= 0)
                r = read_columns(import, fault);
        return r;
}

static int read_row_line(Import *import, Fault *fault)
{
        int r;

        if (!import->target.table)
                return json_reader_complain(import->reader, fault, "a row before the first table");
        r = json_reader_expect(import->reader, JSON_ARRAY_BEGIN, "a row, an array", fault);
        return r < 0 ? r : read_row(import, fault);
}

static int read_line(Import *import, bool *ret_is_end, Fault *fault)
{
        JsonToken token;
        int r = json_reader_next(import->reader, &token, fault);

        if (r < 0)
                return r;
        if (token == JSON_END)
                return json_reader_complain(import->reader,
                                fault,
                                "the line with the counts is missing; it was cut short");
        if (token != JSON_OBJECT_BEGIN)
                return json_reader_complain(import->reader, fault, "each line is an object");
        r = json_reader_expect(import->reader, JSON_KEY, "\"table\", \"row\" or \"end\"", fault);
        if (r < 0)
                return r;
        *ret_is_end = json_reader_text_is(import->reader, "end");
        if (json_reader_text_is(import->reader, "row"))
                r = read_row_line(import, fault);
        else if (json_reader_text_is(import->reader, "table"))
                r = read_table_line(import, fault);
        else if (*ret_is_end)
                r = read_end_line(import, fault);
        else
                r = json_reader_complain(
                                import->reader, fault, "a line is a \"table\", a \"row\" or the \"end\"");
        return r < 0 ? r : json_reader_expect(import->reader, JSON_OBJECT_END, "the end of the line", fault);
}

static int read_lines(Import *import, Fault *fault)
{
        bool is_end = false;
        int r = 0;

        while (r >= 0 && !is_end)
                r = read_line(import, &is_end, fault);
        return r;
}

static int read_document(Import *import, Fault *fault)
{
        int r = import->header.is_lines ? read_lines(import, fault) : read_tables(import, fault);

        if (r >= 0)
                r = require_all_tables(import, fault);
        if (r >= 0)
                r = json_reader_expect(import->reader, JSON_END, "the end of the document", fault);
        return r;
}

static void begin_step(const Import *import, const char *step, uint64_t total_bytes)
{
        if (import->progress)
                progress_begin(import->progress, step, total_bytes);
}

static uint64_t file_size(int fd)
{
        struct stat status;

        return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? (uint64_t) status.st_size : 0;
}

static int check_target(const Import *import, uint64_t *ret_violations, Fault *fault)
{
        _cleanup_(check_result_done) CheckResult check = {0};
        int r;

        r = check_run(import->target.path,
                        CONNECTION_PRIVATE,
                        CHECK_FULL,
                        1,
                        import->progress,
                        &check,
                        fault);
        if (r < 0)
                return r;
        if (!check.healthy)
                return fault_set(fault,
                                FAULT_CORRUPT,
                                "The database made from the document does not pass its check, and was "
                                "removed: %s",
                                check.first_finding);
        *ret_violations = check.foreign_key_violations;
        return 0;
}

static int build(Import *import, const char *target_path, Fault *fault)
{
        int r = import_header_read(import->reader, &import->header, fault);

        if (r >= 0)
                r = import_target_create(&import->target,
                                target_path,
                                import->header.values.encoding,
                                import->progress,
                                fault);
        if (r >= 0)
                r = create_tables(import, fault);
        if (r >= 0)
                r = read_document(import, fault);
        if (r < 0)
                return r;
        begin_step(import, "indexing", 0);
        r = execute_entries(import, TURN_REST, fault);
        if (r >= 0)
                r = execute_entries(import, TURN_VIRTUAL_TABLES, fault);
        if (r >= 0)
                r = import_target_commit(&import->target,
                                import->header.values.user_version,
                                import->header.values.application_id,
                                fault);
        return r;
}

/* SQLite calls a full disk and a full database the same. */
static int pass_on(const Import *import, int r, Fault *met, Fault *fault)
{
        char most[QUANTITY_MAX];

        if (met->code == FAULT_NO_SPACE && import->target.max_bytes > 0) {
                quantity_format_size(import->target.max_bytes, most);
                return fault_set(fault,
                                FAULT_NO_SPACE,
                                "%s takes more than %s, or its disk is full; make room there, or set "
                                "RestoreMaxSize= where this is no mistake",
                                import->target.path,
                                most);
        }
        if (fault)
                fault_move(fault, met);
        return r;
}

int import_run(int input_fd,
                const char *target_path,
                uint64_t max_bytes,
                Progress *progress,
                ImportResult *ret,
                Fault *fault)
{
        _cleanup_(import_done) Import import = {.progress = progress, .target.max_bytes = max_bytes};
        _cleanup_fault_ Fault met = {0};
        uint64_t violations = 0;
        int r;

        r = json_reader_new(input_fd, progress, &import.reader, fault);
        if (r < 0)
                return r;
        begin_step(&import, "importing", file_size(input_fd));
        r = build(&import, target_path, &met);
        if (r < 0)
                return pass_on(&import, r, &met, fault);
        begin_step(&import, "checking", 0);
        r = check_target(&import, &violations, fault);
        if (r < 0)
                return r;
        *ret = (ImportResult){
                        .tables = import.target.n_tables,
                        .rows = import.target.n_rows,
                        .bytes = import.reader->input.read_bytes,
                        .foreign_key_violations = violations,
        };
        import_target_keep(&import.target);
        return 0;
}
