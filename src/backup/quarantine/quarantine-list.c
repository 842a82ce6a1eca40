/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/quarantine/quarantine-list.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/timestamp.h"

static const char *const worth_names[_QUARANTINE_WORTH_MAX] = {
                [QUARANTINE_SPENT] = "spent",
                [QUARANTINE_UNJUDGED] = "unjudged",
                [QUARANTINE_ROWS] = "rows",
};

const char *quarantine_worth_to_string(QuarantineWorth worth)
{
        return worth >= 0 && worth < _QUARANTINE_WORTH_MAX ? worth_names[worth] : NULL;
}

static void item_done(QuarantineItem *item)
{
        free(item->name);
        rescue_record_done(&item->record);
        *item = (QuarantineItem){0};
}

void quarantine_list_done(QuarantineList *list)
{
        for (size_t i = 0; i < list->n_items; i++)
                item_done(list->items + i);
        free(list->items);
        *list = (QuarantineList){0};
}

/* -ENOENT for what is no folder of ours. */
static int measure(int quarantine_fd, const char *name, uint64_t *ret_bytes)
{
        int fd = openat(quarantine_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
        struct dirent *entry;
        struct stat status;

        if (!directory) {
                closep(&fd);
                return -ENOENT;
        }
        *ret_bytes = 0;
        while ((entry = readdir(directory)))
                if (strcmp(entry->d_name, RESCUE_RECORD_FILE) != 0 &&
                                fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) >=
                                                0 &&
                                S_ISREG(status.st_mode))
                        *ret_bytes += (uint64_t) status.st_blocks * 512;
        (void) closedir(directory);
        return 0;
}

static int add(QuarantineList *list, int quarantine_fd, const char *path, const char *name, Fault *fault)
{
        QuarantineItem item = {0}, *items;
        _cleanup_free_ char *folder = NULL;

        if (timestamp_parse_label(name, &item.usec) < 0 || strlen(name) != TIMESTAMP_LABEL_MAX - 1 ||
                        measure(quarantine_fd, name, &item.bytes) < 0)
                return 0;
        items = reallocarray(list->items, list->n_items + 1, sizeof *items);
        if (items)
                list->items = items;
        item.name = strdup(name);
        if (!items || !item.name || asprintf(&folder, "%s/%s", path, name) < 0) {
                folder = NULL;
                free(item.name);
                return fault_set_errno(fault, ENOMEM, "Listing %s", path);
        }
        /* One that can't be understood says nothing of what was saved. */
        item.has_record = rescue_record_load(folder, &item.record, NULL) >= 0;
        list->items[list->n_items++] = item;
        return 0;
}

static int newest_first(const void *a, const void *b)
{
        const QuarantineItem *one = a, *other = b;

        return -strcmp(one->name, other->name);
}

int quarantine_list_load(const char *quarantine_path, QuarantineList *ret, Fault *fault)
{
        _cleanup_(quarantine_list_done) QuarantineList list = {0};
        DIR *directory = opendir(quarantine_path);
        struct dirent *entry;
        int r = 0;

        if (!directory && errno != ENOENT)
                return fault_set_errno(fault, errno, "Opening %s", quarantine_path);
        while (directory && r >= 0 && (entry = readdir(directory)))
                r = add(&list, dirfd(directory), quarantine_path, entry->d_name, fault);
        if (directory)
                (void) closedir(directory);
        if (r < 0)
                return r;
        if (list.n_items > 0)
                qsort(list.items, list.n_items, sizeof *list.items, newest_first);
        *ret = list;
        list = (QuarantineList){0};
        return 0;
}

const QuarantineItem *quarantine_list_find(const QuarantineList *list, const char *name)
{
        for (size_t i = 0; i < list->n_items; i++)
                if (strcmp(list->items[i].name, name) == 0)
                        return list->items + i;
        return NULL;
}

uint64_t quarantine_unread_rows(const QuarantineItem *item)
{
        const RescueReport *report = &item->record.report;
        uint64_t rows = rescue_report_lost(report);

        for (size_t i = 0; i < report->n_tables; i++)
                if (!report->tables[i].sound)
                        /* Of a table of which nothing was read nobody knows how many it had: one at least.
                         */
                        rows += MAX_OF(report->tables[i].rows_kept, (uint64_t) report->tables[i].unreadable);
        return rows;
}

QuarantineWorth quarantine_worth(const QuarantineItem *item)
{
        if (!item->has_record)
                return QUARANTINE_UNJUDGED;
        return quarantine_unread_rows(item) > 0 || !item->record.report.schema_sound ? QUARANTINE_ROWS
                                                                                     : QUARANTINE_SPENT;
}

uint64_t quarantine_list_bytes(const QuarantineList *list)
{
        uint64_t bytes = 0;

        for (size_t i = 0; i < list->n_items; i++)
                bytes += list->items[i].bytes;
        return bytes;
}

uint64_t quarantine_plan(const QuarantineList *list, uint64_t max_bytes, bool *ret_drop)
{
        uint64_t bytes = quarantine_list_bytes(list);

        for (size_t i = list->n_items; i-- > 0;) {
                const QuarantineItem *item = list->items + i;

                ret_drop[i] = item->bytes > 0 && bytes > max_bytes && !item->needed &&
                              quarantine_worth(item) == QUARANTINE_SPENT;
                if (ret_drop[i])
                        bytes -= item->bytes;
        }
        return bytes;
}
