/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/create/bring-in.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/stat.h>

#include "age/armor.h"
#include "backup/catalogue/backup-name.h"
#include "backup/catalogue/unfinished.h"
#include "backup/create/create.h"
#include "backup/store/stored-image.h"
#include "backup/store/zip-member.h"
#include "base/io.h"
#include "database/check/check.h"
#include "database/connection/placement.h"

#define MAGIC_BYTES 16 /* that tell what it is */

typedef struct BringIn {
        const BringInRequest *request;
        int source_fd;           /* the request's, or: */
        int decoded_fd;          /* what its ASCII armor, or the archive, held; a file without a name */
        Compression compression; /* of the source */
        bool encrypted;
        AgeFileKey file_key; /* unwrapped once, for all passes through the source */
        AgeOpener opener;
        uint64_t offset_bytes; /* what of the source the next read_source() reads */
        char *copy_name;
        char *copy_path;
} BringIn;

static void bring_in_done(BringIn *bring_in)
{
        if (bring_in->copy_name)
                unfinished_remove_image(bring_in->request->directory_fd, bring_in->copy_name);
        closep(&bring_in->decoded_fd);
        free(bring_in->copy_name);
        free(bring_in->copy_path);
        OPENSSL_cleanse(&bring_in->file_key, sizeof bring_in->file_key);
}

/* AgeSource */
static int read_source(void *userdata, void *data, size_t size, size_t *ret, Fault *fault)
{
        BringIn *bring_in = userdata;
        const BringInRequest *request = bring_in->request;
        int r = io_read_full_at(bring_in->source_fd, data, size, bring_in->offset_bytes, ret);

        if (r == -EBADF)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "%s is not open for reading",
                                request->source_name);
        if (r < 0)
                return fault_set_errno(fault, r, "Reading %s", request->source_name);
        bring_in->offset_bytes += *ret;
        return 0;
}

static int unwrap(BringIn *bring_in, Fault *fault)
{
        AgeOpener by_identity = {.identities = bring_in->request->identities};
        _cleanup_free_ char *header = malloc(AGE_HEADER_MAX_BYTES);
        size_t size, header_bytes;
        int r;

        if (!header)
                return fault_set_errno(fault, ENOMEM, "Reading %s", bring_in->request->source_name);
        r = read_source(bring_in, header, AGE_HEADER_MAX_BYTES, &size, fault);
        if (r < 0)
                return r;
        r = age_header_open(header, size, &by_identity, &bring_in->file_key, &header_bytes, fault);
        if (r < 0)
                return fault_prefix(fault, r, "%s", bring_in->request->source_name);
        bring_in->opener.file_key = &bring_in->file_key;
        bring_in->encrypted = true;
        return 0;
}

/* The first bytes of what is encrypted, proved as everything is. */
static int read_decrypted_magic(BringIn *bring_in, void *ret_magic, size_t *ret_size, Fault *fault)
{
        _cleanup_(age_reader_freep) AgeReader *reader = NULL;
        int r;

        bring_in->offset_bytes = 0;
        r = unwrap(bring_in, fault);
        if (r < 0)
                return r;
        bring_in->offset_bytes = 0;
        r = age_reader_new(&bring_in->opener, read_source, bring_in, &reader, fault);
        if (r >= 0)
                r = age_reader_read(reader, ret_magic, MAGIC_BYTES, ret_size, fault);
        return r < 0 ? fault_prefix(fault, r, "%s", bring_in->request->source_name) : 0;
}

/* The names of the copy that is checked. */
static int name_copy(BringIn *bring_in, Fault *fault)
{
        const BringInRequest *request = bring_in->request;
        _cleanup_free_ char *file = backup_name_to_file(
                        request->name, request->compression, age_recipients_any(request->recipients));
        _cleanup_free_ char *verify_name = file ? unfinished_verify_name(file) : NULL;

        if (!verify_name || asprintf(&bring_in->copy_name, ".%s.tmp", verify_name) < 0) {
                bring_in->copy_name = NULL;
                return fault_set_errno(fault, ENOMEM, "Bringing in %s", request->source_name);
        }
        if (asprintf(&bring_in->copy_path, "%s/%s", request->directory_path, bring_in->copy_name) < 0) {
                bring_in->copy_path = NULL;
                return fault_set_errno(fault, ENOMEM, "Bringing in %s", request->source_name);
        }
        return 0;
}

static int begin_copy(BringIn *bring_in, int *ret_fd, Fault *fault)
{
        const BringInRequest *request = bring_in->request;
        int fd;

        unfinished_remove_image(request->directory_fd, bring_in->copy_name);
        fd = openat(request->directory_fd,
                        bring_in->copy_name,
                        O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                        0600);
        if (fd < 0)
                return fault_set_errno(fault, errno, "Creating %s", bring_in->copy_path);
        *ret_fd = fd;
        return 0;
}

static bool begins_armor(const char *magic, size_t size)
{
        size_t space = 0;

        while (space < size && strchr(" \t\r\n", magic[space]) && magic[space])
                space++;
        return space < size && memcmp(magic + space, AGE_ARMOR_START, size - space) == 0;
}

