/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-fixture.h"

#include <string.h>

#include "backup/catalogue/backup-name.h"
#include "backup/catalogue/catalogue.h"
#include "backup/state/restore-state.h"
#include "base/names.h"

#define HERE "/var/lib/oracxpred/data/oracxpred.db"
#define MOVED "/srv/state/data/oracxpred.db"
#define ELSEWHERE "/srv/shop/shop.db"
#define A "000102030405060708090a0b0c0d0e0f"
#define B "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"

/* A backup of that second, with or without an id. */
static Manifest *add(Catalogue *catalogue, unsigned second, const char *id, const char *source)
{
        char name[BACKUP_NAME_MAX];
        Manifest *manifest;

        assert_int_equal(manifest_new(&manifest), 0);
        manifest->created_usec = manifest->verified_usec = (UINT64_C(1769219181) + second) * USEC_PER_SEC;
        manifest->kind = BACKUP_AUTOMATIC;
        manifest->database_id = id ? strdup(id) : NULL;
        manifest->source = source ? strdup(source) : NULL;
        assert_int_equal(backup_name_make(manifest->created_usec, 0, name), 0);
        manifest->file = backup_name_to_file(name, COMPRESSION_GZIP, false);
        assert_int_equal(catalogue_put(catalogue, manifest), 0);
        return manifest;
}

static Catalogue *make(void)
{
        Catalogue *catalogue;

        assert_int_equal(catalogue_new(&catalogue), 0);
        return catalogue;
}

static void test_which_backups_are_of_the_database(void **state)
{
        static const struct {
                const char *id, *source;
                BackupKind kind;
                bool inherits, owned;
        } cases[] = {
                        {A, HERE, BACKUP_AUTOMATIC, true, true},
                        {A, ELSEWHERE, BACKUP_AUTOMATIC, true, true}, /* the file was moved since */
                        {B, HERE, BACKUP_AUTOMATIC, true, false},
                        {B, HERE, BACKUP_PRE_RESTORE, true, false},
                        {B, "/root/file.db", BACKUP_IMPORTED, true, false},
                        /* Made before there were ids: the path decides. */
                        {NULL, HERE, BACKUP_AUTOMATIC, true, true},
                        {NULL, MOVED, BACKUP_AUTOMATIC, true, true}, /* with the state directory */
                        {NULL, ELSEWHERE, BACKUP_AUTOMATIC, true, false},
                        {NULL, HERE, BACKUP_AUTOMATIC, false, false}, /* another database was there then */
                        /* Nobody knows. */
                        {NULL, "/root/file.db", BACKUP_IMPORTED, true, true},
                        {NULL, NULL, BACKUP_AUTOMATIC, false, true},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                DatabaseIdentity identity = {.id = A,
                                .path = (char *) HERE,
                                .own_place = true,
                                .inherits = cases[i].inherits};
                Manifest manifest = {.kind = cases[i].kind,
                                .database_id = (char *) cases[i].id,
                                .source = (char *) cases[i].source};

                if (database_identity_owns(&identity, &manifest) != cases[i].owned)
                        fail_msg("case %zu", i);
        }
        assert_true(database_identity_owns(NULL, &(Manifest){.database_id = (char *) A}));
        assert_true(database_identity_owns(&(DatabaseIdentity){0}, &(Manifest){.database_id = (char *) A}));
}

static void test_entries_are_told_apart(void **state)
{
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();
        const DatabaseIdentity a = {.id = A, .path = (char *) HERE}, b = {.id = B, .path = (char *) HERE};

        (void) add(catalogue, 1, A, HERE);
        assert_false(catalogue->entries[0].other);
        catalogue_set_identity(catalogue, &b);
        (void) add(catalogue, 2, B, HERE);
        (void) add(catalogue, 3, A, HERE);
        assert_true(catalogue->entries[0].other);
        assert_false(catalogue->entries[1].other);
        assert_true(catalogue->entries[2].other);
        assert_int_equal(catalogue_n_owned(catalogue), 1);
        assert_ptr_equal(catalogue_newest_verified(catalogue), catalogue->entries + 1);
        assert_ptr_equal(catalogue_newest_reusable(catalogue), catalogue->entries + 1);
        catalogue_set_identity(catalogue, &a);
        assert_int_equal(catalogue_n_owned(catalogue), 2);
}

