/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/restore/replacement.h"

#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/quarantine/file-move.h"
#include "backup/restore/restore-record.h"
#include "backup/state/restore-state.h"
#include "base/io.h"
#include "base/publish.h"
#include "base/test-hook.h"

#define STATE_FILE "restore.json"
#define STATE_VERSION 1
#define READ_CHUNK_BYTES (256 * KIB)

static const char *const phase_names[_REPLACEMENT_PHASE_MAX] = {
                [REPLACEMENT_STOPPING] = "stopping",
                [REPLACEMENT_MOVING] = "moving",
                [REPLACEMENT_WRITING] = "writing",
                [REPLACEMENT_STARTING] = "starting",
};

static ReplacementPhase phase_from_string(const char *text)
{
        for (ReplacementPhase phase = 0; phase < _REPLACEMENT_PHASE_MAX; phase++)
                if (strcmp(phase_names[phase], text) == 0)
                        return phase;
        return _REPLACEMENT_PHASE_INVALID;
}

void replacement_done(Replacement *replacement)
{
        free(replacement->database);
        free(replacement->prepared);
        free(replacement->quarantine);
        free(replacement->source);
        *replacement = (Replacement){0};
}

char *replacement_prepared_path(const char *database_path)
{
        const char *slash = strrchr(database_path, '/');
        int directory_length = slash ? (int) (slash - database_path) + 1 : 0;
        char *path;

        if (asprintf(&path,
                            "%.*s.%s.restore.tmp",
                            directory_length,
                            database_path,
                            database_path + directory_length) < 0)
                return NULL;
        return path;
}

static int read_members(json_object *document, Replacement *replacement)
{
        _cleanup_free_ char *phase = NULL, *sha256 = NULL;
        int r;

        r = restore_state_get_text(document, "phase", &phase);
        if (r >= 0)
                r = restore_state_get_text(document, "database", &replacement->database);
        if (r >= 0)
                r = restore_state_get_text(document, "prepared", &replacement->prepared);
        if (r >= 0)
                r = restore_state_get_text(document, "quarantine", &replacement->quarantine);
        if (r >= 0)
                r = restore_state_get_text(document, "source", &replacement->source);
        if (r >= 0)
                r = restore_state_get_text(document, "sha256", &sha256);
        if (r >= 0)
                r = restore_state_get_number(document, "inode", &replacement->inode);
        if (r >= 0)
                r = restore_state_get_flag(document, "fixed", &replacement->fixed);
        if (r >= 0)
                r = restore_state_get_flag(document, "automatic", &replacement->automatic);
        if (r >= 0)
                r = restore_state_get_flag(document, "units_stopped", &replacement->units_stopped);
        if (r >= 0)
                r = restore_state_get_number(document, "restored_usec", &replacement->restored_usec);
        if (r < 0)
                return r;
        replacement->phase = phase ? phase_from_string(phase) : _REPLACEMENT_PHASE_INVALID;
        if (replacement->phase == _REPLACEMENT_PHASE_INVALID || !replacement->database ||
                        !replacement->prepared || !replacement->source || !sha256 ||
                        strlen(sha256) != DIGEST_HEX_MAX - 1)
                return -EUCLEAN;
        memcpy(replacement->sha256, sha256, DIGEST_HEX_MAX);
        return 0;
}

int replacement_load(const char *state_directory_path, Replacement *ret, Fault *fault)
{
        _cleanup_(json_object_putp) json_object *document = NULL;
        _cleanup_(replacement_done) Replacement replacement = {0};
        int r = restore_state_load(state_directory_path, STATE_FILE, &document, fault);

        if (r < 0)
                return r;
        r = read_members(document, &replacement);
        if (r == -ENOMEM)
                return fault_set_errno(fault, r, "Reading %s/" STATE_FILE, state_directory_path);
        if (r < 0)
                return fault_set(fault,
                                FAULT_CORRUPT,
                                "%s/" STATE_FILE
                                " does not tell how far an interrupted restore was; look at the "
                                "database and the quarantine, then remove that file",
                                state_directory_path);
        *ret = replacement;
        replacement = (Replacement){0};
        return 0;
}