/* Into a file without a name, which is read in place of the text from here on. */
static int take_armor_off(BringIn *bring_in, uint64_t text_bytes, Progress *progress, Fault *fault)
{
        const BringInRequest *request = bring_in->request;
        int r = placement_require_space(request->directory_path, text_bytes / 4 * 3, fault);

        if (r >= 0)
                r = begin_copy(bring_in, &bring_in->decoded_fd, fault);
        if (r < 0)
                return r;
        unfinished_remove_image(request->directory_fd, bring_in->copy_name);
        r = age_armor_decode(bring_in->source_fd, bring_in->decoded_fd, progress, fault);
        if (r < 0)
                return fault_prefix(fault, r, "%s", request->source_name);
        bring_in->source_fd = bring_in->decoded_fd;
        return 0;
}

/* The same for the database in an archive. */
static int take_out_of_zip(BringIn *bring_in, Progress *progress, Fault *fault)
{
        const BringInRequest *request = bring_in->request;
        int r = begin_copy(bring_in, &bring_in->decoded_fd, fault);

        if (r < 0)
                return r;
        unfinished_remove_image(request->directory_fd, bring_in->copy_name);
        r = zip_member_extract(request->source_fd,
                        bring_in->decoded_fd,
                        request->directory_path,
                        request->effort.image_max_bytes,
                        progress,
                        fault);
        if (r < 0)
                return fault_prefix(fault, r, "%s", request->source_name);
        bring_in->source_fd = bring_in->decoded_fd;
        return 0;
}

/* What it is, is told by its first bytes, whatever it is called. */
static int recognise(BringIn *bring_in, Progress *progress, Fault *fault)
{
        const BringInRequest *request = bring_in->request;
        char magic[MAGIC_BYTES] = {0};
        struct stat status;
        size_t size;
        int r;

        if (fstat(request->source_fd, &status) < 0)
                return fault_set_errno(fault, errno, "Looking at %s", request->source_name);
        /* Anything else may never end, or never begin. */
        if (!S_ISREG(status.st_mode))
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "%s is no regular file; give a database file, or a .gz, .zip or .age of one",
                                request->source_name);
        r = read_source(bring_in, magic, sizeof magic, &size, fault);
        if (r >= 0 && size == sizeof magic &&
                        (begins_armor(magic, size) || memcmp(magic, ZIP_MAGIC, ZIP_MAGIC_BYTES) == 0)) {
                r = memcmp(magic, ZIP_MAGIC, ZIP_MAGIC_BYTES) == 0
                                    ? take_out_of_zip(bring_in, progress, fault)
                                    : take_armor_off(bring_in, (uint64_t) status.st_size, progress, fault);
                bring_in->offset_bytes = 0;
                if (r >= 0)
                        r = read_source(bring_in, magic, sizeof magic, &size, fault);
        }
        if (r >= 0 && size == sizeof magic && memcmp(magic, AGE_VERSION_LINE, sizeof magic) == 0)
                r = read_decrypted_magic(bring_in, magic, &size, fault);
        if (r < 0)
                return r;
        if (size == sizeof magic && memcmp(magic, "SQLite format 3", sizeof magic) == 0)
                bring_in->compression = COMPRESSION_NONE;
        else if (size >= 3 && memcmp(magic, "\x1f\x8b\x08", 3) == 0)
                bring_in->compression = COMPRESSION_GZIP;
        else
                return fault_set(fault,
                                FAULT_NOT_A_DATABASE,
                                "%s is neither an SQLite database nor a .gz, .zip or .age of one; check "
                                "that this "
                                "is the "
                                "right file",
                                request->source_name);
        return 0;
}

/* Room is a matter of the place, not of the file. */
static int name_source(const BringInRequest *request, int r, Fault *fault)
{
        if (fault && fault->code == FAULT_NO_SPACE)
                return fault_prefix(fault,
                                r,
                                "%s, unpacked in %s",
                                request->source_name,
                                request->directory_path);
        return fault_prefix(fault, r, "%s", request->source_name);
}

/* Twice through the source: a .gz may hold a thousand times its size, and whether that fits is known before
 * the first byte is written. */
static int copy_source(BringIn *bring_in, Progress *progress, Fault *fault)
{
        const BringInRequest *request = bring_in->request;
        _cleanup_close_ int fd = -EBADF;
        const AgeOpener *opener = bring_in->encrypted ? &bring_in->opener : NULL;
        StoredImage first, image;
        int r;

        r = stored_image_read(bring_in->source_fd,
                        bring_in->compression,
                        opener,
                        -EBADF,
                        request->effort,
                        progress,
                        &first,
                        fault);
        if (r < 0)
                return name_source(request, r, fault);
        r = placement_require_space(request->directory_path, 2 * first.database_bytes, fault);
        if (r >= 0)
                r = begin_copy(bring_in, &fd, fault);
        if (r < 0)
                return r;
        r = stored_image_read(bring_in->source_fd,
                        bring_in->compression,
                        opener,
                        fd,
                        request->effort,
                        progress,
                        &image,
                        fault);
        if (r < 0)
                return name_source(request, r, fault);
        if (strcmp(first.blocks_sha256, image.blocks_sha256) != 0)
                return fault_set(fault,
                                FAULT_BUSY,
                                "%s changed while it was read; bring it in when nobody writes to it",
                                request->source_name);
        return 0;
}

