/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records/log-page.h"

#include <string.h>

#include "base/timestamp.h"
#include "base/utf8.h"
#include "database/connection/table-columns.h"

/* The columns, in the order of the next enum. */
#define SYSTEM_COLUMNS                                                                     \
        "id, {system_logs.created_at}, {system_logs.action_type}, {system_logs.user_id}, " \
        "{system_logs.ip_address}, {system_logs.extra_data}, {system_logs.severity}, "     \
        "{system_logs.message}, "                                                          \
        "{system_logs.admin_id}"
#define ACCESS_COLUMNS                                                                          \
        "id, {access_logs.created_at}, {access_logs.action_type}, {access_logs.user_id}, "      \
        "{access_logs.ip_address}, {access_logs.extra_data}, {access_logs.subscription_plan}, " \
        "{access_logs.match_id}, {access_logs.prediction_id}"

enum {
        COLUMN_ID,
        COLUMN_CREATED,
        COLUMN_TYPE,
        COLUMN_USER,
        COLUMN_ADDRESS,
        COLUMN_EXTRA,
        COLUMN_SEVERITY,
        COLUMN_MESSAGE,
        COLUMN_ADMIN,
        COLUMN_PLAN = COLUMN_SEVERITY,
        COLUMN_MATCH,
        COLUMN_PREDICTION,
};

#define READ(columns, table, condition) \
        "SELECT " columns " FROM main." table " WHERE " condition "id < :before ORDER BY id DESC"

/* Text only: what has another type in this column is no moment. */
#define IN_TIME "created_at >= :since AND created_at < :until"

#define WAYS(columns, table)                                                                             \
        [LOG_WAY_ID] = READ(columns, table, ""),                                                         \
        [LOG_WAY_USER] = READ(columns, table, "user_id = :user AND "),                                   \
        [LOG_WAY_TYPE] = READ(columns, table, "action_type = :type AND "),                               \
        [LOG_WAY_TIME] = READ(                                                                           \
                        columns, table, "id IN (SELECT id FROM main." table " WHERE " IN_TIME ") AND "), \
        [LOG_WAY_COUNT_TIME] = "SELECT count(*) FROM (SELECT 1 FROM main." table " WHERE " IN_TIME       \
                               " LIMIT :enough)"

static const char *const statements[_LOG_TABLE_MAX][_LOG_WAY_MAX] = {
                [LOG_SYSTEM] = {WAYS(SYSTEM_COLUMNS, "system_logs"),
                                [LOG_WAY_SEVERITY] = READ(
                                                SYSTEM_COLUMNS, "system_logs", "severity = :severity AND ")},
                [LOG_ACCESS] = {WAYS(ACCESS_COLUMNS, "access_logs")},
};

const char *log_page_sql(LogTable table, LogWay way)
{
        return statements[table][way];
}

void log_page_done(LogPage *page)
{
        for (size_t i = 0; i < page->n_rows; i++)
                free(page->rows[i].entry);
        free(page->rows);
        *page = (LogPage){0};
}

/* What a page has cost so far. */
typedef struct Reading {
        Connection *connection;
        const LogFilter *filter;
        LogPage page;
        size_t text_bytes;
} Reading;

static int bind(sqlite3_stmt *statement, const char *name, const char *text, int64_t number)
{
        int i = sqlite3_bind_parameter_index(statement, name);

        if (i == 0)
                return SQLITE_OK;
        return text ? sqlite3_bind_text(statement, i, text, -1, SQLITE_TRANSIENT)
                    : sqlite3_bind_int64(statement, i, number);
}

/* To the second, downwards: "2026-01-24 01:46:21" sorts before all that the second has, with a fraction or
 * without. The rows are looked at exactly once more. */
static void format_second(uint64_t usec, char ret[static TIMESTAMP_RFC3339_MAX])
{
        if (timestamp_format_datetime(usec, ret) < 0)
                (void) strcpy(ret, "9999-12-31 23:59:59");
        ret[sizeof("2026-01-24 01:46:21") - 1] = '\0';
}

