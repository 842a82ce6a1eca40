/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/catalogue/backup-disk.h"

#include <fcntl.h>
#include <libgen.h>
#include <openssl/rand.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/catalogue/manifest.h"
#include "backup/state/restore-state.h"
#include "base/io.h"
#include "base/publish.h"

#define STATE_VERSION 1
#define ID_BYTES 16
#define ID_MAX (2 * ID_BYTES + 1)

BackupDiskState backup_disk_judge(const BackupDiskFacts *facts)
{
        if (!facts->remembered)
                return BACKUP_DISK_NEW;
        if (facts->marked)
                return BACKUP_DISK_KNOWN;
        return facts->mounted ? BACKUP_DISK_NEW : BACKUP_DISK_MISSING;
}

void backup_disk_done(BackupDisk *disk)
{
        free(disk->mount_point);
        *disk = (BackupDisk){0};
}

/* The device tells mounts apart, and not the mount's number: the sandbox of a unit mounts directories over
 * themselves. */
static bool is_mount_point(const char *path)
{
        _cleanup_free_ char *copy = strdup(path);
        struct stat status, parent;

        return copy && stat(path, &status) == 0 && stat(dirname(copy), &parent) == 0 &&
               status.st_dev != parent.st_dev;
}

static int find_mount_point(const char *directory_path, char **ret)
{
        _cleanup_free_ char *path = realpath(directory_path, NULL);

        if (!path)
                return -errno;
        while (strcmp(path, "/") != 0 && !is_mount_point(path))
                (void) dirname(path);
        *ret = TAKE_PTR(path);
        return 0;
}

/* NULL for the one that the state directory is on, too. */
static int find_own_mount_point(const char *state_directory_path, const char *directory_path, char **ret)
{
        _cleanup_free_ char *own = NULL, *state = NULL;
        int r = find_mount_point(directory_path, &own);

        if (r >= 0)
                r = find_mount_point(state_directory_path, &state);
        if (r >= 0)
                *ret = strcmp(own, state) == 0 ? NULL : TAKE_PTR(own);
        return r;
}

static int read_marker(const char *directory_path, int directory_fd, char ret_id[static ID_MAX])
{
        _cleanup_close_ int fd = openat(directory_fd, directory_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        if (fd < 0)
                return -errno;
        r = io_read_file(fd, BACKUP_DISK_MARKER, ID_MAX, &text, &size);
        if (r < 0)
                return r;
        if (size != ID_MAX || strspn(text, "0123456789abcdef") != ID_MAX - 1 || text[ID_MAX - 1] != '\n')
                return -EUCLEAN;
        memcpy(ret_id, text, ID_MAX - 1);
        ret_id[ID_MAX - 1] = '\0';
        return 0;
}

/* -ENOENT when no disk is remembered, or for another directory. */
static int load(const char *state_directory_path,
                const char *directory_path,
                char **ret_mount_point,
                char **ret_id)
{
        _cleanup_(json_object_putp) json_object *document = NULL;
        _cleanup_free_ char *directory = NULL, *mount_point = NULL, *id = NULL;
        int r = restore_state_load(state_directory_path, BACKUP_DISK_FILE, &document, NULL);

        if (r >= 0)
                r = restore_state_get_text(document, "directory", &directory);
        if (r >= 0)
                r = restore_state_get_text(document, "mount_point", &mount_point);
        if (r >= 0)
                r = restore_state_get_text(document, "id", &id);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || !directory || !mount_point || !id || strcmp(directory, directory_path) != 0)
                return -ENOENT;
        *ret_mount_point = TAKE_PTR(mount_point);
        *ret_id = TAKE_PTR(id);
        return 0;
}

int backup_disk_look(
                const char *state_directory_path, const char *directory_path, BackupDisk *ret, Fault *fault)
{
        _cleanup_free_ char *mount_point = NULL, *id = NULL;
        char found[ID_MAX];
        BackupDiskFacts facts = {0};
        int r = load(state_directory_path, directory_path, &mount_point, &id);

        if (r == -ENOMEM)
                return fault_set_errno(fault, r, "Looking at %s", directory_path);
        if (r >= 0)
                facts = (BackupDiskFacts){
                                .remembered = true,
                                .marked = read_marker(directory_path, AT_FDCWD, found) >= 0 &&
                                          strcmp(found, id) == 0,
                                .mounted = is_mount_point(mount_point),
                };
        *ret = (BackupDisk){.state = backup_disk_judge(&facts), .mount_point = TAKE_PTR(mount_point)};
        return 0;
}

static int write_marker(int directory_fd, char ret_id[static ID_MAX], Fault *fault)
{
        _cleanup_(publish_freep) Publication *publication = NULL;
        unsigned char random[ID_BYTES];
        char text[ID_MAX + 1];
        int r;

        if (RAND_bytes(random, sizeof random) != 1)
                return fault_set_errno(fault, ENOSYS, "Making a marker of the backup directory");
        for (size_t i = 0; i < ID_BYTES; i++)
                (void) snprintf(text + 2 * i, 3, "%02x", random[i]);
        memcpy(ret_id, text, ID_MAX);
        text[ID_MAX - 1] = '\n';
        r = publish_begin(directory_fd, BACKUP_DISK_MARKER, BACKUP_FILE_MODE, &publication, fault);
        if (r < 0)
                return r;
        r = io_write_all(publication->fd, text, ID_MAX);
        if (r < 0)
                return fault_set_errno(fault, r, "Writing %s", BACKUP_DISK_MARKER);
        return publish_commit(publication, true, fault);
}

static int store(const char *state_directory_path,
                const char *directory_path,
                const char *mount_point,
                const char *id,
                Fault *fault)
{
        _cleanup_(json_object_putp) json_object *document = json_object_new_object();
        int r = document ? 0 : -ENOMEM;

        if (r >= 0)
                r = restore_state_set_number(document, "version", STATE_VERSION);
        if (r >= 0)
                r = restore_state_set_text(document, "directory", directory_path);
        if (r >= 0)
                r = restore_state_set_text(document, "mount_point", mount_point);
        if (r >= 0)
                r = restore_state_set_text(document, "id", id);
        if (r < 0)
                return fault_set_errno(fault, r, "Writing %s/" BACKUP_DISK_FILE, state_directory_path);
        return restore_state_store(state_directory_path, BACKUP_DISK_FILE, document, fault);
}

int backup_disk_remember(
                const char *state_directory_path, const char *directory_path, int directory_fd, Fault *fault)
{
        _cleanup_free_ char *mount_point = NULL;
        char id[ID_MAX];
        int r = find_own_mount_point(state_directory_path, directory_path, &mount_point);

        if (r < 0)
                return fault_set_errno(fault, r, "Looking at %s", directory_path);
        if (!mount_point)
                return restore_state_remove(state_directory_path, BACKUP_DISK_FILE, fault);
        if (read_marker(".", directory_fd, id) < 0) {
                r = write_marker(directory_fd, id, fault);
                if (r < 0)
                        return r;
        }
        return store(state_directory_path, directory_path, mount_point, id, fault);
}

int backup_disk_missing(const BackupDisk *disk,
                const char *state_directory_path,
                const char *directory_path,
                Fault *fault)
{
        return fault_set(fault,
                        FAULT_CANNOT_OPEN,
                        "The disk of the backups is not mounted at %s; mount it, and the service goes on by "
                        "itself. To do without it, name another directory with BackupDirectory=, or remove "
                        "%s/" BACKUP_DISK_FILE " to use %s as it is now",
                        disk->mount_point,
                        state_directory_path,
                        directory_path);
}
