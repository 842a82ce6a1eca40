/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/check/index-proof.h"

#include <openssl/sha.h>
#include <string.h>
#include <sys/random.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "database/page/record-value.h"
#include "database/page/tree-reader.h"

/* With the rowid no more than SQLite compares in its fastest way, which wants a short header. */
#define COLUMNS_MAX 12

#define SECRET_BYTES 192

/* XXH3 multiplies each part of a key up to that length with the secret by itself. In longer ones it adds the
 * parts up in lanes, where differences can be made to cancel whatever the secret is, about once in 2^33. */
#define SHORT_KEY_BYTES 240

typedef struct Column {
        uint32_t field;   /* of the table's records */
        bool is_rowid;    /* an alias of it; the field is NULL then */
        bool has_default; /* which rows from before the column was added don't hold */
        bool is_not_null;
        bool is_descending;
} Column;

typedef struct Sum {
        uint64_t low, high;
} Sum;

typedef struct Index {
        uint32_t root;
        bool is_unique;
        bool is_unordered;  /* its collations are not known */
        unsigned n_columns; /* without the rowid */
        Column columns[COLUMNS_MAX];
        Sum rows;    /* what the table's scan found */
        Sum entries; /* what the index's own scan found */
} Index;

struct IndexProof {
        unsigned char secret[SECRET_BYTES];
        uint32_t root;
        uint32_t n_fields; /* of the table's records, up to the last that is needed */
        Index *indexes;
        unsigned n_indexes;
        _Atomic unsigned n_open;
        _Atomic bool is_doubted;
};

/* A buffer that grows, and is used again. */
typedef struct Buffer {
        unsigned char *bytes;
        size_t n_allocated;
} Buffer;

static bool reserve(Buffer *buffer, size_t n_bytes)
{
        unsigned char *bytes;

        if (n_bytes <= buffer->n_allocated)
                return true;
        bytes = realloc(buffer->bytes, n_bytes * 2);
        if (!bytes)
                return false;
        *buffer = (Buffer){.bytes = bytes, .n_allocated = n_bytes * 2};
        return true;
}

/* A long key goes by its SHA-256; a short one that looks like one would have to be found first. */
static bool hash_key(const IndexProof *proof, const unsigned char *key, size_t n_bytes, XXH128_hash_t *ret)
{
        unsigned char digest[SHA256_DIGEST_LENGTH];

        if (n_bytes > SHORT_KEY_BYTES) {
                if (!SHA256(key, n_bytes, digest))
                        return false;
                key = digest;
                n_bytes = sizeof digest;
        }
        *ret = XXH3_128bits_withSecret(key, n_bytes, proof->secret, SECRET_BYTES);
        return true;
}

/* Adds a key, whose values are the columns' and the rowid. */
static bool add_key(const IndexProof *proof, Sum *sum, const RecordValue *values, unsigned n, Buffer *buffer)
{
        size_t n_bytes = n * RECORD_PUT_EXTRA;
        unsigned char *at;
        XXH128_hash_t hash;

        for (unsigned i = 0; i < n; i++)
                n_bytes += values[i].kind >= RECORD_TEXT ? values[i].n_bytes : 0;
        if (!reserve(buffer, n_bytes))
                return false;
        at = buffer->bytes;
        for (unsigned i = 0; i < n; i++)
                at = record_value_put(values + i, at);
        if (!hash_key(proof, buffer->bytes, (size_t) (at - buffer->bytes), &hash))
                return false;
        sum->low += hash.low64;
        sum->high += hash.high64;
        return true;
}

typedef struct Field {
        uint64_t type;
        uint64_t offset; /* in the record */
} Field;

typedef struct TableScan {
        TreeReader reader;
        Field *fields; /* of the row at hand */
        uint32_t n_present;
        const unsigned char *record;
        Buffer buffer;
        Sum *sums; /* for each index; copied to it at the end, since the indexes lie side by side */
} TableScan;

static void table_scan_done(TableScan *scan)
{
        tree_reader_done(&scan->reader);
        free(scan->fields);
        free(scan->buffer.bytes);
        free(scan->sums);
}