typedef struct FindCase {
        DatabaseIdentity recorded;
        DatabasePlace place;
        const char *id; /* NULL: a new one */
        bool inherits;
} FindCase;

static void assert_found(const Catalogue *catalogue, const FindCase *wanted, size_t i)
{
        _cleanup_(database_identity_done) DatabaseIdentity found = {0};

        assert_int_equal(database_identity_find(catalogue, &wanted->recorded, &wanted->place, &found), 0);
        assert_true(database_id_is_valid(found.id));
        if (wanted->id ? strcmp(found.id, wanted->id) != 0
                       : strcmp(found.id, A) == 0 || strcmp(found.id, B) == 0)
                fail_msg("case %zu: %s", i, found.id);
        if (found.inherits != wanted->inherits)
                fail_msg("case %zu: inherits %d", i, found.inherits);
        assert_string_equal(found.path, wanted->place.path);
        assert_int_equal(found.inode, wanted->place.inode);
}

static void test_which_database_belongs_at_a_place(void **state)
{
        const DatabaseIdentity a = {.id = A,
                        .path = (char *) HERE,
                        .own_place = true,
                        .inherits = true,
                        .inode = 7,
                        .born_nsec = 9};
        const DatabaseIdentity nothing = {0};
        const FindCase cases[] = {
                        /* As it was, also with another file, or without one. */
                        {a, {HERE, true, 7, 9}, A, true},
                        {a, {HERE, true, 8, 10}, A, true},
                        {a, {HERE, true, 0, 0}, A, true},
                        /* The state directory was moved. */
                        {a, {MOVED, true, 8, 10}, A, true},
                        /* Database= names another place: the file was moved there, or is another one. */
                        {a, {"/mnt/moved.db", false, 7, 9}, A, true},
                        {a, {"/mnt/other.db", false, 7, 10}, NULL, true},
                        {a, {"/mnt/missing.db", false, 0, 0}, NULL, true},
                        /* It was there before. */
                        {a, {ELSEWHERE, false, 8, 10}, B, true},
                        /* Nothing is recorded. */
                        {nothing, {ELSEWHERE, false, 8, 10}, B, true},
                        {nothing, {HERE, true, 8, 10}, A, true},
                        {nothing, {"/mnt/other.db", false, 8, 10}, NULL, true},
        };
        _cleanup_(catalogue_freep) Catalogue *catalogue = make();

        (void) add(catalogue, 1, NULL, HERE);
        (void) add(catalogue, 2, A, HERE);
        (void) add(catalogue, 3, B, ELSEWHERE);
        (void) add(catalogue, 4, NULL, ELSEWHERE);
        add(catalogue, 5, A, "/mnt/other.db")->kind = BACKUP_IMPORTED;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_found(catalogue, cases + i, i);

        /* Two databases were at one place, one after the other: nobody knows whose the unmarked ones are. */
        (void) add(catalogue, 6, B, HERE);
        assert_found(catalogue, &(FindCase){nothing, {HERE, true, 8, 10}, B, false}, 100);
}

static IdentityVerdict judge(const char *then, const char *now)
{
        _cleanup_free_ char *then_text = strdup(then), *now_text = strdup(now);
        TableCount tables[8];
        const char *live[8];
        Manifest newest = {.tables = tables};
        IdentityFacts facts = {.newest = &newest, .live = live};
        char *rest = then_text;

        for (char *name; (name = strsep(&rest, " "));) {
                char *rows = strchr(name, '=');

                *rows = '\0';
                tables[newest.n_tables++] = (TableCount){.name = name, .rows = strtoul(rows + 1, NULL, 10)};
        }
        rest = now_text;
        for (char *name; (name = strsep(&rest, " "));)
                if (name[0] != '\0')
                        live[facts.n_live++] = name;
        return database_identity_judge(&facts);
}

