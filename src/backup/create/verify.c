/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/create/verify.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/catalogue/unfinished.h"
#include "backup/store/stored-image.h"
#include "base/publish.h"
#include "base/test-hook.h"
#include "database/check/check.h"
#include "database/connection/placement.h"
#include "database/statistics/statistics.h"

typedef struct Verification {
        int directory_fd;
        const char *directory_path;
        const AgeIdentities *identities;
        Effort effort;
        Progress *progress;
        Manifest *manifest;       /* as it is on disk, and then as it is to be */
        bool manifest_unreadable; /* it stays as it is */
        Publication *unpacked;    /* never published; its temporary file is the image */
        char *unpacked_path;
} Verification;

static void verification_done(Verification *verification)
{
        if (verification->unpacked)
                unfinished_remove_image(verification->directory_fd, verification->unpacked->temporary_name);
        verification->unpacked = publish_free(verification->unpacked);
        verification->manifest = manifest_free(verification->manifest);
        free(verification->unpacked_path);
}

/* What is on disk counts, and its foreign fields are only there. `known` fills in for a file without a
 * manifest. A manifest that can't be read is itself the verdict, in *fault. */
static int load(Verification *verification, const Manifest *known, Fault *fault)
{
        Fault found = {0};
        int r;

        r = manifest_load(verification->directory_fd, known->file, &verification->manifest, &found);
        if (r >= 0) {
                /* A foreign manifest says nothing about these. */
                if (verification->manifest->created_usec == 0)
                        verification->manifest->created_usec = known->created_usec;
                return 0;
        }
        verification->manifest = manifest_copy(known);
        if (!verification->manifest) {
                fault_done(&found);
                return fault_set_errno(fault, ENOMEM, "Verifying %s", known->file);
        }
        if (found.code == FAULT_NOT_FOUND) {
                fault_done(&found);
                return 0;
        }
        verification->manifest_unreadable = found.code == FAULT_CORRUPT;
        if (fault)
                fault_move(fault, &found);
        fault_done(&found);
        return r;
}