/* Finds where the fields are that are needed. */
static bool read_row(const IndexProof *proof, TableScan *scan, const PageCell *cell)
{
        const unsigned char *header = cell->local, *at, *end;
        uint64_t header_bytes, offset;
        uint32_t n = 0;

        at = page_get_varint(header, header + cell->local_bytes, &header_bytes);
        if (!at || header_bytes > cell->payload_bytes || header_bytes < (uint64_t) (at - header))
                return false;
        offset = (uint64_t) (at - header);
        header = tree_reader_payload(&scan->reader, cell, header_bytes);
        if (!header)
                return false;
        at = header + offset;
        end = header + header_bytes;
        offset = header_bytes;
        for (; n < proof->n_fields && at < end; n++) {
                uint64_t type;

                at = page_get_varint(at, end, &type);
                if (!at || type > UINT32_MAX)
                        return false;
                scan->fields[n] = (Field){.type = type, .offset = offset};
                offset += record_content_bytes(type);
        }
        scan->n_present = n;
        scan->record = tree_reader_payload(&scan->reader, cell, offset);
        return scan->record != NULL;
}

static bool read_column(const TableScan *scan, const Column *column, uint64_t rowid, RecordValue *ret)
{
        const Field *field = scan->fields + column->field;

        if (column->field >= scan->n_present) {
                if (column->has_default || column->is_rowid)
                        return false;
                *ret = (RecordValue){.kind = RECORD_NULL};
                return true;
        }
        if (column->is_rowid) {
                *ret = (RecordValue){.kind = RECORD_INTEGER, .integer = (int64_t) rowid};
                return field->type == 0;
        }
        return record_value_read(field->type, scan->record + field->offset, ret);
}

static bool add_row(const IndexProof *proof, TableScan *scan, uint64_t rowid)
{
        for (unsigned i = 0; i < proof->n_indexes; i++) {
                const Index *index = proof->indexes + i;
                RecordValue values[COLUMNS_MAX + 1];

                for (unsigned k = 0; k < index->n_columns; k++)
                        if (!read_column(scan, index->columns + k, rowid, values + k))
                                return false;
                values[index->n_columns] = (RecordValue){.kind = RECORD_INTEGER, .integer = (int64_t) rowid};
                if (!add_key(proof, scan->sums + i, values, index->n_columns + 1, &scan->buffer))
                        return false;
        }
        return true;
}

static bool scan_table(IndexProof *proof, const PageFile *file)
{
        _cleanup_(table_scan_done) TableScan scan = {
                        .fields = calloc(proof->n_fields, sizeof *scan.fields),
                        .sums = calloc(proof->n_indexes, sizeof *scan.sums),
        };
        PageCell cell;
        int r;

        if (!scan.fields || !scan.sums)
                return false;
        r = tree_reader_begin(&scan.reader, file, proof->root, false);
        if (r < 0)
                return false;
        while ((r = tree_reader_next(&scan.reader, &cell)) > 0)
                if (!read_row(proof, &scan, &cell) || !add_row(proof, &scan, cell.rowid))
                        return false;
        for (unsigned i = 0; i < proof->n_indexes; i++)
                proof->indexes[i].rows = scan.sums[i];
        return r == 0;
}

/* An entry of an index, copied from its page. */
typedef struct Entry {
        Buffer record;
        RecordValue values[COLUMNS_MAX + 1];
} Entry;

typedef struct IndexScan {
        TreeReader reader;
        Entry entries[2]; /* this one and the one before it, by turns */
        Buffer buffer;
} IndexScan;

static void index_scan_done(IndexScan *scan)
{
        tree_reader_done(&scan->reader);
        free(scan->entries[0].record.bytes);
        free(scan->entries[1].record.bytes);
        free(scan->buffer.bytes);
}

static bool read_entry(IndexScan *scan, const PageCell *cell, unsigned n_values, Entry *entry)
{
        const unsigned char *payload = tree_reader_payload(&scan->reader, cell, cell->payload_bytes);

        if (!payload || cell->payload_bytes == 0 || !reserve(&entry->record, cell->payload_bytes))
                return false;
        memcpy(entry->record.bytes, payload, cell->payload_bytes);
        return record_read_key(entry->record.bytes, cell->payload_bytes, n_values, entry->values);
}

/* A NULL is not the same as another one, except where there may be none: as the check has it. */
static bool has_allowed_null(const Index *index, const RecordValue *values)
{
        for (unsigned i = 0; i < index->n_columns; i++)
                if (values[i].kind == RECORD_NULL && !index->columns[i].is_not_null)
                        return true;
        return false;
}

/* May `next` come right after `previous`? */
static bool follows(const Index *index, const RecordValue *previous, const RecordValue *next)
{
        for (unsigned i = 0; i < index->n_columns; i++) {
                int r = record_value_compare(previous + i, next + i);

                if (r != 0)
                        return index->columns[i].is_descending ? r > 0 : r < 0;
        }
        if (index->is_unique && !has_allowed_null(index, next))
                return false;
        return record_value_compare(previous + index->n_columns, next + index->n_columns) < 0;
}