int replacement_store(const char *state_directory_path, const Replacement *replacement, Fault *fault)
{
        _cleanup_(json_object_putp) json_object *document = json_object_new_object();
        int r = document ? 0 : -ENOMEM;

        if (r >= 0)
                r = restore_state_set_number(document, "version", STATE_VERSION);
        if (r >= 0)
                r = restore_state_set_text(document, "phase", phase_names[replacement->phase]);
        if (r >= 0)
                r = restore_state_set_text(document, "database", replacement->database);
        if (r >= 0)
                r = restore_state_set_text(document, "prepared", replacement->prepared);
        if (r >= 0)
                r = restore_state_set_text(document, "quarantine", replacement->quarantine);
        if (r >= 0)
                r = restore_state_set_text(document, "source", replacement->source);
        if (r >= 0)
                r = restore_state_set_text(document, "sha256", replacement->sha256);
        if (r >= 0)
                r = restore_state_set_number(document, "inode", replacement->inode);
        if (r >= 0)
                r = restore_state_set_flag(document, "fixed", replacement->fixed);
        if (r >= 0)
                r = restore_state_set_flag(document, "automatic", replacement->automatic);
        if (r >= 0)
                r = restore_state_set_flag(document, "units_stopped", replacement->units_stopped);
        if (r >= 0)
                r = restore_state_set_number(document, "restored_usec", replacement->restored_usec);
        if (r < 0)
                return fault_set_errno(fault, r, "Writing %s/" STATE_FILE, state_directory_path);
        return restore_state_store(state_directory_path, STATE_FILE, document, fault);
}

int replacement_forget(const char *state_directory_path, Fault *fault)
{
        return restore_state_remove(state_directory_path, STATE_FILE, fault);
}

bool replacement_is_in_force(const Replacement *replacement)
{
        struct stat status, prepared;

        if (replacement->fixed)
                return file_has_same_content(replacement->database, replacement->prepared);
        if (lstat(replacement->database, &status) < 0 || status.st_ino != replacement->inode)
                return false;
        /* While the prepared file still has its own name, nothing else can have its inode; a rename that was
         * cut off half-way leaves it with both names. */
        return lstat(replacement->prepared, &prepared) < 0 ||
               (prepared.st_ino == status.st_ino && prepared.st_dev == status.st_dev);
}

int replacement_publish(const Replacement *replacement, Fault *fault)
{
        _cleanup_free_ char *path = strdup(replacement->database);
        _cleanup_close_ int directory_fd = -EBADF;
        const char *from = strrchr(replacement->prepared, '/'), *to = strrchr(replacement->database, '/');

        if (!path)
                return fault_set_errno(fault, ENOMEM, "Publishing %s", replacement->database);
        directory_fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory_fd < 0)
                return fault_set_errno(fault, errno, "Opening the directory of %s", replacement->database);
        return publish_rename(directory_fd,
                        from ? from + 1 : replacement->prepared,
                        to ? to + 1 : replacement->database,
                        fault);
}

int replacement_digest_file(const char *path, char ret_hex[static DIGEST_HEX_MAX], Fault *fault)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_(digest_freep) Digest *digest = NULL;
        _cleanup_free_ char *buffer = malloc(READ_CHUNK_BYTES);
        size_t size = READ_CHUNK_BYTES;
        int r;

        if (!buffer)
                return fault_set_errno(fault, ENOMEM, "Reading %s", path);
        if (fd < 0)
                return fault_set_errno(fault, errno, "Opening %s", path);
        r = digest_new(&digest, fault);
        while (r >= 0 && size == READ_CHUNK_BYTES) {
                r = io_read_full(fd, buffer, READ_CHUNK_BYTES, &size);
                if (r < 0)
                        return fault_set_errno(fault, r, "Reading %s", path);
                r = digest_update(digest, buffer, size, fault);
        }
        return r < 0 ? r : digest_finish(digest, ret_hex, fault);
}

int replacement_record(const char *state_directory_path, const Replacement *replacement, Fault *fault)
{
        RestoreRecord record = {
                        .source = replacement->source,
                        .database = replacement->database,
                        .quarantine = replacement->quarantine,
                        .method = RESTORE_REPLACE,
                        .automatic = replacement->automatic,
                        .damaged = replacement->automatic, /* until that is known */
                        .untold = replacement->automatic,
                        .finished = true,
                        .restored_usec = replacement->restored_usec,
        };

        return restore_record_store(state_directory_path, &record, fault);
}