static void test_what_makes_another_database(void **state)
{
        static const struct {
                const char *then, *now;
                IdentityVerdict verdict;
        } cases[] = {
                        {"users=3 predictions=9", "users predictions", IDENTITY_SAME},
                        {"users=3 predictions=9", "predictions users more and more", IDENTITY_SAME},
                        {"users=3 predictions=9", "users", IDENTITY_SAME},
                        {"users=3 predictions=9", "marks", IDENTITY_OTHER},
                        {"users=3 predictions=9 alerts=1", "users marks", IDENTITY_OTHER},
                        /* Emptied, and not exchanged. */
                        {"users=3 predictions=9", "", IDENTITY_SAME},
                        /* Nothing was in it. */
                        {"users=0 predictions=0", "marks", IDENTITY_SAME},
                        /* What the service itself writes is in every database that it has served. */
                        {"oracxpred_migrations=1 system_logs=5 users=3",
                                        "oracxpred_migrations system_logs",
                                        IDENTITY_OTHER},
                        {"oracxpred_migrations=1 system_logs=5", "marks", IDENTITY_SAME},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (judge(cases[i].then, cases[i].now) != cases[i].verdict)
                        fail_msg("case %zu", i);
        assert_int_equal(database_identity_judge(&(IdentityFacts){
                                         .live = (const char *const[]){"marks"}, .n_live = 1}),
                        IDENTITY_SAME);
}

#define ROWS(...) \
        (const TableCount[]){__VA_ARGS__}, sizeof((const TableCount[]){__VA_ARGS__}) / sizeof(TableCount)
#define T(table, number) ((TableCount){.name = (char *) (table), .rows = (number)})

static void test_when_records_have_collapsed(void **state)
{
        assert_true(database_has_collapsed(ROWS(T("users", 5000)), ROWS(T("users", 0))));
        assert_true(database_has_collapsed(ROWS(T("users", 5000)), NULL, 0));
        assert_true(database_has_collapsed(ROWS(T("users", 5000)), ROWS(T("users", 499))));
        assert_true(database_has_collapsed(ROWS(T("a", 20), T("b", 900000)), ROWS(T("a", 20), T("b", 10))));
        /* Logs that go on do not hide that everything else is empty. */
        assert_true(database_has_collapsed(ROWS(T("a", 200), T("b", 300), T("logs", 90000)),
                        ROWS(T("a", 0), T("b", 0), T("logs", 90010))));
        assert_true(database_has_collapsed(ROWS(T("system_logs", 900), T("users", 50)),
                        ROWS(T("system_logs", 900), T("users", 0))));

        assert_false(database_has_collapsed(ROWS(T("users", 5000)), ROWS(T("users", 500))));
        assert_false(database_has_collapsed(ROWS(T("users", 5000)), ROWS(T("users", 9000))));
        assert_false(database_has_collapsed(
                        ROWS(T("queue", 500), T("users", 5000)), ROWS(T("queue", 0), T("users", 5000))));
        assert_false(database_has_collapsed(ROWS(T("queue", 5)), ROWS(T("queue", 0))));
        assert_false(database_has_collapsed(NULL, 0, NULL, 0));
        assert_false(database_has_collapsed(ROWS(T("system_logs", 900), T("users", 50)),
                        ROWS(T("system_logs", 0), T("users", 50))));
}

static void test_it_is_read_as_it_was_written(void **state)
{
        DatabaseIdentity written = {.path = (char *) HERE,
                        .own_place = true,
                        .inherits = true,
                        .inode = 7,
                        .born_nsec = 9};
        _cleanup_(database_identity_done) DatabaseIdentity read = {0}, none = {0};
        _cleanup_fault_ Fault fault = {0};
        const char *directory = backup_fixture_directory();
        json_object *document;

        assert_int_equal(database_identity_load(directory, &none, &fault), 0);
        assert_string_equal(none.id, "");
        database_id_make(written.id);
        document = database_identity_format(&written);
        assert_int_equal(restore_state_store(directory, DATABASE_IDENTITY_FILE, document, NULL), 0);
        (void) json_object_put(document);
        assert_int_equal(database_identity_load(directory, &read, &fault), 0);
        assert_true(database_identity_equal(&read, &written));

        fixture_write(backup_fixture_path(DATABASE_IDENTITY_FILE), "{\"id\": \"../x\"}", 14);
        assert_int_not_equal(database_identity_load(directory, &none, &fault), 0);
        assert_int_equal(fault.code, FAULT_CORRUPT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_which_backups_are_of_the_database),
                        cmocka_unit_test(test_entries_are_told_apart),
                        cmocka_unit_test(test_which_database_belongs_at_a_place),
                        cmocka_unit_test(test_what_makes_another_database),
                        cmocka_unit_test(test_when_records_have_collapsed),
                        cmocka_unit_test_setup_teardown(test_it_is_read_as_it_was_written,
                                        backup_fixture_setup,
                                        backup_fixture_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
