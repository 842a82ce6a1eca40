/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/create/unchanged.h"

#include <string.h>
#include <sys/stat.h>

#include "backup/catalogue/backup-rights.h"
#include "backup/catalogue/sharing.h"
#include "database/statistics/fingerprint.h"

static bool same_text(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Behind that word there may be another passphrase by now. */
static bool readers_are_known(const Manifest *manifest)
{
        return !manifest->encrypted ||
               (manifest->encryption_recipients && strncmp(manifest->encryption_recipients, "age1", 4) == 0);
}

/* True when `older` holds what a backup like `wanted` would hold, and all that the manifest of one says is
 * known about it: versions before had no digest by blocks. */
static bool stands_for(const Manifest *older, const Manifest *wanted)
{
        return older && older->fingerprint && same_text(older->fingerprint, wanted->fingerprint) &&
               manifest_is_verified(older) && !older->adopted && older->blocks_sha256[0] &&
               same_text(older->source, wanted->source) && older->compression == wanted->compression &&
               older->encrypted == wanted->encrypted &&
               same_text(older->encryption_recipients, wanted->encryption_recipients) &&
               readers_are_known(older) && (wanted->quick_check || !older->quick_check) &&
               older->copied_usec > 0 && older->copied_usec <= wanted->created_usec &&
               wanted->created_usec - older->copied_usec <= UNCHANGED_BOUND_USEC;
}

static bool is_whole(const Publication *publication, const Manifest *older)
{
        struct stat status;

        return fstat(publication->fd, &status) >= 0 && S_ISREG(status.st_mode) &&
               (uint64_t) status.st_size == older->stored_bytes;
}

/* What is not the live database is never asked for twice. Whatever goes wrong here goes wrong again when the
 * database is read, and is told then. */
static int take_fingerprint(const CreateRequest *request, Progress *progress, Manifest *manifest)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        char fingerprint[FINGERPRINT_MAX] = "";

        if (request->kind == BACKUP_PRE_RESTORE || request->kind == BACKUP_IMPORTED)
                return 0;
        if (connection_open(request->database_path, CONNECTION_READ, progress, &connection, NULL) < 0 ||
                        fingerprint_take(connection, request->now_usec, fingerprint, NULL) < 0 ||
                        !fingerprint[0])
                return 0;
        manifest->fingerprint = strdup(fingerprint);
        return manifest->fingerprint ? 0 : -ENOMEM;
}

/* What is known about the bytes. */
static int copy_facts(Manifest *manifest, const Manifest *older)
{
        int r = manifest_copy_tables(manifest, older);

        if (r >= 0 && !(manifest->chain = strdup(manifest_chain(older))))
                r = -ENOMEM;
        if (r >= 0 && older->unchecked && !(manifest->unchecked = strdup(older->unchecked)))
                r = -ENOMEM;
        if (r < 0)
                return r;
        manifest->copied_usec = older->copied_usec;
        manifest->verified_usec = older->verified_usec;
        manifest->quick_check = older->quick_check;
        manifest->page_size_bytes = older->page_size_bytes;
        manifest->pages = older->pages;
        manifest->database_bytes = older->database_bytes;
        manifest->stored_bytes = older->stored_bytes;
        manifest->foreign_key_violations = older->foreign_key_violations;
        manifest->constraint_violations = older->constraint_violations;
        memcpy(manifest->blocks_sha256, older->blocks_sha256, DIGEST_HEX_MAX);
        memcpy(manifest->stored_sha256, older->stored_sha256, DIGEST_HEX_MAX);
        memcpy(manifest->index_sha256, older->index_sha256, DIGEST_HEX_MAX);
        return 0;
}

int unchanged_share(const CreateRequest *request,
                Progress *progress,
                Manifest *manifest,
                Publication **ret,
                Fault *fault)
{
        _cleanup_(publish_freep) Publication *publication = NULL;
        const Manifest *older = request->older;
        int r = take_fingerprint(request, progress, manifest);

        if (r >= 0 && stands_for(older, manifest) &&
                        publish_begin_shared(request->directory_fd,
                                        manifest->file,
                                        older->file,
                                        BACKUP_FILE_MODE,
                                        &publication,
                                        NULL) >= 0 &&
                        is_whole(publication, older)) {
                r = copy_facts(manifest, older);
                if (r >= 0) {
                        backup_rights_follow(request->directory_fd, publication->fd);
                        *ret = TAKE_PTR(publication);
                        return 1;
                }
        }
        return r < 0 ? fault_set_errno(fault, r, "Backing up %s", request->database_path) : 0;
}