static int open_stored(const Verification *verification, int *ret, Fault *fault)
{
        const char *file = verification->manifest->file;
        _cleanup_close_ int fd = openat(verification->directory_fd,
                        file,
                        O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        struct stat status;

        if (fd < 0 || fstat(fd, &status) < 0)
                return fault_set_errno(fault, errno, "Opening %s/%s", verification->directory_path, file);
        if (!S_ISREG(status.st_mode))
                return fault_set(fault,
                                FAULT_CANNOT_OPEN,
                                "%s/%s is no regular file",
                                verification->directory_path,
                                file);
        /* The disk is to be proved, not the page cache. */
        (void) posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        *ret = TAKE_FD(fd);
        return 0;
}

static int begin_unpacking(Verification *verification, Fault *fault)
{
        _cleanup_free_ char *name = unfinished_verify_name(verification->manifest->file);
        int r;

        if (!name)
                return fault_set_errno(fault, ENOMEM, "Verifying %s", verification->manifest->file);
        r = placement_require_space(
                        verification->directory_path, verification->manifest->database_bytes, fault);
        if (r >= 0)
                r = publish_begin(verification->directory_fd, name, 0600, &verification->unpacked, fault);
        if (r < 0)
                return r;
        /* What a killed run's SQLite left beside it would be replayed into it. */
        unfinished_remove_beside(verification->directory_fd, verification->unpacked->temporary_name);
        if (asprintf(&verification->unpacked_path,
                            "%s/%s",
                            verification->directory_path,
                            verification->unpacked->temporary_name) < 0) {
                verification->unpacked_path = NULL;
                return fault_set_errno(fault, ENOMEM, "Verifying %s", verification->manifest->file);
        }
        return 0;
}

static int compare_digest(const Verification *verification,
                const char *what,
                const char *recorded,
                const char *found,
                Fault *fault)
{
        if (recorded[0] == '\0' || strcmp(recorded, found) == 0)
                return 0;
        return fault_set(fault,
                        FAULT_CORRUPT,
                        "%s/%s: the SHA-256 of %s is not the one in the manifest; restore another backup, "
                        "and "
                        "check the disk",
                        verification->directory_path,
                        verification->manifest->file,
                        what);
}

static int compare_size(const Verification *verification,
                const char *what,
                uint64_t recorded_bytes,
                uint64_t found_bytes,
                Fault *fault)
{
        /* Without a digest of ours, the size was never recorded either. */
        if (verification->manifest->stored_sha256[0] == '\0' || recorded_bytes == found_bytes)
                return 0;
        return fault_set(fault,
                        FAULT_CORRUPT,
                        "%s/%s: %s has %ju bytes, and %ju in the manifest; restore another backup, and "
                        "check "
                        "the disk",
                        verification->directory_path,
                        verification->manifest->file,
                        what,
                        (uintmax_t) found_bytes,
                        (uintmax_t) recorded_bytes);
}

/* The verdict on a file whose disk does not give it back: it is no backup any more. Should it come back, the
 * next verification says so. */
static int pronounce_unreadable(const Verification *verification, const Fault *found, Fault *fault)
{
        return fault_set(fault,
                        FAULT_CORRUPT,
                        "%s/%s can't be read in full (%s); restore another backup, and check the disk",
                        verification->directory_path,
                        verification->manifest->file,
                        found->message);
}

/* Whether an input/output error is the stored file's, and not that of writing what was in it. */
static bool is_unreadable(const Verification *verification, int stored_fd)
{
        _cleanup_fault_ Fault found = {0};
        StoredImage image;

        return stored_image_digest(stored_fd, verification->effort, verification->progress, &image, &found) <
                               0 &&
               found.code == FAULT_IO;
}

static int pass_on(const Verification *verification, int r, Fault *found, Fault *fault)
{
        (void) fault_prefix(found, r, "%s/%s", verification->directory_path, verification->manifest->file);
        if (fault)
                fault_move(fault, found);
        return r;
}

/* All that can be proved without its key. That the database in it is sound was proved when it was made. */
static int prove_stored(Verification *verification, int stored_fd, const char *why_closed, Fault *fault)
{
        const Manifest *manifest = verification->manifest;
        _cleanup_fault_ Fault found = {0};
        StoredImage image;
        int r = stored_image_digest(stored_fd, verification->effort, verification->progress, &image, &found);

        if (found.code == FAULT_IO)
                return pronounce_unreadable(verification, &found, fault);
        if (r < 0)
                return pass_on(verification, r, &found, fault);
        r = compare_size(verification, "the file", manifest->stored_bytes, image.stored_bytes, fault);
        if (r >= 0)
                r = compare_digest(verification,
                                "the file",
                                manifest->stored_sha256,
                                image.stored_sha256,
                                fault);
        if (r < 0)
                return r;
        return fault_set(fault,
                        FAULT_KEY_UNAVAILABLE,
                        "%s/%s: %s, but not that it can be decrypted. %s",
                        verification->directory_path,
                        manifest->file,
                        manifest->stored_sha256[0] ? "It is proved to be the one that was written"
                                                   : "All of it could be read",
                        why_closed);
}

/* Reads all of the stored file, and fills in what was not known. */
static int unpack(Verification *verification, Fault *fault)
{
        _cleanup_close_ int stored_fd = -EBADF;
        Manifest *manifest = verification->manifest;
        AgeOpener opener = {.identities = verification->identities};
        _cleanup_fault_ Fault found = {0};
        Effort effort = verification->effort;
        StoredImage image;
        int r;

        effort.image_bytes = manifest->database_bytes;
        r = open_stored(verification, &stored_fd, fault);
        if (r >= 0)
                r = begin_unpacking(verification, fault);
        if (r < 0)
                return r;
        r = stored_image_read(stored_fd,
                        manifest->compression,
                        manifest->encrypted ? &opener : NULL,
                        verification->unpacked->fd,
                        effort,
                        verification->progress,
                        &image,
                        &found);
        if (found.code == FAULT_KEY_UNAVAILABLE)
                return prove_stored(verification, stored_fd, found.message, fault);
        if (found.code == FAULT_IO && is_unreadable(verification, stored_fd))
                return pronounce_unreadable(verification, &found, fault);
        if (r < 0)
                return pass_on(verification, r, &found, fault);
        TEST_POINT("verify-unpacked");

        r = compare_size(verification, "the file", manifest->stored_bytes, image.stored_bytes, fault);
        if (r >= 0)
                r = compare_size(verification,
                                "the database in it",
                                manifest->database_bytes,
                                image.database_bytes,
                                fault);
        if (r >= 0)
                r = compare_digest(verification,
                                "the file",
                                manifest->stored_sha256,
                                image.stored_sha256,
                                fault);
        if (r >= 0)
                r = compare_digest(verification,
                                "the database in it",
                                manifest->blocks_sha256,
                                image.blocks_sha256,
                                fault);
        if (r < 0)
                return r;
        manifest->stored_bytes = image.stored_bytes;
        manifest->database_bytes = image.database_bytes;
        memcpy(manifest->stored_sha256, image.stored_sha256, DIGEST_HEX_MAX);
        memcpy(manifest->blocks_sha256, image.blocks_sha256, DIGEST_HEX_MAX);
        return 0;
}

static int check_image(Verification *verification, Fault *fault)
{
        _cleanup_(check_result_done) CheckResult result = {0};
        int r;

        progress_begin(verification->progress, "checking", 0);
        r = check_run(verification->unpacked_path,
                        CONNECTION_PRIVATE,
                        CHECK_FULL,
                        verification->effort.threads,
                        verification->progress,
                        &result,
                        fault);
        if (r < 0)
                return r;
        if (!result.healthy)
                return fault_set(fault,
                                FAULT_CORRUPT,
                                "%s/%s: the database in it is damaged (%s); restore another backup",
                                verification->directory_path,
                                verification->manifest->file,
                                result.first_finding ? result.first_finding : "unknown damage");
        free(verification->manifest->unchecked);
        verification->manifest->unchecked = TAKE_PTR(result.unchecked);
        verification->manifest->foreign_key_violations = result.foreign_key_violations;
        verification->manifest->constraint_violations = result.constraint_violations;
        return 0;
}

/* What a backup of ours was given when it was made. */
static int describe_image(Verification *verification, Fault *fault)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(statistics_done) Statistics statistics = {0};
        Manifest *manifest = verification->manifest;
        int r;

        if (manifest->n_tables > 0)
                return 0;
        r = connection_open(verification->unpacked_path,
                        CONNECTION_PRIVATE,
                        verification->progress,
                        &connection,
                        fault);
        if (r >= 0)
                r = statistics_collect(connection, &statistics, fault);
        if (r < 0)
                return r;
        manifest->page_size_bytes = statistics.page_size_bytes;
        manifest->pages = statistics.pages;
        manifest->n_tables = statistics.n_tables;
        manifest->tables = TAKE_PTR(statistics.tables);
        statistics.n_tables = 0;
        return 0;
}