static int prepare(Reading *reading, LogWay way, sqlite3_stmt **ret, Fault *fault)
{
        const LogFilter *filter = reading->filter;
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        char since[TIMESTAMP_RFC3339_MAX], until[TIMESTAMP_RFC3339_MAX];
        int code, r;

        format_second(filter->since_usec, since);
        format_second(filter->until_usec > 0 && filter->until_usec <= UINT64_MAX - USEC_PER_SEC
                                        ? filter->until_usec + USEC_PER_SEC
                                        : UINT64_MAX,
                        until);
        r = table_prepare(reading->connection, log_page_sql(filter->table, way), &statement, fault);
        if (r < 0)
                return r;
        code = bind(statement, ":before", NULL, filter->before_id > 0 ? filter->before_id : INT64_MAX);
        if (code == SQLITE_OK)
                code = bind(statement, ":user", NULL, filter->user_id);
        if (code == SQLITE_OK && filter->action_type)
                code = bind(statement, ":type", filter->action_type, 0);
        if (code == SQLITE_OK && filter->severity)
                code = bind(statement, ":severity", filter->severity, 0);
        if (code == SQLITE_OK)
                code = bind(statement, ":since", since, 0);
        if (code == SQLITE_OK)
                code = bind(statement, ":until", until, 0);
        if (code == SQLITE_OK)
                code = bind(statement, ":enough", NULL, LOG_PAGE_SCAN_MAX + 1);
        if (code != SQLITE_OK)
                return connection_fault(reading->connection, code, fault, "Reading the log");
        *ret = TAKE_PTR(statement);
        return 0;
}

/* With few rows between the two moments they are all looked up; else the newest rows of the table come soon
 * to them, or the caller takes one page after the other. */
static int choose_way(Reading *reading, LogWay *ret, Fault *fault)
{
        const LogFilter *filter = reading->filter;
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        LogWay otherwise = filter->user_id != 0                              ? LOG_WAY_USER
                           : filter->action_type                             ? LOG_WAY_TYPE
                           : filter->severity && filter->table == LOG_SYSTEM ? LOG_WAY_SEVERITY
                                                                             : LOG_WAY_ID;
        int code, r;

        *ret = otherwise;
        if (filter->since_usec == 0 && filter->until_usec == 0)
                return 0;
        r = prepare(reading, LOG_WAY_COUNT_TIME, &statement, fault);
        if (r < 0)
                return r;
        code = sqlite3_step(statement);
        if (code != SQLITE_ROW)
                return connection_fault(reading->connection, code, fault, "Reading the log");
        if (sqlite3_column_int64(statement, 0) <= LOG_PAGE_SCAN_MAX)
                *ret = LOG_WAY_TIME;
        return 0;
}

static uint64_t moment_of(sqlite3_stmt *statement)
{
        const char *text = (const char *) sqlite3_column_text(statement, COLUMN_CREATED);
        uint64_t usec;

        return text && timestamp_parse_rfc3339(text, &usec) >= 0 ? usec : 0;
}

static bool column_is(sqlite3_stmt *statement, int column, const char *wanted)
{
        const char *text = (const char *) sqlite3_column_text(statement, column);

        return text && strcmp(text, wanted) == 0;
}

static bool is_wanted(sqlite3_stmt *statement, const LogFilter *filter)
{
        uint64_t moment_usec = moment_of(statement);

        if ((filter->since_usec > 0 || filter->until_usec > 0) &&
                        (moment_usec == 0 || moment_usec < filter->since_usec ||
                                        (filter->until_usec > 0 && moment_usec >= filter->until_usec)))
                return false;
        return (!filter->action_type || column_is(statement, COLUMN_TYPE, filter->action_type)) &&
               (!filter->severity || filter->table != LOG_SYSTEM ||
                               column_is(statement, COLUMN_SEVERITY, filter->severity)) &&
               (filter->user_id == 0 || sqlite3_column_int64(statement, COLUMN_USER) == filter->user_id);
}

/* A copy that is short enough and valid. Sets *ret_failed when out of memory. */
static char *take_text(Reading *reading, sqlite3_stmt *statement, int column, LogRow *row, bool *ret_failed)
{
        const char *text = (const char *) sqlite3_column_text(statement, column);
        size_t length;
        char *copy;

        if (!text)
                return NULL;
        length = strnlen(text, LOG_PAGE_LONGEST_BYTES + 1);
        if (length > LOG_PAGE_LONGEST_BYTES) {
                length = LOG_PAGE_LONGEST_BYTES;
                /* Not in the middle of a character. */
                while (length > 0 && ((unsigned char) text[length] & 0xc0) == 0x80)
                        length--;
                row->cut = true;
        }
        copy = strndup(text, length);
        if (!copy) {
                *ret_failed = true;
                return NULL;
        }
        utf8_make_valid(copy);
        reading->text_bytes += length;
        return copy;
}

