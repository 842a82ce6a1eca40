/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/catalogue/backup-name.h"

#include <ctype.h>
#include <string.h>

#include "base/utf8.h"

#define LABELLED_PREFIX "backup_"
#define PRE_RESTORE_PREFIX "pre_restore_"

/* Longest first where one is the end of another. */
static const struct {
        const char *suffix;
        Compression compression;
        bool encrypted;
} suffixes[] = {
                {".db.gz.age", COMPRESSION_GZIP, true},
                {".db.age", COMPRESSION_NONE, true},
                {".db.gz", COMPRESSION_GZIP, false},
                {".db", COMPRESSION_NONE, false},
};

bool backup_name_is_valid(const char *name)
{
        return name[0] != '\0' && name[0] != '.' && strlen(name) < BACKUP_NAME_MAX && !strchr(name, '/') &&
               utf8_is_line(name);
}

int backup_name_make(uint64_t now_usec, uint64_t newest_label_usec, char ret[static BACKUP_NAME_MAX])
{
        char label[TIMESTAMP_LABEL_MAX];
        uint64_t second = now_usec / USEC_PER_SEC;
        int r;

        if (newest_label_usec > 0)
                second = MAX_OF(second, newest_label_usec / USEC_PER_SEC + 1);
        r = timestamp_format_label(second * USEC_PER_SEC, label);
        if (r < 0)
                return r;
        (void) snprintf(ret, BACKUP_NAME_MAX, LABELLED_PREFIX "%s", label);
        return 0;
}

static const char *label_of(const char *name)
{
        static const char *const prefixes[] = {LABELLED_PREFIX, PRE_RESTORE_PREFIX};

        for (size_t i = 0; i < ELEMENTSOF(prefixes); i++)
                if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
                        return name + strlen(prefixes[i]);
        return NULL;
}

BackupKind backup_name_adopted_kind(const char *name)
{
        return strncmp(name, PRE_RESTORE_PREFIX, strlen(PRE_RESTORE_PREFIX)) == 0 ? BACKUP_PRE_RESTORE
                                                                                  : BACKUP_IMPORTED;
}

int backup_name_usec(const char *name, uint64_t *ret_usec)
{
        const char *label = label_of(name);
        uint64_t usec;
        int r;

        if (!label)
                return -EINVAL;
        r = timestamp_parse_label(label, &usec);
        if (r < 0)
                return r;
        if (isalnum((unsigned char) label[TIMESTAMP_LABEL_MAX - 1]))
                return -EINVAL;
        *ret_usec = usec;
        return 0;
}

char *backup_name_to_file(const char *name, Compression compression, bool encrypted)
{
        char *file;

        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++)
                if (suffixes[i].compression == compression && suffixes[i].encrypted == encrypted)
                        return asprintf(&file, "%s%s", name, suffixes[i].suffix) < 0 ? NULL : file;
        return NULL;
}

/* Else one backup's name could be another one's file. */
static bool ends_as_a_file(const char *stem, size_t length)
{
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                size_t suffix_length = strlen(suffixes[i].suffix);

                if (length >= suffix_length &&
                                strncmp(stem + length - suffix_length, suffixes[i].suffix, suffix_length) ==
                                                0)
                        return true;
        }
        return false;
}

static bool has_prefix(const char *name, size_t length, const char *prefix, size_t minimum)
{
        return length >= minimum && strncmp(name, prefix, strlen(prefix)) == 0;
}

int backup_name_from_file(const char *file,
                char ret_name[static BACKUP_NAME_MAX],
                Compression *ret_compression,
                bool *ret_encrypted)
{
        size_t file_length = strlen(file);

        if (!backup_name_is_valid(file))
                return -EINVAL;
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                size_t suffix_length = strlen(suffixes[i].suffix), length;

                if (file_length <= suffix_length ||
                                strcmp(file + file_length - suffix_length, suffixes[i].suffix) != 0)
                        continue;
                length = file_length - suffix_length;
                if (!has_prefix(file, length, LABELLED_PREFIX, strlen(LABELLED_PREFIX) + 1) &&
                                !has_prefix(file,
                                                length,
                                                PRE_RESTORE_PREFIX,
                                                strlen(PRE_RESTORE_PREFIX) + 1) &&
                                !has_prefix(file, length, INITIAL_BACKUP_NAME, strlen(INITIAL_BACKUP_NAME)))
                        return -EINVAL;
                if (ends_as_a_file(file, length))
                        return -EINVAL;
                memcpy(ret_name, file, length);
                ret_name[length] = '\0';
                *ret_compression = suffixes[i].compression;
                *ret_encrypted = suffixes[i].encrypted;
                return 0;
        }
        return -EINVAL;
}
