/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Does each index of a table hold exactly what the table holds? `PRAGMA integrity_check` asks that of every
 * row of every index by a look-up, all over the index; this reads the table and each index once, in their
 * own order, and can say one thing only: that they belong together. `quick_check(TABLE)`, which
 * integrity_check makes the same way, has to say of the same table that its trees are sound.
 *
 * Why that is as much. The check looks each row's key up in each index, wants as many entries as rows, and
 * wants no second entry with a key that has to be unique. Here
 * - each record of an index is taken apart in SQLite's own strict form, so that the ways of reading and of
 *   comparing it agree (record-value.h). A SELECT would not do: it takes records with fields too many or of
 *   reserved types for good ones, which the look-up does not;
 * - the entries ascend strictly, in the order that the index has, so that a look-up finds what is there;
 * - for each index, the sums of the 128-bit hashes of the keys that the rows should have, and of those that
 *   it has, are the same: they are the same keys, and as many, but for an accident of about 2^-128. The
 *   hash is XXH3 with a secret drawn for each proof, of a long key through its SHA-256: no way is known to
 *   make a file that provokes such an accident without the secret;
 * - neighbours in a unique index differ, unless a column that may be NULL is.
 * Whatever else is found or can't be read is a doubt, and SQLite's own check has to decide.
 *
 * Tables with rowids in UTF-8 databases are taken on whose indexes are all plain: columns only, of BINARY
 * collation, all rows, and are as many as the schema's rows tell. The scans may run at the same time in
 * different threads, each with a connection of its own; all have to see the same state of the database. */

#include "database/connection/connection.h"

typedef struct IndexProof IndexProof;

typedef enum IndexProofVerdict {
        INDEX_PROOF_OPEN,    /* other scans have not ended yet */
        INDEX_PROOF_SOUND,   /* that was the last one: each index is its table's */
        INDEX_PROOF_DOUBTED, /* that was the last one: ask SQLite */
} IndexProofVerdict;

/* Prepares the proof for a table; NULL when it is not taken on, or anything fails. */
IndexProof *index_proof_new(Connection *connection, const char *table);
IndexProof *index_proof_free(IndexProof *proof);

/* Whether an index holds the keys of its table's rows, and no others, in whatever order: another collation
 * of its name sorts them otherwise. 1 or 0; -1 when that can't be told. For a live database as well. */
int index_proof_compare_keys(Connection *connection, const char *table, const char *index);

/* How many scans there are: one of the table (number 0) and one for each index. */
unsigned index_proof_count_scans(const IndexProof *proof);

/* Makes one of them; each has to be made once. For a connection as page-file.h wants it. A scan that is
 * cancelled by progress_cancel() leaves a doubt. */
IndexProofVerdict index_proof_scan(IndexProof *proof, Connection *connection, unsigned number);
