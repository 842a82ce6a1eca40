/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/catalogue/identity.h"

#include <string.h>

#include "age/primitive.h"
#include "backup/catalogue/catalogue.h"
#include "backup/state/restore-state.h"
#include "base/names.h"

#define OWN_PLACE "/" DATA_DIRECTORY "/" DATABASE_FILE

/* Fewer records than these are no loss that anybody has to look at. */
#define RECORDS_OF_WORTH 10

void database_identity_done(DatabaseIdentity *identity)
{
        free(identity->path);
        *identity = (DatabaseIdentity){0};
}

bool database_identity_equal(const DatabaseIdentity *a, const DatabaseIdentity *b)
{
        return strcmp(a->id, b->id) == 0 && a->path && b->path && strcmp(a->path, b->path) == 0 &&
               a->own_place == b->own_place && a->inherits == b->inherits && a->inode == b->inode &&
               a->born_nsec == b->born_nsec;
}

bool database_id_is_valid(const char *id)
{
        return strlen(id) == DATABASE_ID_MAX - 1 && strspn(id, "0123456789abcdef") == DATABASE_ID_MAX - 1;
}

void database_id_make(char ret[static DATABASE_ID_MAX])
{
        static const char digits[] = "0123456789abcdef";
        unsigned char bytes[(DATABASE_ID_MAX - 1) / 2] = {0};

        (void) age_random(bytes, sizeof bytes);
        for (size_t i = 0; i < sizeof bytes; i++) {
                ret[2 * i] = digits[bytes[i] >> 4];
                ret[2 * i + 1] = digits[bytes[i] & 15];
        }
        ret[DATABASE_ID_MAX - 1] = '\0';
}

static bool ends_as_own_place(const char *path)
{
        size_t length = strlen(path), suffix_length = strlen(OWN_PLACE);

        return length >= suffix_length && strcmp(path + length - suffix_length, OWN_PLACE) == 0;
}

bool database_identity_is_at(const DatabaseIdentity *identity, const char *path, bool own_place)
{
        return identity->path && (strcmp(identity->path, path) == 0 || (identity->own_place && own_place));
}

bool database_identity_was_at(const DatabaseIdentity *identity, const char *path)
{
        return database_identity_is_at(identity, path, ends_as_own_place(path));
}

bool database_identity_owns(const DatabaseIdentity *identity, const Manifest *manifest)
{
        if (!identity || identity->id[0] == '\0')
                return true;
        if (manifest->database_id)
                return strcmp(manifest->database_id, identity->id) == 0;
        if (manifest->kind == BACKUP_IMPORTED || !manifest->source)
                return true;
        return identity->inherits && database_identity_was_at(identity, manifest->source);
}

static bool was_made_at(const Manifest *manifest, const DatabasePlace *place)
{
        const DatabaseIdentity there = {.path = (char *) place->path, .own_place = place->own};

        return manifest->source && manifest->kind != BACKUP_IMPORTED &&
               database_identity_was_at(&there, manifest->source);
}

/* From the backups alone. Those of before there were ids go to the only database that was ever there. */
static void find_by_backups(
                const Catalogue *catalogue, const DatabasePlace *place, DatabaseIdentity *identity)
{
        identity->inherits = true;
        for (size_t i = 0; i < catalogue->n_entries; i++) {
                const Manifest *manifest = catalogue->entries[i].manifest;

                if (!manifest->database_id || !was_made_at(manifest, place))
                        continue;
                if (identity->id[0] == '\0')
                        memcpy(identity->id, manifest->database_id, DATABASE_ID_MAX);
                else if (strcmp(identity->id, manifest->database_id) != 0)
                        identity->inherits = false;
        }
        if (identity->id[0] == '\0')
                database_id_make(identity->id);
}

int database_identity_find(const Catalogue *catalogue,
                const DatabaseIdentity *recorded,
                const DatabasePlace *place,
                DatabaseIdentity *ret)
{
        DatabaseIdentity identity = {.own_place = place->own, .path = strdup(place->path)};
        bool same_file = recorded->inode != 0 && recorded->inode == place->inode &&
                         recorded->born_nsec != 0 && recorded->born_nsec == place->born_nsec;

        if (!identity.path)
                return -ENOMEM;
        if (recorded->id[0] && (database_identity_is_at(recorded, place->path, place->own) || same_file)) {
                memcpy(identity.id, recorded->id, DATABASE_ID_MAX);
                identity.inherits = recorded->inherits;
        } else
                find_by_backups(catalogue, place, &identity);
        identity.inode = place->inode;
        identity.born_nsec = place->born_nsec;
        database_identity_done(ret);
        *ret = identity;
        return 0;
}

/* The service writes these whatever the application does. */
static bool is_application_table(const char *name)
{
        static const char *const own[] = {"access_logs", "oracxpred_migrations", "system_logs"};

        for (size_t i = 0; i < ELEMENTSOF(own); i++)
                if (strcmp(own[i], name) == 0)
                        return false;
        return true;
}

