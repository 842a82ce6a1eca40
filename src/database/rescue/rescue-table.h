/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One table of a rescue: how its records lie in the damaged file, and how they come into the result, whose
 * connection has the result as `main` and the backup attached as `backup`. */

#include "database/connection/connection.h"
#include "database/rescue/rescue.h"
#include "database/rescue/salvage-tree.h"

/* A stretch of keys about which the damaged file says nothing: between two rows, or from one on. */
typedef struct RescueGap {
        bool has_low, has_high;
        int64_t low, high;                       /* exclusive; with rowids */
        unsigned char *low_record, *high_record; /* without rowids */
        uint64_t n_low_bytes, n_high_bytes;
        uint64_t n_rows;  /* that it lacks, where that is known: broken cells */
        unsigned n_pages; /* that can't be read, with what lies below them */
} RescueGap;

typedef struct RescueTask {
        Connection *target;
        SalvageFile *file;
        const char *schema; /* of the table that is filled: "main" or "temp" */
        const char *name;
        const char *backup_name; /* NULL: the backup has no such table */
        SalvageTree tree;

        bool without_rowid;
        unsigned n_fields;  /* of a whole record */
        int *parameters;    /* of each field in an INSERT; 0 for what is computed, or is the rowid */
        char **columns;     /* of each field, quoted; NULL for what is computed, or is the rowid */
        char *rowid_column; /* quoted; NULL when it can't be written */
        unsigned n_keys;    /* without rowids: the first fields are the key */
        char **keys;        /* their expressions, with collation */
        bool *descending;

        sqlite3_stmt **inserts; /* by number of fields */
        RescueGap *gaps;
        size_t n_gaps;
        bool gap_is_open;
        bool has_last;
        int64_t last_rowid;
        unsigned char *last_record;
        uint64_t n_last_bytes;
        uint64_t n_live, n_live_bytes; /* rows read, and how long they are */
        uint64_t n_refused;            /* rows that a constraint of the table refuses */
        uint64_t n_kept;
} RescueTask;

/* Fills in the columns. The table's name in the result is `schema`.`name`. */
int rescue_task_init(RescueTask *task, Fault *fault);
void rescue_task_done(RescueTask *task);

/* Puts a row in; one that a constraint refuses is counted. */
int rescue_task_insert(RescueTask *task, const SalvageEntry *entry, unsigned n_fields, Fault *fault);

/* Reads the tree into the table, which is emptied first. */
int rescue_task_read(RescueTask *task, Fault *fault);

/* Takes back what was read: the whole table becomes one gap. */
int rescue_task_forget(RescueTask *task, Fault *fault);

/* A leaf that nothing leads to, within one of its gaps: its rows are taken, and the gap becomes two. */
int rescue_task_adopt(RescueTask *task, uint32_t page, int64_t first, int64_t last, Fault *fault);

/* Puts the backup's rows into the gaps; with `listed`, those alone whose rowids are in temp.rescue_ids. */
int rescue_task_close_gaps(RescueTask *task, bool listed, Fault *fault);

/* Columns that both have, but for computed ones, which can't be written. By sqlite3_free(). */
char *rescue_task_common_columns(const RescueTask *task);

/* Whether a stretch of rowids lies in one of its gaps. */
bool rescue_task_has_gap(const RescueTask *task, int64_t first, int64_t last);

/* Run SQL made by sqlite3_mprintf(); the second gives the first column of its row. */
int rescue_execute(Connection *connection, Fault *fault, const char *format, ...);
int rescue_query(Connection *connection, int64_t *ret, Fault *fault, const char *format, ...);