static int make_copy(BringIn *bring_in, Progress *progress, Fault *fault)
{
        int r;

        if (!backup_name_is_valid(bring_in->request->name))
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "The name of the new backup is not valid");
        r = name_copy(bring_in, fault);
        if (r >= 0)
                r = recognise(bring_in, progress, fault);
        return r < 0 ? r : copy_source(bring_in, progress, fault);
}

int bring_in(const BringInRequest *request, Progress *progress, Manifest **ret, Fault *fault)
{
        _cleanup_(bring_in_done) BringIn bring_in = {
                        .request = request, .source_fd = request->source_fd, .decoded_fd = -EBADF};
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        _cleanup_free_ char *source = strdup(request->source_name);
        CreateRequest create = {
                        .directory_fd = request->directory_fd,
                        .directory_path = request->directory_path,
                        .name = request->name,
                        .kind = BACKUP_IMPORTED,
                        .label = request->label,
                        .database_id = request->database_id,
                        .compression = request->compression,
                        .effort = request->effort,
                        .recipients = request->recipients,
                        .identities = request->identities,
                        .ret_file_key = request->ret_file_key,
                        .now_usec = request->now_usec,
        };
        int r;

        if (!source)
                return fault_set_errno(fault, ENOMEM, "Bringing in %s", request->source_name);
        r = make_copy(&bring_in, progress, fault);
        if (r < 0)
                return r;
        create.database_path = bring_in.copy_path;
        r = create_backup(&create, progress, &manifest, fault);
        if (r < 0)
                return fault_prefix(fault, r, "Bringing in %s", request->source_name);
        /* Where it came from, not the copy that it was made of. */
        free(manifest->source);
        manifest->source = TAKE_PTR(source);
        r = manifest_store(request->directory_fd, manifest, fault);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(manifest);
        return 0;
}

/* What is no database at all is told from a corrupt one by opening it. */
static int open_copy(const BringIn *bring_in, Progress *progress, Fault *fault)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        int64_t version;
        int r = connection_open(bring_in->copy_path, CONNECTION_PRIVATE, progress, &connection, fault);

        return r < 0 ? r
                     : connection_query_integer(connection, "PRAGMA main.schema_version", &version, fault);
}

static int check_copy(const BringIn *bring_in, Progress *progress, Fault *fault)
{
        const BringInRequest *request = bring_in->request;
        _cleanup_(check_result_done) CheckResult result = {0};
        int r = open_copy(bring_in, progress, fault);

        if (r < 0)
                return fault_prefix(fault, r, "%s", request->source_name);
        progress_begin(progress, "checking", 0);
        r = check_run(bring_in->copy_path,
                        CONNECTION_PRIVATE,
                        CHECK_FULL,
                        request->effort.threads,
                        progress,
                        &result,
                        fault);
        if (r < 0)
                return fault_prefix(fault, r, "%s", request->source_name);
        if (result.healthy)
                return 0;
        return fault_set(fault,
                        FAULT_CORRUPT,
                        "%s is corrupt (%s); it would not be restored",
                        request->source_name,
                        result.first_finding ? result.first_finding : "unknown damage");
}

/* Its pages and its rows. */
static int measure_copy(const BringIn *bring_in, Progress *progress, Manifest *manifest, Fault *fault)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        _cleanup_(statistics_done) Statistics statistics = {0};
        int r = connection_open(bring_in->copy_path, CONNECTION_PRIVATE, progress, &connection, fault);

        if (r >= 0)
                r = statistics_collect(connection, &statistics, fault);
        if (r < 0)
                return fault_prefix(fault, r, "%s", bring_in->request->source_name);
        manifest->page_size_bytes = statistics.page_size_bytes;
        manifest->pages = statistics.pages;
        manifest->database_bytes = statistics.size_bytes;
        manifest->n_tables = statistics.n_tables;
        manifest->tables = TAKE_PTR(statistics.tables);
        statistics.n_tables = 0;
        return 0;
}

int bring_in_look(const BringInRequest *request, Progress *progress, Manifest **ret, Fault *fault)
{
        _cleanup_(bring_in_done) BringIn bring_in = {
                        .request = request, .source_fd = request->source_fd, .decoded_fd = -EBADF};
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        struct stat status;
        int r = make_copy(&bring_in, progress, fault);

        if (r >= 0)
                r = check_copy(&bring_in, progress, fault);
        if (r < 0)
                return r;
        if (fstat(request->source_fd, &status) < 0)
                return fault_set_errno(fault, errno, "Looking at %s", request->source_name);
        if (manifest_new(&manifest) < 0 || !(manifest->name = strdup(request->source_name)))
                return fault_set_errno(fault, ENOMEM, "Looking at %s", request->source_name);
        manifest->created_usec = (uint64_t) status.st_mtim.tv_sec * USEC_PER_SEC;
        r = measure_copy(&bring_in, progress, manifest, fault);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(manifest);
        return 0;
}
