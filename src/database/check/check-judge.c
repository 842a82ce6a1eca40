/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/check/check-judge.h"

#include <string.h>

#include "database/check/index-proof.h"

typedef struct Judge {
        Connection *connection;
        const PageProof *proof;
        CheckResult *result;
        unsigned told; /* the damage that first_finding tells */
} Judge;

static int keep(char **text, const char *words, Fault *fault)
{
        free(*text);
        *text = strdup(words);
        return *text ? 0 : fault_set_errno(fault, ENOMEM, "Checking the database");
}

static int add_damage(Judge *judge, unsigned damage, const char *words, Fault *fault)
{
        static const unsigned from_bad_to_good[] = {DAMAGE_CONTENT, DAMAGE_INDEXES, DAMAGE_FREE_PAGES};

        judge->result->damage |= damage;
        for (size_t i = 0; i < ELEMENTSOF(from_bad_to_good); i++) {
                if (judge->told == from_bad_to_good[i])
                        return 0;
                if (damage == from_bad_to_good[i])
                        break;
        }
        judge->told = damage;
        return keep(&judge->result->first_finding, words, fault);
}

/* The first is enough: it is for people. */
static int add_unchecked(Judge *judge, const char *words, Fault *fault)
{
        return judge->result->unchecked ? 0 : keep(&judge->result->unchecked, words, fault);
}

static int judge_proof(Judge *judge, Fault *fault)
{
        const PageProof *proof = judge->proof;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < proof->n_trees; i++) {
                const ProvedTree *tree = proof->trees + i;
                /* A page that two trees have would be lost with the one that is made again. */
                bool rows = !tree->is_index || tree->is_foreign;

                if (tree->finding)
                        r = add_damage(judge, rows ? DAMAGE_CONTENT : DAMAGE_INDEXES, tree->finding, fault);
        }
        if (r >= 0 && proof->free_finding)
                r = add_damage(judge, DAMAGE_FREE_PAGES, proof->free_finding, fault);
        return r;
}

static int judge_page(Judge *judge, const CheckLine *line, Fault *fault)
{
        const ProvedTree *owner = page_proof_owner(judge->proof, line->page);

        if (!owner)
                return judge->result->damage != 0 ? 0 : add_unchecked(judge, line->text, fault);
        /* The other one that has the page is the list of free pages. */
        if (!owner->finding && strstr(line->text, "2nd reference to page "))
                return add_damage(judge, DAMAGE_FREE_PAGES, line->text, fault);
        return add_damage(judge, owner->is_index ? DAMAGE_INDEXES : DAMAGE_CONTENT, line->text, fault);
}

typedef enum IndexNature {
        INDEX_PLAIN,    /* columns in the order of their bytes */
        INDEX_SORTED,   /* in a collation that an application may have replaced */
        INDEX_COMPUTED, /* of expressions, one entry for each row */
        INDEX_PARTIAL,  /* of the rows that an expression picks */
} IndexNature;

/* The index, its table, and what its columns are like. */
static const char nature_sql[] = "SELECT i.tbl_name, i.sql,"
                                 " EXISTS (SELECT 1 FROM pragma_index_xinfo(i.name, 'main') AS x"
                                 "  WHERE x.key AND x.coll <> 'BINARY'),"
                                 " EXISTS (SELECT 1 FROM pragma_index_xinfo(i.name, 'main') AS x"
                                 "  LEFT JOIN pragma_table_xinfo(i.tbl_name, 'main') AS c ON c.cid = x.cid"
                                 "  WHERE x.cid < -1 OR c.hidden <> 0),"
                                 " EXISTS (SELECT 1 FROM pragma_index_list(i.tbl_name, 'main') AS l"
                                 "  WHERE l.name = i.name AND l.partial)"
                                 " FROM main.sqlite_schema AS i WHERE i.type = 'index' AND i.name = ?1";

/* Whether the condition of a partial index may call a function. */
static bool may_call(const char *sql)
{
        const char *condition = sql ? strcasestr(sql, "WHERE") : NULL;

        return !condition || strchr(condition, '(');
}

/* Of an index that SQLite does not know, nothing speaks against damage. */
static IndexNature nature_of(Connection *connection, const char *name, char **ret_table)
{
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
        bool is_sorted, is_computed;

        if (connection_shadows_pragmas(connection) ||
                        connection_prepare(connection, nature_sql, &statement, NULL) < 0 ||
                        sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC) != SQLITE_OK ||
                        sqlite3_step(statement) != SQLITE_ROW)
                return INDEX_PLAIN;
        *ret_table = strdup((const char *) sqlite3_column_text(statement, 0));
        is_sorted = sqlite3_column_int(statement, 2);
        is_computed = sqlite3_column_int(statement, 3);
        if (sqlite3_column_int(statement, 4) &&
                        (is_sorted || is_computed ||
                                        may_call((const char *) sqlite3_column_text(statement, 1))))
                return INDEX_PARTIAL;
        return is_computed ? INDEX_COMPUTED : is_sorted ? INDEX_SORTED : INDEX_PLAIN;
}