static bool scan_index(const IndexProof *proof, const PageFile *file, Index *index)
{
        _cleanup_(index_scan_done) IndexScan scan = {0};
        unsigned n_values = index->n_columns + 1;
        uint64_t n = 0;
        Sum sum = {0};
        PageCell cell;
        int r;

        r = tree_reader_begin(&scan.reader, file, index->root, true);
        if (r < 0)
                return false;
        for (; (r = tree_reader_next(&scan.reader, &cell)) > 0; n++) {
                Entry *entry = scan.entries + n % 2, *previous = scan.entries + (n + 1) % 2;

                if (!read_entry(&scan, &cell, n_values, entry) ||
                                (n > 0 && !index->is_unordered &&
                                                !follows(index, previous->values, entry->values)) ||
                                !add_key(proof, &sum, entry->values, n_values, &scan.buffer))
                        return false;
        }
        index->entries = sum;
        return r == 0;
}

static bool is_same(const Sum *a, const Sum *b)
{
        return a->low == b->low && a->high == b->high;
}

IndexProofVerdict index_proof_scan(IndexProof *proof, Connection *connection, unsigned number)
{
        unsigned char header[PAGE_FILE_HEADER_BYTES];
        PageFile file;

        if (!page_file_open(connection, &file, header) ||
                        !(number == 0 ? scan_table(proof, &file)
                                      : scan_index(proof, &file, proof->indexes + number - 1)))
                atomic_store(&proof->is_doubted, true);
        /* What the other scans have written is there to be read once they have counted themselves off. */
        if (atomic_fetch_sub(&proof->n_open, 1) > 1)
                return INDEX_PROOF_OPEN;
        if (atomic_load(&proof->is_doubted))
                return INDEX_PROOF_DOUBTED;
        for (unsigned i = 0; i < proof->n_indexes; i++)
                if (!is_same(&proof->indexes[i].rows, &proof->indexes[i].entries))
                        return INDEX_PROOF_DOUBTED;
        return INDEX_PROOF_SOUND;
}

unsigned index_proof_count_scans(const IndexProof *proof)
{
        return 1 + proof->n_indexes;
}

/* The root of the table, and how many indexes the schema has for it; no row when it is not one with rowids,
 * or has columns that its records don't hold. */
static const char table_sql[] =
                "SELECT min(s.rootpage),"
                " (SELECT count(*) FROM main.sqlite_schema AS i"
                "  WHERE i.type = 'index' AND i.tbl_name = ?1 COLLATE NOCASE)"
                " FROM main.sqlite_schema AS s"
                " WHERE s.type = 'table' AND s.name = ?1 AND s.rootpage > 0"
                " AND EXISTS (SELECT 1 FROM pragma_table_xinfo(?1, 'main'))"
                " AND NOT EXISTS (SELECT 1 FROM pragma_index_xinfo(?1, 'main'))" /* WITHOUT ROWID */
                " AND (SELECT encoding FROM pragma_encoding) = "
                "'UTF-8'"
                " AND NOT EXISTS (SELECT 1 FROM pragma_table_xinfo(?1, 'main') AS x WHERE x.hidden <> 0)"
                " HAVING count(*) = 1";

/* The fields of each index, or of the one that is named, by index. The rowid goes by another name when the
 * primary key is one column and has no index. A column that is not plain has NULL for its collation. */
static const char columns_sql[] =
                "SELECT l.seq, l.\"unique\","
                " (SELECT CASE count(*) WHEN 1 THEN min(s.rootpage) END FROM main.sqlite_schema AS s"
                "  WHERE s.type = 'index' AND s.name = l.name),"
                " i.cid, i.\"desc\", c.dflt_value IS NOT NULL, c.\"notnull\","
                " c.pk = 1 AND NOT EXISTS (SELECT 1 FROM pragma_index_list(?1, 'main') AS p"
                "  WHERE p.origin = 'pk'),"
                " i.key, (?2 IS NOT NULL OR i.coll = 'BINARY') AND NOT l.partial AND i.cid >= -1"
                " FROM pragma_index_list(?1, 'main') AS l"
                " JOIN pragma_index_xinfo(l.name, 'main') AS i"
                " LEFT JOIN pragma_table_xinfo(?1, 'main') AS c ON c.cid = i.cid"
                " WHERE ?2 IS NULL OR l.name = ?2"
                " ORDER BY l.seq, i.seqno";