/* Returns `verdict` (0, or CORRUPT's errno with its fault) with the manifest that carries it. */
static int pronounce(
                Verification *verification, int verdict, uint64_t now_usec, Manifest **ret, Fault *fault)
{
        Manifest *manifest = verification->manifest;
        int r;

        if (verdict >= 0) {
                manifest->verified_usec = now_usec;
                manifest->quick_check = false;
                r = manifest_store(verification->directory_fd, manifest, fault);
                if (r < 0)
                        return r;
        } else if (!verification->manifest_unreadable)
                /* What was found is worth telling even where it can't be written down. */
                (void) manifest_store(verification->directory_fd, manifest, NULL);
        TEST_POINT("verify-stored");
        *ret = TAKE_PTR(verification->manifest);
        return verdict;
}

int verify_backup(int directory_fd,
                const char *directory_path,
                const Manifest *manifest,
                const AgeIdentities *identities,
                Effort effort,
                uint64_t now_usec,
                Progress *progress,
                Manifest **ret,
                Fault *fault)
{
        _cleanup_(verification_done) Verification verification = {
                        .directory_fd = directory_fd,
                        .directory_path = directory_path,
                        .identities = identities,
                        .effort = effort,
                        .progress = progress,
        };
        Fault found = {0};
        int r;

        r = load(&verification, manifest, &found);
        if (r >= 0)
                r = unpack(&verification, &found);
        if (r >= 0)
                r = check_image(&verification, &found);
        if (r >= 0)
                r = describe_image(&verification, &found);
        TEST_POINT("verify-judged");

        if (r < 0 && found.code != FAULT_CORRUPT) {
                if (fault)
                        fault_move(fault, &found);
                fault_done(&found);
                return r;
        }
        free(TAKE_PTR(verification.manifest->verification_fault));
        if (r < 0)
                verification.manifest->verification_fault = strdup(found.message);
        else
                free(TAKE_PTR(verification.manifest->problem));
        if (fault && r < 0)
                fault_move(fault, &found);
        fault_done(&found);
        return pronounce(&verification, r, now_usec, ret, fault);
}
