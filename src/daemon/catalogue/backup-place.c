/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/catalogue/backup-place.h"

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include "backup/catalogue/backup-rights.h"
#include "backup/catalogue/unfinished.h"
#include "base/journal.h"
#include "daemon/catalogue/backup-watch.h"
#include "daemon/catalogue/collection.h"
#include "daemon/loop/one-shot.h"
#include "daemon/state/condition.h"

/* Soon enough for who waits for the disk, and late enough that a job has ended. */
#define RETRY_USEC USEC_PER_SEC

static bool is_working(const Manager *manager, bool for_job)
{
        return manager->n_running_jobs > (for_job ? 1 : 0) || manager->plans;
}

static bool is_open(const Manager *manager, int fd)
{
        struct stat opened, there;

        return manager->backups_fd >= 0 && fstat(manager->backups_fd, &opened) >= 0 &&
               fstat(fd, &there) >= 0 && opened.st_dev == there.st_dev && opened.st_ino == there.st_ino;
}

static int on_mounts(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        backup_place_look(userdata);
        return 0;
}

/* The kernel tells of each change of the mounts that this process sees. Only where there is a disk to come
 * or to go, so that an idle service is not woken for others. */
static void watch_mounts(Manager *manager, bool wanted)
{
        int fd, r;

        if (!wanted)
                manager->mounts_event_source = sd_event_source_disable_unref(manager->mounts_event_source);
        if (!wanted || manager->mounts_event_source)
                return;
        fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
        r = fd < 0 ? -errno
                   : sd_event_add_io(manager->event,
                                     &manager->mounts_event_source,
                                     fd,
                                     EPOLLPRI,
                                     on_mounts,
                                     manager);
        if (r >= 0)
                r = sd_event_source_set_io_fd_own(manager->mounts_event_source, true);
        else
                closep(&fd);
        if (r < 0)
                journal_line(LOG_WARNING, "Watching the mounts failed: %s", strerrordesc_np(-r));
}

static void set_away(Manager *manager, const char *why)
{
        if (manager->backups_away && strcmp(manager->backups_away, why) == 0)
                return;
        free(manager->backups_away);
        manager->backups_away = strdup(why);
        journal_line(LOG_ERR, "%s", why);
        watch_mounts(manager, true);
        manager_update_health(manager);
}

/* What was listed is not at hand any more, whatever lies below the mount point. */
static int go_away(Manager *manager, const BackupDisk *disk, bool for_job)
{
        _cleanup_fault_ Fault fault = {0};

        if (is_working(manager, for_job))
                return -EBUSY;
        (void) backup_disk_missing(disk, manager->state_directory, manager->backup_directory, &fault);
        closep(&manager->backups_fd);
        manager->backups_fd = -EBADF;
        watch_stop_files(manager);
        collection_drop_all(manager);
        set_away(manager, fault.message);
        return -ENODEV;
}

/* What a killed run has left on it, and who was here before. A read-only disk is no reason to do without. */
static void move_in(Manager *manager, BackupDiskState state)
{
        _cleanup_(backup_disk_done) BackupDisk disk = {0};
        _cleanup_fault_ Fault fault = {0};
        _cleanup_fault_ Fault rights_fault = {0};
        unsigned n_leftovers;

        if (backup_rights_set(manager->backups_fd,
                            manager->backup_directory,
                            manager->configuration.backup_group,
                            &rights_fault) < 0)
                journal_line(LOG_WARNING, "%s", rights_fault.message);
        if (state == BACKUP_DISK_NEW && backup_disk_remember(manager->state_directory,
                                                        manager->backup_directory,
                                                        manager->backups_fd,
                                                        &fault) < 0)
                journal_line(LOG_WARNING, "The backup directory is not marked: %s", fault.message);
        (void) create_clean_up_leftovers(manager->backups_fd, &n_leftovers, NULL);
        if (backup_disk_look(manager->state_directory, manager->backup_directory, &disk, NULL) >= 0)
                watch_mounts(manager, disk.mount_point);
}

/* All at once, and not as if somebody had put each of them there. */
static bool read_list(Manager *manager)
{
        Catalogue *catalogue = NULL;

        if (catalogue_load(manager->backups_fd, &catalogue, NULL) < 0)
                return false;
        catalogue_set_identity(catalogue, &manager->identity);
        manager->catalogue_shown = true;
        collection_adopt(manager, catalogue);
        return true;
}

static void take_over(Manager *manager, int *fd, BackupDiskState state)
{
        bool was_away = manager->backups_away;

        closep(&manager->backups_fd);
        manager->backups_fd = TAKE_FD(*fd);
        free(TAKE_PTR(manager->backups_away));
        move_in(manager, state);
        watch_files_again(manager);
        journal_line(LOG_NOTICE, "The backup directory %s is there again", manager->backup_directory);
        if (!was_away || !read_list(manager))
                collection_refresh_all(manager);
        manager_update_health(manager);
        if (was_away)
                manager_backups_returned(manager);
}

static int settle(Manager *manager, bool for_job)
{
        _cleanup_(backup_disk_done) BackupDisk disk = {0};
        _cleanup_close_ int fd = open(manager->backup_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int error = fd < 0 ? -errno : 0, r;

        if (fd >= 0 && is_open(manager, fd))
                return 0;
        r = backup_disk_look(manager->state_directory, manager->backup_directory, &disk, NULL);
        if (r < 0)
                return r;
        if (disk.state == BACKUP_DISK_MISSING)
                return go_away(manager, &disk, for_job);
        if (error < 0)
                return error;
        if (is_working(manager, for_job))
                return -EBUSY;
        take_over(manager, &fd, disk.state);
        return 0;
}

void backup_place_begin(Manager *manager, const BackupDisk *disk, const Fault *away)
{
        if (away->code != FAULT_NONE)
                set_away(manager, away->message);
        else
                watch_mounts(manager, disk->mount_point);
}

int backup_place_require(Manager *manager, bool for_job, Fault *fault)
{
        int r = settle(manager, for_job);

        if (r >= 0)
                return 0;
        if (manager->backups_away)
                return fault_set(fault, FAULT_CANNOT_OPEN, "%s", manager->backups_away);
        if (r == -EBUSY)
                return fault_set(fault,
                                FAULT_BUSY,
                                "The backup directory %s was exchanged while it is in use; try again in a "
                                "moment",
                                manager->backup_directory);
        return fault_set_errno(fault, r, "Opening the backup directory %s", manager->backup_directory);
}

int backup_place_refuse_away(Manager *manager, Fault *fault)
{
        return manager->backups_away ? backup_place_require(manager, false, fault) : 0;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        backup_place_look(userdata);
        return 0;
}

void backup_place_look(Manager *manager)
{
        if (manager->catalogue_loaded && settle(manager, false) == -EBUSY)
                one_shot_arm(manager->event, &manager->away_event_source, RETRY_USEC, on_retry, manager);
}
