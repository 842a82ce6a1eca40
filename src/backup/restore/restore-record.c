/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/restore/restore-record.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/catalogue/backup-name.h"
#include "backup/state/restore-state.h"

#define RECORD_FILE "last-restore.json"
#define RECORD_VERSION 1

static const char *const method_names[_RESTORE_METHOD_MAX] = {
                [RESTORE_IN_PLACE] = "in-place",
                [RESTORE_REPLACE] = "replace",
};

const char *restore_method_to_string(RestoreMethod method)
{
        return method >= 0 && method < _RESTORE_METHOD_MAX ? method_names[method] : NULL;
}

RestoreMethod restore_method_from_string(const char *text)
{
        for (RestoreMethod method = 0; method < _RESTORE_METHOD_MAX; method++)
                if (strcmp(method_names[method], text) == 0)
                        return method;
        return _RESTORE_METHOD_INVALID;
}

void restore_record_done(RestoreRecord *record)
{
        free(record->source);
        free(record->database);
        free(record->pre_restore);
        free(record->quarantine);
        *record = (RestoreRecord){0};
}

static int read_members(json_object *document, RestoreRecord *record)
{
        _cleanup_free_ char *method = NULL;
        int r;

        r = restore_state_get_text(document, "source", &record->source);
        if (r >= 0)
                r = restore_state_get_text(document, "database", &record->database);
        if (r >= 0)
                r = restore_state_get_text(document, "pre_restore", &record->pre_restore);
        if (r >= 0)
                r = restore_state_get_text(document, "quarantine", &record->quarantine);
        if (r >= 0)
                r = restore_state_get_text(document, "method", &method);
        if (r >= 0)
                r = restore_state_get_flag(document, "automatic", &record->automatic);
        if (r >= 0)
                r = restore_state_get_flag(document, "damaged", &record->damaged);
        if (r >= 0)
                r = restore_state_get_flag(document, "untold", &record->untold);
        if (r >= 0)
                r = restore_state_get_flag(document, "finished", &record->finished);
        if (r >= 0)
                r = restore_state_get_number(document, "restored_usec", &record->restored_usec);
        if (r < 0)
                return r;
        record->method = method ? restore_method_from_string(method) : _RESTORE_METHOD_INVALID;
        if (!record->source || !record->database || record->method == _RESTORE_METHOD_INVALID ||
                        (record->pre_restore && !backup_name_is_valid(record->pre_restore)))
                return -EUCLEAN;
        return 0;
}

int restore_record_load(const char *state_directory_path, RestoreRecord *ret, Fault *fault)
{
        _cleanup_(json_object_putp) json_object *document = NULL;
        _cleanup_(restore_record_done) RestoreRecord record = {0};
        int r = restore_state_load(state_directory_path, RECORD_FILE, &document, fault);

        if (r < 0)
                return r;
        r = read_members(document, &record);
        if (r == -ENOMEM)
                return fault_set_errno(fault, r, "Reading %s/" RECORD_FILE, state_directory_path);
        if (r < 0)
                return fault_set(fault,
                                FAULT_CORRUPT,
                                "%s/" RECORD_FILE " does not tell what the last restore replaced; choose "
                                "what to restore from the list of backups or from the quarantine",
                                state_directory_path);
        *ret = record;
        record = (RestoreRecord){0};
        return 0;
}

int restore_record_store(const char *state_directory_path, const RestoreRecord *record, Fault *fault)
{
        _cleanup_(json_object_putp) json_object *document = json_object_new_object();
        int r = document ? 0 : -ENOMEM;

        if (r >= 0)
                r = restore_state_set_number(document, "version", RECORD_VERSION);
        if (r >= 0)
                r = restore_state_set_text(document, "source", record->source);
        if (r >= 0)
                r = restore_state_set_text(document, "database", record->database);
        if (r >= 0)
                r = restore_state_set_text(document, "pre_restore", record->pre_restore);
        if (r >= 0)
                r = restore_state_set_text(document, "quarantine", record->quarantine);
        if (r >= 0)
                r = restore_state_set_text(document, "method", restore_method_to_string(record->method));
        if (r >= 0)
                r = restore_state_set_flag(document, "automatic", record->automatic);
        if (r >= 0)
                r = restore_state_set_flag(document, "damaged", record->damaged);
        if (r >= 0)
                r = restore_state_set_flag(document, "untold", record->untold);
        if (r >= 0)
                r = restore_state_set_flag(document, "finished", record->finished);
        if (r >= 0)
                r = restore_state_set_number(document, "restored_usec", record->restored_usec);
        if (r < 0)
                return fault_set_errno(fault, r, "Writing %s/" RECORD_FILE, state_directory_path);
        return restore_state_store(state_directory_path, RECORD_FILE, document, fault);
}

int restore_record_remove(const char *state_directory_path, Fault *fault)
{
        return restore_state_remove(state_directory_path, RECORD_FILE, fault);
}

/* By its manifest: without one there is no backup. */
static bool backup_exists(int directory_fd, const char *name)
{
        for (Compression compression = 0; compression < _COMPRESSION_MAX; compression++)
                for (unsigned encrypted = 0; encrypted < 2; encrypted++) {
                        _cleanup_free_ char *file = backup_name_to_file(name, compression, encrypted);
                        _cleanup_free_ char *meta = NULL;

                        if (!file || asprintf(&meta, "%s" MANIFEST_SUFFIX, file) < 0) {
                                meta = NULL;
                                continue;
                        }
                        if (faccessat(directory_fd, meta, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                                return true;
                }
        return false;
}

int restore_undo_source(const char *state_directory_path,
                const DatabaseIdentity *identity,
                int directory_fd,
                char **ret_backup_name,
                char **ret_quarantine,
                Fault *fault)
{
        _cleanup_(restore_record_done) RestoreRecord record = {0};
        struct stat status;
        int r = restore_record_load(state_directory_path, &record, fault);

        if (r < 0 && fault && fault->code == FAULT_NOT_FOUND)
                return fault_set(fault,
                                FAULT_NOT_FOUND,
                                "Nothing was restored yet, so nothing can be undone");
        if (r < 0)
                return r;
        if (identity && !database_identity_was_at(identity, record.database))
                return fault_set(fault,
                                FAULT_NOT_FOUND,
                                "The last restore was of another database, %s; there is nothing to undo "
                                "for this one",
                                record.database);
        if (!record.pre_restore && !record.quarantine)
                return fault_set(fault,
                                FAULT_NOT_FOUND,
                                "The restore of %s replaced nothing: there was no database",
                                record.source);
        if (record.pre_restore && backup_exists(directory_fd, record.pre_restore)) {
                *ret_backup_name = TAKE_PTR(record.pre_restore);
                *ret_quarantine = NULL;
                return 0;
        }
        if (record.quarantine && stat(record.quarantine, &status) == 0 && S_ISDIR(status.st_mode)) {
                *ret_backup_name = NULL;
                *ret_quarantine = TAKE_PTR(record.quarantine);
                return 0;
        }
        return fault_set(fault,
                        FAULT_NOT_FOUND,
                        "What the restore of %s replaced (%s) is no longer there; `oracxpredctl list` shows "
                        "what "
                        "there is to restore",
                        record.source,
                        record.pre_restore ? record.pre_restore : record.quarantine);
}