static bool has_table(const IdentityFacts *facts, const char *name)
{
        for (size_t i = 0; i < facts->n_live; i++)
                if (strcmp(facts->live[i], name) == 0)
                        return true;
        return false;
}

IdentityVerdict database_identity_judge(const IdentityFacts *facts)
{
        size_t n_filled = 0, n_found = 0;

        if (!facts->newest || facts->n_live == 0)
                return IDENTITY_SAME;
        for (size_t i = 0; i < facts->newest->n_tables; i++) {
                const TableCount *table = facts->newest->tables + i;

                if (table->rows == 0 || !is_application_table(table->name))
                        continue;
                n_filled++;
                n_found += has_table(facts, table->name);
        }
        return 2 * n_found >= n_filled ? IDENTITY_SAME : IDENTITY_OTHER;
}

uint64_t database_records(const TableCount *tables, size_t n_tables)
{
        uint64_t records = 0;

        for (size_t i = 0; i < n_tables; i++)
                if (is_application_table(tables[i].name))
                        records += tables[i].rows;
        return records;
}

bool database_has_collapsed(const TableCount *then, size_t n_then, const TableCount *now, size_t n_now)
{
        uint64_t records_then = database_records(then, n_then), records_now = database_records(now, n_now);
        size_t n_filled = 0, n_emptied = 0;

        for (size_t i = 0, j = 0; i < n_then; i++) {
                while (j < n_now && strcmp(now[j].name, then[i].name) < 0)
                        j++;
                if (then[i].rows < RECORDS_OF_WORTH || !is_application_table(then[i].name))
                        continue;
                n_filled++;
                n_emptied += j >= n_now || strcmp(now[j].name, then[i].name) != 0 || now[j].rows == 0;
        }
        return (records_then >= RECORDS_OF_WORTH && records_now < records_then / 10) ||
               2 * n_emptied > n_filled;
}

#define IDENTITY_VERSION 1

static int read_members(json_object *document, DatabaseIdentity *identity)
{
        _cleanup_free_ char *id = NULL;
        int r;

        r = restore_state_get_text(document, "id", &id);
        if (r >= 0)
                r = restore_state_get_text(document, "path", &identity->path);
        if (r >= 0)
                r = restore_state_get_flag(document, "own_place", &identity->own_place);
        if (r >= 0)
                r = restore_state_get_flag(document, "inherits", &identity->inherits);
        if (r >= 0)
                r = restore_state_get_number(document, "inode", &identity->inode);
        if (r >= 0)
                r = restore_state_get_number(document, "born_nsec", &identity->born_nsec);
        if (r < 0)
                return r;
        if (!id || !database_id_is_valid(id) || !identity->path)
                return -EUCLEAN;
        memcpy(identity->id, id, DATABASE_ID_MAX);
        return 0;
}

int database_identity_load(const char *state_directory_path, DatabaseIdentity *ret, Fault *fault)
{
        _cleanup_(database_identity_done) DatabaseIdentity identity = {0};
        _cleanup_(json_object_putp) json_object *document = NULL;
        _cleanup_fault_ Fault met = {0};
        int r = restore_state_load(state_directory_path, DATABASE_IDENTITY_FILE, &document, &met);

        if (r < 0 && met.code == FAULT_NOT_FOUND) {
                *ret = (DatabaseIdentity){0};
                return 0;
        }
        if (r < 0) {
                if (fault)
                        fault_move(fault, &met);
                return r;
        }
        r = read_members(document, &identity);
        if (r < 0)
                return fault_set(fault,
                                FAULT_CORRUPT,
                                "%s/%s does not tell which database the backups are of; the newest of them "
                                "decide",
                                state_directory_path,
                                DATABASE_IDENTITY_FILE);
        *ret = identity;
        identity = (DatabaseIdentity){0};
        return 0;
}

json_object *database_identity_format(const DatabaseIdentity *identity)
{
        json_object *document = json_object_new_object();
        int r = document ? 0 : -ENOMEM;

        if (r >= 0)
                r = restore_state_set_number(document, "version", IDENTITY_VERSION);
        if (r >= 0)
                r = restore_state_set_text(document, "id", identity->id);
        if (r >= 0)
                r = restore_state_set_text(document, "path", identity->path);
        if (r >= 0)
                r = restore_state_set_flag(document, "own_place", identity->own_place);
        if (r >= 0)
                r = restore_state_set_flag(document, "inherits", identity->inherits);
        if (r >= 0)
                r = restore_state_set_number(document, "inode", identity->inode);
        if (r >= 0)
                r = restore_state_set_number(document, "born_nsec", identity->born_nsec);
        if (r >= 0)
                return document;
        (void) json_object_put(document);
        return NULL;
}