/* Whether the index holds something else than its table, whatever the application sorts or computes with. */
static bool is_index_damaged(const Judge *judge, const char *name, const char *words)
{
        static const char count_words[] = "wrong # of entries in index ";
        _cleanup_free_ char *table = NULL;

        switch (nature_of(judge->connection, name, &table)) {
        case INDEX_SORTED:
                return !table || index_proof_compare_keys(judge->connection, table, name) == 0;
        case INDEX_COMPUTED:
                return strncmp(words, count_words, strlen(count_words)) == 0;
        case INDEX_PARTIAL:
                return false;
        case INDEX_PLAIN:
        default:
                return true;
        }
}

/* What the application sorts or computes an index with may not be what this SQLite has under the same name.
 * Such an index holds what its table holds, and SQLite takes it for wrong; making it again would make it
 * wrong for the application. */
static int judge_index(Judge *judge, const CheckLine *line, Fault *fault)
{
        static const char index_words[] = " index ";
        const char *name = strstr(line->text, index_words);
        _cleanup_free_ char *words = NULL;

        if (!name || strncmp(line->text, "malformed ", strlen("malformed ")) == 0 ||
                        is_index_damaged(judge, name + strlen(index_words), line->text))
                return add_damage(judge, DAMAGE_INDEXES, line->text, fault);
        if (asprintf(&words,
                            "%s: the entries are those of the table, so the application probably has a "
                            "collation or a function of its own for it",
                            line->text) < 0) {
                words = NULL;
                return fault_set_errno(fault, ENOMEM, "Checking the database");
        }
        return add_unchecked(judge, words, fault);
}

/* The rows of a table WITHOUT ROWID are in the order of its primary key, in its collations. */
static int judge_order(Judge *judge, const CheckLine *line, Fault *fault)
{
        static const char sql[] = "SELECT EXISTS (SELECT 1 FROM pragma_index_list(?1, 'main') AS l"
                                  " JOIN pragma_index_xinfo(l.name, 'main') AS x"
                                  " WHERE l.origin = 'pk' AND x.key AND x.coll <> 'BINARY')";
        static const char order_words[] = "row not in PRIMARY KEY order for ";
        const char *table = line->text + strlen(order_words);
        _cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;

        if (!connection_shadows_pragmas(judge->connection) &&
                        connection_prepare(judge->connection, sql, &statement, NULL) >= 0 &&
                        sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC) == SQLITE_OK &&
                        sqlite3_step(statement) == SQLITE_ROW && !sqlite3_column_int(statement, 0))
                return add_damage(judge, DAMAGE_CONTENT, line->text, fault);
        return add_unchecked(judge, line->text, fault);
}

static int judge_line(Judge *judge, const CheckLine *line, Fault *fault)
{
        switch (line->kind) {
        case FINDING_INDEX:
                return judge_index(judge, line, fault);
        case FINDING_FREE_PAGES:
                return add_damage(judge, DAMAGE_FREE_PAGES, line->text, fault);
        case FINDING_PAGE:
                return judge_page(judge, line, fault);
        case FINDING_ORDER:
                return judge_order(judge, line, fault);
        case FINDING_RULE:
                return 0;
        default:
                return add_unchecked(judge, line->text, fault);
        }
}

/* A file that is no database is none; any other fault counts as far as the pages bear it out. */
static int judge_fault(Judge *judge, const Fault *met, Fault *fault)
{
        if (met->code == FAULT_NONE || judge->result->damage != 0)
                return 0;
        if (met->code == FAULT_NOT_A_DATABASE)
                return add_damage(judge, DAMAGE_CONTENT, met->message, fault);
        return add_unchecked(judge, met->message, fault);
}

int check_judge(Connection *connection,
                const PageProof *proof,
                const Fault *met,
                CheckResult *result,
                Fault *fault)
{
        Judge judge = {.connection = connection, .proof = proof, .result = result};
        int r = judge_proof(&judge, fault);

        for (size_t i = 0; r >= 0 && i < result->n_lines; i++)
                r = judge_line(&judge, result->lines + i, fault);
        if (r >= 0)
                r = judge_fault(&judge, met, fault);
        if (r >= 0 && result->damage != 0 && result->n_findings == 0)
                result->n_findings = 1;
        return r;
}
