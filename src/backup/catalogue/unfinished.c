/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/catalogue/unfinished.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/directory.h"
#include "base/leftover.h"
#include "base/test-hook.h"

#define MARKER_SUFFIX MANIFEST_SUFFIX ".unfinished"
#define TEMPORARY_SUFFIX ".tmp"

static const char *const sqlite_suffixes[] = {"-journal", "-wal", "-shm"};

static char *frame(const char *prefix, const char *file, const char *suffix)
{
        char *name;

        return asprintf(&name, "%s%s%s", prefix, file, suffix) < 0 ? NULL : name;
}

char *unfinished_copy_name(const char *file)
{
        return frame(".", file, ".copy" TEMPORARY_SUFFIX);
}

char *unfinished_marker_name(const char *file)
{
        return frame(".", file, MARKER_SUFFIX);
}

char *unfinished_verify_name(const char *file)
{
        return frame("", file, ".verify");
}

/* Takes `suffix` off the end of text[0…*length). */
static bool cut_suffix(const char *text, size_t *length, const char *suffix)
{
        size_t suffix_length = strlen(suffix);

        if (*length < suffix_length || strncmp(text + *length - suffix_length, suffix, suffix_length) != 0)
                return false;
        *length -= suffix_length;
        return true;
}

/* Takes the leading dot off text[0…*length). */
static bool skip_dot(const char **text, size_t *length)
{
        if (*length == 0 || **text != '.')
                return false;
        (*text)++;
        (*length)--;
        return true;
}

static int read_file_name(const char *text, size_t length, char ret_file[static BACKUP_NAME_MAX])
{
        char file[BACKUP_NAME_MAX], name[BACKUP_NAME_MAX];
        Compression compression;
        bool encrypted;

        if (length >= sizeof file)
                return -EINVAL;
        memcpy(file, text, length);
        file[length] = '\0';
        if (backup_name_from_file(file, name, &compression, &encrypted) < 0)
                return -EINVAL;
        memcpy(ret_file, file, length + 1);
        return 0;
}

bool unfinished_is_temporary(const char *name)
{
        size_t length = strlen(name);
        char file[BACKUP_NAME_MAX];
        bool of_sqlite = false;

        for (size_t i = 0; i < ELEMENTSOF(sqlite_suffixes) && !of_sqlite; i++)
                of_sqlite = cut_suffix(name, &length, sqlite_suffixes[i]);
        if (!cut_suffix(name, &length, TEMPORARY_SUFFIX) || !skip_dot(&name, &length))
                return false;
        if (cut_suffix(name, &length, ".copy") || cut_suffix(name, &length, ".verify"))
                return read_file_name(name, length, file) >= 0;
        if (of_sqlite)
                return false;
        if (cut_suffix(name, &length, MARKER_SUFFIX)) {
                if (!skip_dot(&name, &length))
                        return false;
        } else
                (void) cut_suffix(name, &length, MANIFEST_SUFFIX);
        return read_file_name(name, length, file) >= 0;
}

int unfinished_file_of_marker(const char *name, char ret_file[static BACKUP_NAME_MAX])
{
        size_t length = strlen(name);

        if (!cut_suffix(name, &length, MARKER_SUFFIX) || !skip_dot(&name, &length))
                return -EINVAL;
        return read_file_name(name, length, ret_file);
}

bool unfinished_is_marked(int directory_fd, const char *file)
{
        _cleanup_free_ char *marker = unfinished_marker_name(file);

        return marker && faccessat(directory_fd, marker, F_OK, AT_SYMLINK_NOFOLLOW) >= 0;
}

void unfinished_remove_beside(int directory_fd, const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(sqlite_suffixes); i++) {
                _cleanup_free_ char *beside = frame("", name, sqlite_suffixes[i]);

                if (beside)
                        (void) unlinkat(directory_fd, beside, 0);
        }
}

void unfinished_remove_image(int directory_fd, const char *name)
{
        unfinished_remove_beside(directory_fd, name);
        (void) unlinkat(directory_fd, name, 0);
}

/* The stored file first, synced, so that it is never seen without its marker. */
static int clean_up_marked(int directory_fd, const char *marker, const char *file, Fault *fault)
{
        _cleanup_free_ char *meta = NULL;
        int removed = 0, r;

        if (asprintf(&meta, "%s" MANIFEST_SUFFIX, file) < 0) {
                meta = NULL;
                return fault_set_errno(fault, ENOMEM, "Removing the left-over %s", marker);
        }
        if (faccessat(directory_fd, meta, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
                removed = leftover_remove(directory_fd, file, fault);
                if (removed < 0)
                        return removed;
                if (fsync(directory_fd) < 0)
                        return fault_set_errno(fault, errno, "Removing the left-over %s", file);
        }
        TEST_POINT("clean-up-data-gone");
        r = leftover_remove(directory_fd, marker, fault);
        return r < 0 ? r : removed + r;
}

int create_clean_up_leftovers(int directory_fd, unsigned *ret_removed, Fault *fault)
{
        _cleanup_(directory_list_done) DirectoryList list = {0};
        unsigned removed = 0;
        bool left = false;
        int r;

        r = directory_list(directory_fd, &list);
        if (r < 0)
                return fault_set_errno(fault, r, "Reading the directory of the backups");
        for (size_t i = 0; i < list.n_names; i++) {
                char file[BACKUP_NAME_MAX];

                r = 0;
                if (unfinished_is_temporary(list.names[i]))
                        r = leftover_remove(directory_fd, list.names[i], fault);
                else if (unfinished_file_of_marker(list.names[i], file) >= 0)
                        r = clean_up_marked(directory_fd, list.names[i], file, fault);
                if (r == -EEXIST)
                        left = true;
                else if (r < 0)
                        return r;
                else
                        removed += (unsigned) r;
        }
        if (removed > 0 && fsync(directory_fd) < 0)
                return fault_set_errno(fault, errno, "Writing the directory of the backups to the disk");
        *ret_removed = removed;
        return left;
}
