/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/catalogue/manifest.h"

#include <string.h>

#include "backup/catalogue/backup-name.h"
#include "backup/catalogue/backup-rights.h"
#include "base/io.h"
#include "base/publish.h"
#include "base/utf8.h"

static const char *const kind_names[_BACKUP_KIND_MAX] = {
                [BACKUP_INITIAL] = "initial",
                [BACKUP_AUTOMATIC] = "automatic",
                [BACKUP_MANUAL] = "manual",
                [BACKUP_PRE_RESTORE] = "pre-restore",
                [BACKUP_IMPORTED] = "imported",
};

static const char *const compression_names[_COMPRESSION_MAX] = {
                [COMPRESSION_NONE] = "none",
                [COMPRESSION_GZIP] = "gzip",
};

const char *backup_kind_to_string(BackupKind kind)
{
        return kind >= 0 && kind < _BACKUP_KIND_MAX ? kind_names[kind] : NULL;
}

BackupKind backup_kind_from_string(const char *text)
{
        for (BackupKind kind = 0; kind < _BACKUP_KIND_MAX; kind++)
                if (strcmp(kind_names[kind], text) == 0)
                        return kind;
        return _BACKUP_KIND_INVALID;
}

const char *compression_to_string(Compression compression)
{
        return compression >= 0 && compression < _COMPRESSION_MAX ? compression_names[compression] : NULL;
}

Compression compression_from_string(const char *text)
{
        for (Compression compression = 0; compression < _COMPRESSION_MAX; compression++)
                if (strcmp(compression_names[compression], text) == 0)
                        return compression;
        return _COMPRESSION_INVALID;
}

bool backup_label_is_valid(const char *label)
{
        return strlen(label) <= BACKUP_LABEL_MAX_BYTES && utf8_is_line(label);
}

Manifest *manifest_free(Manifest *manifest)
{
        if (!manifest)
                return NULL;
        free(manifest->name);
        free(manifest->file);
        free(manifest->label);
        free(manifest->source);
        free(manifest->host);
        free(manifest->tool_version);
        free(manifest->database_id);
        free(manifest->encryption_recipients);
        free(manifest->verification_fault);
        free(manifest->unchecked);
        free(manifest->chain);
        free(manifest->fingerprint);
        free(manifest->problem);
        table_counts_free(manifest->tables, manifest->n_tables);
        (void) json_object_put(manifest->unknown);
        free(manifest);
        return NULL;
}

int manifest_new(Manifest **ret)
{
        Manifest *manifest = calloc(1, sizeof *manifest);

        if (!manifest)
                return -ENOMEM;
        *ret = manifest;
        return 0;
}

bool manifest_is_own(const Manifest *manifest)
{
        return !manifest->adopted && !manifest->problem && manifest->kind != BACKUP_PRE_RESTORE &&
               manifest->kind != BACKUP_IMPORTED;
}

bool manifest_is_verified(const Manifest *manifest)
{
        return manifest->verified_usec > 0 && !manifest->verification_fault && !manifest->problem;
}

bool manifest_shares_bytes(const Manifest *a, const Manifest *b)
{
        /* Two that were each copied from the database may have the same moment by a clock that stands. */
        bool shared = a->copied_usec < a->created_usec || b->copied_usec < b->created_usec;

        return shared && a->copied_usec > 0 && a->copied_usec == b->copied_usec &&
               strcmp(a->stored_sha256, b->stored_sha256) == 0;
}

static int copy_text(char **target, const char *source)
{
        *target = source ? strdup(source) : NULL;
        return source && !*target ? -ENOMEM : 0;
}

int manifest_copy_tables(Manifest *copy, const Manifest *manifest)
{
        int r = table_counts_copy(manifest->tables, manifest->n_tables, &copy->tables);

        if (r >= 0)
                copy->n_tables = manifest->n_tables;
        return r;
}