static sqlite3_stmt *prepare(Connection *connection, const char *sql, const char *table)
{
        sqlite3_stmt *statement = NULL;

        if (connection_prepare(connection, sql, &statement, NULL) >= 0 &&
                        sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC) == SQLITE_OK)
                return statement;
        (void) sqlite3_finalize(statement);
        return NULL;
}

static bool read_root(Connection *connection, const char *table, IndexProof *proof, int64_t *ret_n_indexes)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = prepare(connection, table_sql, table);

        if (!statement || sqlite3_step(statement) != SQLITE_ROW)
                return false;
        proof->root = (uint32_t) sqlite3_column_int64(statement, 0);
        *ret_n_indexes = sqlite3_column_int64(statement, 1);
        return true;
}

static bool add_index(IndexProof *proof)
{
        Index *indexes = reallocarray(proof->indexes, proof->n_indexes + 1, sizeof *indexes);

        if (!indexes)
                return false;
        proof->indexes = indexes;
        indexes[proof->n_indexes++] = (Index){0};
        return true;
}

/* False when the column is not plain. The rowid ends an index. */
static bool add_column(IndexProof *proof, sqlite3_stmt *row)
{
        Index *index = proof->indexes + proof->n_indexes - 1;
        int field = sqlite3_column_int(row, 3);
        bool is_key = sqlite3_column_int(row, 8);

        index->is_unique = sqlite3_column_int(row, 1);
        index->root = (uint32_t) sqlite3_column_int64(row, 2);
        if (!sqlite3_column_int(row, 9) || is_key == (field < 0))
                return false;
        if (!is_key)
                return field == -1;
        if (index->n_columns == COLUMNS_MAX)
                return false;
        index->columns[index->n_columns++] = (Column){
                        .field = (uint32_t) field,
                        .is_descending = sqlite3_column_int(row, 4),
                        .has_default = sqlite3_column_int(row, 5),
                        .is_not_null = sqlite3_column_int(row, 6),
                        .is_rowid = sqlite3_column_int(row, 7),
        };
        proof->n_fields = MAX_OF(proof->n_fields, (uint32_t) field + 1);
        return true;
}

static bool read_indexes(Connection *connection, const char *table, const char *only, IndexProof *proof)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = prepare(connection, columns_sql, table);
        int code, last = -1;

        if (!statement || sqlite3_bind_text(statement, 2, only, -1, SQLITE_STATIC) != SQLITE_OK)
                return false;
        while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
                int number = sqlite3_column_int(statement, 0);

                if (number != last && !add_index(proof))
                        return false;
                proof->indexes[proof->n_indexes - 1].is_unordered = only;
                last = number;
                if (!add_column(proof, statement))
                        return false;
        }
        return code == SQLITE_DONE && proof->n_indexes > 0;
}

IndexProof *index_proof_free(IndexProof *proof)
{
        if (!proof)
                return NULL;
        free(proof->indexes);
        free(proof);
        return NULL;
}
DEFINE_CLEANUP(IndexProof *, index_proof_free);

IndexProof *index_proof_new(Connection *connection, const char *table)
{
        _cleanup_(index_proof_freep) IndexProof *proof = calloc(1, sizeof *proof);
        int64_t n_indexes;

        if (!proof || connection_shadows_pragmas(connection) ||
                        getrandom(proof->secret, SECRET_BYTES, 0) != SECRET_BYTES ||
                        !read_root(connection, table, proof, &n_indexes) ||
                        !read_indexes(connection, table, NULL, proof) || proof->n_indexes != n_indexes)
                return NULL;
        atomic_store(&proof->n_open, index_proof_count_scans(proof));
        return TAKE_PTR(proof);
}

int index_proof_compare_keys(Connection *connection, const char *table, const char *index)
{
        _cleanup_(index_proof_freep) IndexProof *proof = calloc(1, sizeof *proof);
        _cleanup_(page_file_done) PageFile file = {0};
        int64_t n_indexes;

        if (!proof || connection_shadows_pragmas(connection) ||
                        getrandom(proof->secret, SECRET_BYTES, 0) != SECRET_BYTES ||
                        !read_root(connection, table, proof, &n_indexes) ||
                        !read_indexes(connection, table, index, proof) || proof->n_indexes != 1 ||
                        page_file_open_live(connection, &file, NULL) <= 0 || !scan_table(proof, &file))
                return -1;
        return scan_index(proof, &file, proof->indexes) &&
               is_same(&proof->indexes->rows, &proof->indexes->entries);
}
