/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/catalogue/identity-keeper.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/journal.h"
#include "base/names.h"
#include "daemon/catalogue/collection.h"
#include "daemon/catalogue/hold-keeper.h"
#include "daemon/facts/recovery-decision.h"
#include "daemon/state/state-writer.h"
#include "database/connection/access.h"

void identity_look_done(IdentityLook *look)
{
        table_list_done(&look->tables);
        *look = (IdentityLook){0};
}

/* The header has a write version that this SQLite doesn't know: it takes the database for read-only, and
 * nothing else is the reason. */
static bool is_of_newer_sqlite(const Connection *connection)
{
        return sqlite3_db_readonly(connection->handle, "main") != 0 &&
               access_require(connection->path, R_OK | W_OK, NULL) >= 0;
}

void identity_look(const char *database_path, Progress *progress, IdentityLook *ret)
{
        _cleanup_(connection_closep) Connection *connection = NULL;

        *ret = (IdentityLook){0};
        if (connection_open(database_path, CONNECTION_READ, progress, &connection, NULL) < 0)
                return;
        ret->readable = table_list_load(connection, &ret->tables, NULL) >= 0;
        ret->newer_write_version = ret->readable && is_of_newer_sqlite(connection);
}

static void store(Manager *manager)
{
        json_object *document = database_identity_format(&manager->identity);

        if (document)
                state_writer_put(manager, DATABASE_IDENTITY_FILE, document);
        else
                journal_line(LOG_ERR, "Writing %s failed: out of memory", DATABASE_IDENTITY_FILE);
}

/* The file that is there now is the database. False when it was before. */
static bool take_file(Manager *manager)
{
        DatabaseIdentity *identity = &manager->identity;
        const FileIdentity *now = &manager->database_identity;

        if (identity->inode == now->inode && identity->born_nsec == now->born_nsec)
                return false;
        identity->inode = now->inode;
        identity->born_nsec = now->born_nsec;
        return true;
}

static void take_id(Manager *manager, const char *id)
{
        memcpy(manager->identity.id, id, DATABASE_ID_MAX);
        manager->identity.inherits = false;
        collection_identity_changed(manager);
}

void identity_keeper_begin(Manager *manager, DatabaseIdentity *recorded)
{
        bool own_place = manager->data_directory != NULL;
        FileIdentity now = {0};
        int r;

        (void) file_identity_look(manager->database_path, &now);
        r = database_identity_find(manager->catalogue,
                        recorded,
                        &(DatabasePlace){
                                        .path = manager->database_path,
                                        .own = own_place,
                                        .inode = now.inode,
                                        .born_nsec = now.born_nsec,
                        },
                        &manager->identity);
        if (r < 0) {
                journal_line(LOG_ERR, "Finding out which database this is failed: %s", strerrordesc_np(-r));
                return;
        }
        if (recorded->id[0] && strcmp(recorded->id, manager->identity.id) != 0)
                journal_line(LOG_NOTICE,
                                "The database is now %s, another one than %s; backups of that one are kept, "
                                "and count for nothing here",
                                manager->database_path,
                                recorded->path);
        /* Of another database there is nothing to continue, and nothing to undo. */
        if (manager->last_restore.database &&
                        !database_identity_was_at(&manager->identity, manager->last_restore.database))
                restore_record_done(&manager->last_restore);
        collection_identity_changed(manager);
        if (!database_identity_equal(recorded, &manager->identity))
                store(manager);
}

/* The backup with whose records today's are compared. */
static const Manifest *reference(const Manager *manager)
{
        const CatalogueEntry *entry = recovery_choose(manager->catalogue, &manager->last_restore, true);

        return entry && entry->manifest->n_tables > 0 ? entry->manifest : NULL;
}

static IdentityVerdict judge(const IdentityLook *look, const Manifest *newest)
{
        _cleanup_free_ const char **names = calloc(look->tables.n_tables + 1, sizeof(char *));
        IdentityFacts facts = {.newest = newest, .live = names};

        if (!names || !look->readable)
                return IDENTITY_SAME;
        for (size_t i = 0; i < look->tables.n_tables; i++)
                if (!look->tables.tables[i].is_internal)
                        names[facts.n_live++] = look->tables.tables[i].name;
        return database_identity_judge(&facts);
}

void identity_keeper_settle(Manager *manager, const IdentityLook *look)
{
        const Manifest *newest = reference(manager);
        char id[DATABASE_ID_MAX];

        if (look->readable)
                manager->newer_write_version = look->newer_write_version;
        if (judge(look, newest) == IDENTITY_OTHER) {
                retention_hold_set(manager,
                                RETENTION_HOLD_OTHER,
                                "%s holds another database than the one that the backup %s is of: its "
                                "tables are not there. Backups of that one are kept, and count for nothing "
                                "here; `oracxpredctl restore %s` brings it back, and `oracxpredctl "
                                "acknowledge` says that this one is right",
                                manager->database_path,
                                newest->name,
                                newest->name);
                database_id_make(id);
                take_id(manager, id);
                (void) take_file(manager);
                store(manager);
        } else if (take_file(manager))
                store(manager);
}

void identity_keeper_restored(Manager *manager, const Manifest *source)
{
        bool other = source && source->database_id && strcmp(source->database_id, manager->identity.id) != 0;

        if (other)
                take_id(manager, source->database_id);
        if (take_file(manager) || other)
                store(manager);
}

void identity_keeper_compare(Manager *manager, const TableCount *tables, size_t n_tables)
{
        const Manifest *newest = reference(manager);

        if (!newest || !database_has_collapsed(newest->tables, newest->n_tables, tables, n_tables))
                return;
        retention_hold_set(manager,
                        RETENTION_HOLD_EMPTIED,
                        "%s has lost nearly all of its records: %" PRIu64 " are there, and %" PRIu64
                        " are in the backup %s. No backup is removed; `oracxpredctl restore %s` brings "
                        "them back, and `oracxpredctl acknowledge` says that this is right",
                        manager->database_path,
                        database_records(tables, n_tables),
                        database_records(newest->tables, newest->n_tables),
                        newest->name,
                        newest->name);
}