static int take_row(Reading *reading, sqlite3_stmt *statement, LogRow *row)
{
        static const int columns[_LOG_TABLE_MAX][5] = {
                        [LOG_SYSTEM] = {COLUMN_TYPE,
                                        COLUMN_ADDRESS,
                                        COLUMN_EXTRA,
                                        COLUMN_SEVERITY,
                                        COLUMN_MESSAGE},
                        [LOG_ACCESS] = {COLUMN_TYPE, COLUMN_ADDRESS, COLUMN_EXTRA, COLUMN_PLAN, -1},
        };
        LogTable table = reading->filter->table;
        char *texts[5] = {0};
        bool failed = false;
        LogEntry entry = {
                        .table = table,
                        .created_usec = moment_of(statement),
                        .user_id = sqlite3_column_int64(statement, COLUMN_USER),
        };

        row->id = sqlite3_column_int64(statement, COLUMN_ID);
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (columns[table][i] >= 0)
                        texts[i] = take_text(reading, statement, columns[table][i], row, &failed);
        entry.action_type = texts[0];
        entry.ip_address = texts[1];
        entry.extra_data = texts[2];
        if (table == LOG_SYSTEM) {
                entry.severity = texts[3];
                entry.message = texts[4];
                entry.admin_id = sqlite3_column_int64(statement, COLUMN_ADMIN);
        } else {
                entry.subscription_plan = texts[3];
                entry.match_id = sqlite3_column_int64(statement, COLUMN_MATCH);
                entry.prediction_id = sqlite3_column_int64(statement, COLUMN_PREDICTION);
        }
        if (!failed)
                row->entry = log_entry_copy(&entry);
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                free(texts[i]);
        return row->entry ? 0 : -ENOMEM;
}

/* > 0 while there may be more. */
static int read_rows(Reading *reading, sqlite3_stmt *statement, Fault *fault)
{
        LogPage *page = &reading->page;
        unsigned n_seen = 0;
        int code;

        while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
                if (page->n_rows == reading->filter->limit || n_seen++ == LOG_PAGE_SCAN_MAX ||
                                reading->text_bytes >= LOG_PAGE_TEXT_BYTES)
                        return 1;
                page->next_before_id = sqlite3_column_int64(statement, COLUMN_ID);
                if (!is_wanted(statement, reading->filter))
                        continue;
                if (take_row(reading, statement, &page->rows[page->n_rows]) < 0)
                        return fault_set_errno(fault, ENOMEM, "Reading the log");
                page->n_rows++;
        }
        return code == SQLITE_DONE ? 0
                                   : connection_fault(reading->connection, code, fault, "Reading the log");
}

static int read_page(Reading *reading, Fault *fault)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        LogWay way;
        int r = choose_way(reading, &way, fault);

        if (r >= 0)
                r = prepare(reading, way, &statement, fault);
        if (r >= 0)
                r = read_rows(reading, statement, fault);
        if (r == 0)
                reading->page.next_before_id = 0;
        return r;
}

/* A filter by a column that is missing would find nothing, as if there were nothing. 1 when there are rows
 * to be looked for, 0 when there is no table. */
static int check_columns(Connection *connection, const LogFilter *filter, Fault *fault)
{
        const char *table = log_table_to_string(filter->table);
        const struct {
                const char *column;
                bool needed;
        } needs[] = {
                        {"id", true},
                        {"created_at", filter->since_usec > 0 || filter->until_usec > 0},
                        {"action_type", filter->action_type},
                        {"severity", filter->severity && filter->table == LOG_SYSTEM},
                        {"user_id", filter->user_id != 0},
        };
        bool is_there;
        int r = table_has_columns(connection, table, &is_there, fault);

        if (r < 0 || !is_there)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(needs); i++) {
                const char *const columns[] = {needs[i].column, NULL};

                if (needs[i].needed)
                        r = table_require_columns(connection, table, columns, "what is asked for", fault);
                if (r < 0)
                        return r;
        }
        return 1;
}

int log_page_read(Connection *connection, const LogFilter *filter, LogPage *ret, Fault *fault)
{
        Reading reading = {.connection = connection, .filter = filter};
        int r = check_columns(connection, filter, fault);

        if (r <= 0) {
                if (r == 0)
                        *ret = (LogPage){0};
                return r;
        }
        reading.page.rows = calloc(filter->limit, sizeof(LogRow));
        if (!reading.page.rows)
                return fault_set_errno(fault, ENOMEM, "Reading the log");
        r = read_page(&reading, fault);
        if (r < 0) {
                log_page_done(&reading.page);
                return r;
        }
        *ret = reading.page;
        return 0;
}