Manifest *manifest_copy(const Manifest *manifest)
{
        _cleanup_(manifest_freep) Manifest *copy = malloc(sizeof *copy);

        if (!copy)
                return NULL;
        *copy = *manifest;
        /* Nothing that is owned may be shared, not even until the next line fails. */
        copy->name = copy->file = copy->label = copy->source = copy->host = copy->tool_version = NULL;
        copy->encryption_recipients = copy->verification_fault = copy->problem = NULL;
        copy->chain = copy->fingerprint = copy->unchecked = copy->database_id = NULL;
        copy->tables = NULL;
        copy->n_tables = 0;
        copy->unknown = NULL;
        if (copy_text(&copy->name, manifest->name) < 0 || copy_text(&copy->file, manifest->file) < 0 ||
                        copy_text(&copy->label, manifest->label) < 0 ||
                        copy_text(&copy->source, manifest->source) < 0 ||
                        copy_text(&copy->host, manifest->host) < 0 ||
                        copy_text(&copy->tool_version, manifest->tool_version) < 0 ||
                        copy_text(&copy->database_id, manifest->database_id) < 0 ||
                        copy_text(&copy->encryption_recipients, manifest->encryption_recipients) < 0 ||
                        copy_text(&copy->verification_fault, manifest->verification_fault) < 0 ||
                        copy_text(&copy->chain, manifest->chain) < 0 ||
                        copy_text(&copy->fingerprint, manifest->fingerprint) < 0 ||
                        copy_text(&copy->unchecked, manifest->unchecked) < 0 ||
                        copy_text(&copy->problem, manifest->problem) < 0 ||
                        manifest_copy_tables(copy, manifest) < 0)
                return NULL;
        return TAKE_PTR(copy);
}

/* A foreign document says nothing that we rely on: the name of the file does. */
static int adopt_foreign(Manifest *manifest, const char *file)
{
        char name[BACKUP_NAME_MAX];
        int r;

        r = backup_name_from_file(file, name, &manifest->compression, &manifest->encrypted);
        if (r >= 0)
                r = copy_text(&manifest->name, name);
        if (r >= 0)
                r = copy_text(&manifest->file, file);
        manifest->kind = backup_name_adopted_kind(file);
        return r;
}

int manifest_load(int directory_fd, const char *file, Manifest **ret, Fault *fault)
{
        _cleanup_(manifest_freep) Manifest *manifest = NULL;
        _cleanup_free_ char *meta = NULL, *text = NULL;
        size_t size;
        int r;

        if (asprintf(&meta, "%s" MANIFEST_SUFFIX, file) < 0) {
                meta = NULL;
                return fault_set_errno(fault, ENOMEM, "Reading the manifest of %s", file);
        }
        r = io_read_file(directory_fd, meta, MANIFEST_MAX_BYTES, &text, &size);
        if (r == -ENOENT)
                return fault_set(fault, FAULT_NOT_FOUND, "%s has no manifest %s", file, meta);
        if (r == -EFBIG || r == -EINVAL)
                return fault_set(fault,
                                FAULT_CORRUPT,
                                "%s is %s and can't be a manifest; move it away",
                                meta,
                                r == -EFBIG ? "too large" : "no regular file");
        if (r < 0)
                return fault_set_errno(fault, r, "Reading %s", meta);
        r = manifest_parse(text, size, &manifest, fault);
        if (r < 0)
                return fault_prefix(fault, r, "%s", meta);

        if (!manifest->file) {
                r = adopt_foreign(manifest, file);
                if (r < 0)
                        return fault_set_errno(fault, r, "Reading %s", meta);
        } else if (strcmp(manifest->file, file) != 0)
                return fault_set(fault,
                                FAULT_CORRUPT,
                                "%s is the manifest of another file, %s; rename it back",
                                meta,
                                manifest->file);
        *ret = TAKE_PTR(manifest);
        return 0;
}

static int store(int directory_fd, const Manifest *manifest, const char *name, bool replace, Fault *fault)
{
        _cleanup_(publish_freep) Publication *publication = NULL;
        _cleanup_free_ char *text = NULL;
        int r;

        r = manifest_format(manifest, &text, fault);
        if (r >= 0)
                r = publish_begin(directory_fd, name, BACKUP_FILE_MODE, &publication, fault);
        if (r < 0)
                return r;
        backup_rights_follow(directory_fd, publication->fd);
        r = io_write_all(publication->fd, text, strlen(text));
        if (r < 0)
                return fault_set_errno(fault, r, "Writing %s", name);
        return publish_commit(publication, replace, fault);
}

int manifest_store(int directory_fd, const Manifest *manifest, Fault *fault)
{
        _cleanup_free_ char *meta = NULL;

        if (asprintf(&meta, "%s" MANIFEST_SUFFIX, manifest->file) < 0) {
                meta = NULL;
                return fault_set_errno(fault, ENOMEM, "Writing the manifest of %s", manifest->file);
        }
        return store(directory_fd, manifest, meta, true, fault);
}

int manifest_store_as(int directory_fd, const Manifest *manifest, const char *name, Fault *fault)
{
        return store(directory_fd, manifest, name, false, fault);
}
