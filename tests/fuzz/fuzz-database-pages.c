/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as a private copy of a database: what the service takes for sound, by its own reading of pages
 * and records, SQLite's check of the whole file takes for sound as well, and the other way round. Of what
 * the service could not check it claims neither. The same for the indexes of each table alone. */

#include <string.h>

#include "../database/table-opinion.h"
#include "database/check/index-proof.h"
#include "fuzz.h"
#include "scratch.h"

/* Of an input that is all schema. */
#define TABLES_MAX 16

typedef enum Verdict { VERDICT_NONE, VERDICT_SOUND, VERDICT_DAMAGED } Verdict;

/* By one statement of SQLite's, on a connection that none of our settings is made for. */
static Verdict ask_sqlite(const char *path)
{
        Connection plain = {.path = (char *) (uintptr_t) path};
        _cleanup_(check_result_done) CheckResult result = {0};
        _cleanup_fault_ Fault fault = {0};
        uint64_t rows;
        int r = -EBADMSG;

        if (sqlite3_open_v2(path, &plain.handle, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK)
                r = check_pragma_run(&plain, "PRAGMA integrity_check(2000000000)", &result, &rows, &fault);
        require(sqlite3_close(plain.handle) == SQLITE_OK);
        if (r < 0)
                return check_is_content(&fault) ? VERDICT_DAMAGED : VERDICT_NONE;
        return result.n_findings == 0 ? VERDICT_SOUND : VERDICT_DAMAGED;
}

static Verdict ask_service(const char *path)
{
        _cleanup_(check_result_done) CheckResult result = {0};
        _cleanup_fault_ Fault fault = {0};

        if (check_run(path, CONNECTION_PRIVATE, CHECK_FULL, 1, NULL, &result, &fault) < 0) {
                require(fault.message && fault.message[0]);
                return VERDICT_NONE;
        }
        require(result.healthy == (result.damage == 0) && result.healthy == !result.first_finding);
        require(result.healthy || result.n_findings > 0);
        if (!result.healthy)
                return VERDICT_DAMAGED;
        return result.unchecked ? VERDICT_NONE : VERDICT_SOUND;
}

static bool is_proved(Connection *connection, const char *table)
{
        IndexProof *proof = index_proof_new(connection, table);
        IndexProofVerdict verdict = INDEX_PROOF_OPEN;

        if (!proof)
                return false;
        for (unsigned n = index_proof_count_scans(proof); n-- > 0;)
                verdict = index_proof_scan(proof, connection, n);
        require(verdict != INDEX_PROOF_OPEN);
        index_proof_free(proof);
        return verdict == INDEX_PROOF_SOUND;
}

static void try_tables(Connection *connection)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *pin = NULL, *tables = NULL;

        if (connection_pin(connection, &pin, NULL) < 0 ||
                        connection_prepare(connection,
                                        "SELECT name FROM main.sqlite_schema WHERE type = 'table'",
                                        &tables,
                                        NULL) < 0)
                return;
        for (unsigned i = 0; i < TABLES_MAX && sqlite3_step(tables) == SQLITE_ROW; i++) {
                const char *table = (const char *) sqlite3_column_text(tables, 0);

                /* A number would be the bound of the answer. */
                if (table && !strchr("+-0123456789", table[0]) && is_proved(connection, table) &&
                                table_says_ok(connection, "quick_check", table))
                        require(table_says_ok(connection, "integrity_check", table));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Connection *connection = NULL;
        Verdict sqlite, service;
        Scratch scratch;

        scratch_begin(&scratch);
        scratch_write(&scratch, "", data, size);
        service = ask_service(scratch.path);
        if (connection_open(scratch.path, CONNECTION_PRIVATE, NULL, &connection, NULL) >= 0)
                try_tables(connection);
        connection_close(connection);
        sqlite = ask_sqlite(scratch.path);
        require(service == VERDICT_NONE || sqlite == VERDICT_NONE || service == sqlite);
        require(service != VERDICT_SOUND || sqlite == VERDICT_SOUND);
        scratch_end(&scratch);
        return 0;
}
