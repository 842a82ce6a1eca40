/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Reads the application's logs a page at a time, newest row first, in bounded work however large they are:
 * an index or the primary key leads to the rows, and a page ends early rather than look at too many that do
 * not fit. Pages follow each other by id, so rows that are added meanwhile neither repeat a row nor hide
 * one. Belongs to the connection's thread. */

#include "database/connection/connection.h"
#include "records/log-entry.h"

#define LOG_PAGE_ROWS_DEFAULT 100
#define LOG_PAGE_ROWS_MAX 1000

/* At how many rows a page looks, and how much text it holds, before it ends early. */
#define LOG_PAGE_SCAN_MAX 10000
#define LOG_PAGE_TEXT_BYTES MIB

/* The longest text shown: others may write what this service would not take. */
#define LOG_PAGE_LONGEST_BYTES (16 * KIB)

typedef struct LogFilter {
        LogTable table;
        int64_t before_id;       /* rows with a smaller id; 0 for the newest */
        uint64_t since_usec;     /* this moment, or later; 0 for all */
        uint64_t until_usec;     /* earlier than this; 0 for all */
        const char *action_type; /* or NULL */
        const char *severity;    /* or NULL; system_logs */
        int64_t user_id;         /* or 0; the user whom the row is about */
        unsigned limit;          /* rows; 1 to LOG_PAGE_ROWS_MAX */
} LogFilter;

typedef struct LogRow {
        int64_t id;
        bool cut;        /* a text was longer than LOG_PAGE_LONGEST_BYTES */
        LogEntry *entry; /* owned. What others wrote keeps to no bounds, but is made valid UTF-8; a moment
                          * that can't be read is 0 */
} LogRow;

typedef struct LogPage {
        LogRow *rows;
        size_t n_rows;
        int64_t next_before_id; /* where the next page begins; 0 when there is no more. A page with fewer
                                 * rows than were asked for, even none, need not be the last one */
} LogPage;

void log_page_done(LogPage *page);

/* What connection_fault() tells. */
int log_page_read(Connection *connection, const LogFilter *filter, LogPage *ret, Fault *fault);

/* The ways to the rows. */
typedef enum LogWay {
        LOG_WAY_ID,
        LOG_WAY_USER,
        LOG_WAY_TYPE,
        LOG_WAY_SEVERITY,
        LOG_WAY_TIME,       /* few rows lie between the two moments */
        LOG_WAY_COUNT_TIME, /* finds out whether that is so */
        _LOG_WAY_MAX,
        _LOG_WAY_INVALID = -EINVAL,
} LogWay;

/* The statement of a way, so that a test can ask SQLite how it runs it; NULL where the table has no such
 * column. */
const char *log_page_sql(LogTable table, LogWay way);
