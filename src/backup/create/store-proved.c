/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/create/store-proved.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>

#include "backup/catalogue/backup-rights.h"
#include "backup/catalogue/unfinished.h"
#include "backup/store/older-members.h"
#include "base/test-hook.h"

typedef struct Storing {
        const CreateRequest *request;
        const Manifest *manifest;
        const char *copy_name;
        Progress *progress;
        int copy_fd;  /* while the copy may be needed again */
        bool aligned; /* the stored file can share blocks */
        Publication *publication;
        AgeFileKey file_key;
} Storing;

static void storing_done(Storing *storing)
{
        closep(&storing->copy_fd);
        storing->publication = publish_free(storing->publication);
        OPENSSL_cleanse(&storing->file_key, sizeof storing->file_key);
}

static int open_copy(Storing *storing, Fault *fault)
{
        storing->copy_fd = openat(storing->request->directory_fd,
                        storing->copy_name,
                        O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (storing->copy_fd < 0)
                return fault_set_errno(fault,
                                errno,
                                "Opening %s/%s",
                                storing->request->directory_path,
                                storing->copy_name);
        return 0;
}

/* Negative when there is none, or when nobody noted what its index was; then nothing is reused, and
 * nothing is lost. */
static int open_older(const CreateRequest *request)
{
        if (!request->older || !request->older->index_sha256[0])
                return -EBADF;
        return openat(request->directory_fd,
                        request->older->file,
                        O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
}

static int store_copy(Storing *storing, int older_fd, bool apart, StoredImage *ret, Fault *fault)
{
        const CreateRequest *request = storing->request;
        StoredForm form = {
                        .compression = request->compression,
                        .effort = request->effort,
                        .recipients = request->recipients,
                        .older_fd = older_fd,
                        .apart = apart,
                        .older_index_sha256 = request->older ? request->older->index_sha256 : NULL,
        };
        int r;

        storing->publication = publish_free(storing->publication);
        r = publish_begin(request->directory_fd,
                        storing->manifest->file,
                        BACKUP_FILE_MODE,
                        &storing->publication,
                        fault);
        if (r < 0)
                return r;
        backup_rights_follow(request->directory_fd, storing->publication->fd);
        form.aligned = storing->aligned = older_members_can_share(storing->publication->fd);
        r = stored_image_write(storing->copy_fd,
                        &form,
                        storing->publication->fd,
                        &storing->file_key,
                        storing->progress,
                        ret,
                        fault);
        if (r < 0)
                return fault_prefix(fault, r, "%s/%s", request->directory_path, storing->manifest->file);
        /* Gone before anything is synced: its room is needed, and it need never reach the disk. What was
         * reused may turn out to be rotten, and then it is needed again. */
        unfinished_remove_image(request->directory_fd, storing->copy_name);
        if (ret->reused_bytes == 0) {
                closep(&storing->copy_fd);
                storing->copy_fd = -EBADF;
        }
        TEST_POINT("create-stored");
        return publish_sync(storing->publication, fault);
}

/* Without room for blocks of its own, a backup that shares them is better than none. */
static int store_beside(Storing *storing, int older_fd, StoredImage *ret, Fault *fault)
{
        _cleanup_fault_ Fault met = {0};
        int r = store_copy(storing, older_fd, storing->request->apart, ret, &met);

        if (r >= 0)
                return r;
        if (met.code == FAULT_NO_SPACE && storing->request->apart && storing->aligned && older_fd >= 0 &&
                        storing->copy_fd >= 0)
                return store_copy(storing, older_fd, false, ret, fault);
        if (fault)
                fault_move(fault, &met);
        return r;
}

/* With the identities, as a restore will do it; else, so that the backup is proved, with its own key. */
static int prove_stored(Storing *storing, StoredImage *ret, Fault *fault)
{
        const CreateRequest *request = storing->request;
        AgeOpener by_file_key = {.file_key = &storing->file_key},
                  by_identity = {.identities = request->identities};
        bool encrypted = storing->manifest->encrypted;
        const AgeOpener *opener = encrypted ? &by_file_key : NULL;
        _cleanup_fault_ Fault missed = {0};
        int r;

        if (encrypted && request->identities) {
                r = stored_image_prove(storing->publication->fd,
                                request->compression,
                                &by_identity,
                                request->effort,
                                storing->progress,
                                ret,
                                &missed);
                if (r >= 0 || missed.code != FAULT_KEY_UNAVAILABLE) {
                        fault_move(fault, &missed);
                        return r;
                }
                if (request->ret_key_fault)
                        fault_move(request->ret_key_fault, &missed);
        }
        return stored_image_prove(storing->publication->fd,
                        request->compression,
                        opener,
                        request->effort,
                        storing->progress,
                        ret,
                        fault);
}

/* Whether that says that the file is not what was written. A sector that can't be read may be one that it
 * shares with the older file: as long as that is so, it is written again. */
static bool is_other(FaultCode code, const StoredImage *image)
{
        return code == FAULT_CORRUPT || (code == FAULT_IO && image->reused_bytes > 0);
}

/* Returns 1 when it is what was written, with the digest of the file, and 0 when it is not. */
static int read_back(Storing *storing, StoredImage *image, Fault *fault)
{
        _cleanup_fault_ Fault found = {0};
        StoredImage proved;
        int r;

        r = prove_stored(storing, &proved, &found);
        if (r < 0 && !is_other(found.code, image)) {
                (void) fault_prefix(&found,
                                r,
                                "%s/%s",
                                storing->request->directory_path,
                                storing->manifest->file);
                if (fault)
                        fault_move(fault, &found);
                return r;
        }
        if (r < 0 || proved.stored_bytes != image->stored_bytes ||
                        strcmp(proved.members_sha256, image->members_sha256) != 0)
                return 0;
        memcpy(image->stored_sha256, proved.stored_sha256, DIGEST_HEX_MAX);
        return 1;
}

/* Writes, and proves what was written. Nothing that is found here says anything about the database: either
 * the older file is rotten, and then it is done again without it, or the disk below the backups is to blame.
 */
static int store(Storing *storing, StoredImage *ret, Fault *fault)
{
        const CreateRequest *request = storing->request;
        _cleanup_close_ int older_fd = open_older(request);
        bool rewrite;
        int r = open_copy(storing, fault);

        if (r >= 0)
                r = store_beside(storing, older_fd, ret, fault);
        if (r >= 0)
                r = read_back(storing, ret, fault);
        rewrite = r == 0 && ret->reused_bytes > 0;
        if (r >= 0 && (rewrite || ret->older_damaged) && request->ret_older_damaged)
                *request->ret_older_damaged = true;
        if (rewrite) {
                r = store_copy(storing, -EBADF, false, ret, fault);
                if (r >= 0)
                        r = read_back(storing, ret, fault);
        }
        if (r == 0)
                return fault_set(fault,
                                FAULT_IO,
                                "%s/%s reads back from the disk as something else than was written; no "
                                "backup "
                                "was made; check the disk",
                                request->directory_path,
                                storing->manifest->file);
        return r < 0 ? r : 0;
}

void proved_file_done(ProvedFile *file)
{
        file->publication = publish_free(file->publication);
        OPENSSL_cleanse(&file->file_key, sizeof file->file_key);
}

int store_proved(const CreateRequest *request,
                const Manifest *manifest,
                const char *copy_name,
                Progress *progress,
                ProvedFile *ret,
                Fault *fault)
{
        _cleanup_(storing_done) Storing storing = {.request = request,
                        .manifest = manifest,
                        .copy_name = copy_name,
                        .progress = progress,
                        .copy_fd = -EBADF};
        StoredImage image;
        int r = store(&storing, &image, fault);

        if (r < 0)
                return r;
        ret->publication = TAKE_PTR(storing.publication);
        ret->file_key = storing.file_key;
        ret->image = image;
        return 0;
}
