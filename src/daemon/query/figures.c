/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/query/figures.h"

#include <string.h>

#include "backup/catalogue/trend.h"
#include "backup/quarantine/quarantine-list.h"
#include "base/clock.h"
#include "daemon/bus/bus-argument.h"
#include "daemon/job/job.h"
#include "daemon/latency/response-times.h"
#include "database/connection/placement.h"
#include "records/prediction-cache.h"

typedef int (*AppendFigure)(Manager *manager, sd_bus_message *message);

static int append_journal_mode(Manager *manager, sd_bus_message *message)
{
        return sd_bus_message_append(message, "s", manager->statistics.journal_mode);
}

static int append_tables(Manager *manager, sd_bus_message *message)
{
        return bus_append_tables(message,
                        manager->statistics.tables,
                        manager->statistics.n_tables,
                        BUS_NAMES_MAX_BYTES);
}

/* The backup that today's records are compared with. */
static const Manifest *compared_with(const Manager *manager)
{
        for (size_t i = 0; i < manager->catalogue->n_entries; i++) {
                const Manifest *manifest = manager->catalogue->entries[i].manifest;

                if (!manager->catalogue->entries[i].other && !manifest->adopted && !manifest->problem &&
                                manifest->n_tables > 0 && manifest->kind != BACKUP_IMPORTED &&
                                manifest->kind != BACKUP_PRE_RESTORE)
                        return manifest;
        }
        return NULL;
}

static int append_change(sd_bus_message *message, const TableCount *now, const TableCount *then)
{
        int r = sd_bus_message_open_container(message, 'r', "sx");

        if (r >= 0)
                r = bus_append_name(message, now->name);
        if (r >= 0)
                r = sd_bus_message_append(message, "x", (int64_t) (now->rows - then->rows));
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_table_changes(Manager *manager, sd_bus_message *message)
{
        const Manifest *then = compared_with(manager);
        const Statistics *now = &manager->statistics;
        size_t room_bytes = BUS_NAMES_MAX_BYTES;
        int r = sd_bus_message_open_container(message, 'a', "(sx)");

        /* Both are sorted. */
        for (size_t i = 0, j = 0; r >= 0 && then && i < now->n_tables && j < then->n_tables;) {
                int order = strcmp(now->tables[i].name, then->tables[j].name);

                if (order == 0 && !bus_take_room(&room_bytes, now->tables[i].name))
                        break;
                if (order == 0)
                        r = append_change(message, now->tables + i, then->tables + j);
                i += order <= 0;
                j += order >= 0;
        }
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_compared_with(Manager *manager, sd_bus_message *message)
{
        const Manifest *then = compared_with(manager);

        return sd_bus_message_append(message, "s", then ? then->name : NULL);
}

static int append_size_history(Manager *manager, sd_bus_message *message)
{
        _cleanup_(trend_done) Trend trend = {0};
        int r = trend_of(manager->catalogue, clock_now_usec(), &trend);

        if (r >= 0)
                r = sd_bus_message_open_container(message, 'a', "(tt)");
        for (size_t i = 0; r >= 0 && i < trend.n_samples; i++)
                r = sd_bus_message_append(message,
                                "(tt)",
                                trend.samples[i].created_usec,
                                trend.samples[i].database_bytes);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_growth(Manager *manager, sd_bus_message *message)
{
        _cleanup_(trend_done) Trend trend = {0};
        int r = trend_of(manager->catalogue, clock_now_usec(), &trend);

        return r < 0 ? r : sd_bus_message_append(message, "x", trend.growth_bytes_per_day);
}

static int append_days_left(Manager *manager, sd_bus_message *message)
{
        _cleanup_(trend_done) Trend trend = {0};
        DiskSpace space = {0};
        double days = -1;
        int r = trend_of(manager->catalogue, clock_now_usec(), &trend);

        if (r < 0)
                return r;
        if (placement_disk_space(manager->backup_directory, &space, NULL) >= 0)
                days = trend_days_left(&trend,
                                manager->catalogue,
                                space.free_bytes,
                                manager->configuration.retention_usec,
                                clock_now_usec());
        return sd_bus_message_append(message, "d", days);
}

static int append_disk_total(Manager *manager, sd_bus_message *message)
{
        DiskSpace space = {0};

        (void) placement_disk_space(manager->backup_directory, &space, NULL);
        return sd_bus_message_append(message, "t", space.total_bytes);
}

static int append_disk_free(Manager *manager, sd_bus_message *message)
{
        DiskSpace space = {0};

        (void) placement_disk_space(manager->backup_directory, &space, NULL);
        return sd_bus_message_append(message, "t", space.free_bytes);
}

static const Manifest *oldest_backup(const Manager *manager)
{
        const Catalogue *catalogue = manager->catalogue;

        return catalogue->n_entries > 0 ? catalogue->entries[catalogue->n_entries - 1].manifest : NULL;
}

static int append_oldest_backup(Manager *manager, sd_bus_message *message)
{
        const Manifest *oldest = oldest_backup(manager);

        return sd_bus_message_append(message, "s", oldest ? oldest->name : NULL);
}

static int append_oldest_backup_usec(Manager *manager, sd_bus_message *message)
{
        const Manifest *oldest = oldest_backup(manager);

        return sd_bus_message_append(message, "t", oldest ? oldest->created_usec : 0);
}

static int append_backups_by_kind(Manager *manager, sd_bus_message *message)
{
        uint64_t bytes[_BACKUP_KIND_MAX] = {0};
        uint32_t n[_BACKUP_KIND_MAX] = {0};
        int r = sd_bus_message_open_container(message, 'a', "(sut)");

        for (size_t i = 0; i < manager->catalogue->n_entries; i++) {
                const Manifest *manifest = manager->catalogue->entries[i].manifest;

                n[manifest->kind]++;
                bytes[manifest->kind] += catalogue_own_bytes(manager->catalogue, i);
        }
        for (BackupKind kind = 0; r >= 0 && kind < _BACKUP_KIND_MAX; kind++)
                r = sd_bus_message_append(
                                message, "(sut)", backup_kind_to_string(kind), n[kind], bytes[kind]);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_verified_share(Manager *manager, sd_bus_message *message)
{
        const CatalogueSummary *summary = &manager->summary;

        return sd_bus_message_append(message,
                        "d",
                        summary->n_backups > 0 ? (double) summary->n_verified / summary->n_backups : 0.0);
}

static int append_failed_verifications(Manager *manager, sd_bus_message *message)
{
        uint32_t n = 0;

        for (size_t i = 0; i < manager->catalogue->n_entries; i++)
                n += manager->catalogue->entries[i].manifest->verification_fault != NULL;
        return sd_bus_message_append(message, "u", n);
}

static int append_response_times(Manager *manager, sd_bus_message *message)
{
        return response_times_append(manager->response_times, message);
}

static uint32_t jobs_running(const Manager *manager)
{
        uint32_t n = 0;

        for (const Job *job = manager->jobs; job; job = job->next)
                n += job->state != JOB_QUEUED;
        return n;
}

static int append_jobs_running(Manager *manager, sd_bus_message *message)
{
        return sd_bus_message_append(message, "u", jobs_running(manager));
}

static int append_jobs_queued(Manager *manager, sd_bus_message *message)
{
        return sd_bus_message_append(message, "u", manager->n_jobs - jobs_running(manager));
}

static int append_jobs_ended(Manager *manager, sd_bus_message *message)
{
        const JobFigures *figures = &manager->job_figures;
        int r = sd_bus_message_open_container(message, 'a', "(suuu)");

        for (size_t i = 0; r >= 0 && i < figures->n_operations; i++)
                r = sd_bus_message_append(message,
                                "(suuu)",
                                figures->operations[i].operation,
                                figures->operations[i].n_done,
                                figures->operations[i].n_failed,
                                figures->operations[i].n_cancelled);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_last_error(Manager *manager, sd_bus_message *message)
{
        FaultCode code = manager->job_figures.last_error;

        return sd_bus_message_append(message, "s", code != FAULT_NONE ? fault_name(code) : NULL);
}

static int append_quarantined(Manager *manager, sd_bus_message *message)
{
        _cleanup_(quarantine_list_done) QuarantineList list = {0};

        (void) quarantine_list_load(manager->quarantine_directory, &list, NULL);
        return sd_bus_message_append(message, "u", (uint32_t) list.n_items);
}

static int append_quarantine_bytes(Manager *manager, sd_bus_message *message)
{
        _cleanup_(quarantine_list_done) QuarantineList list = {0};

        (void) quarantine_list_load(manager->quarantine_directory, &list, NULL);
        return sd_bus_message_append(message, "t", quarantine_list_bytes(&list));
}

#define NUMBER(name, field)                                                 \
        static int append_##name(Manager *manager, sd_bus_message *message) \
        {                                                                   \
                return sd_bus_message_append(message, "t", manager->field); \
        }                                                                   \
        struct this_macro_takes_a_semicolon
#define COUNT(name, field)                                                  \
        static int append_##name(Manager *manager, sd_bus_message *message) \
        {                                                                   \
                return sd_bus_message_append(message, "u", manager->field); \
        }                                                                   \
        struct this_macro_takes_a_semicolon
#define TEXT(name, field)                                                   \
        static int append_##name(Manager *manager, sd_bus_message *message) \
        {                                                                   \
                return sd_bus_message_append(message, "s", manager->field); \
        }                                                                   \
        struct this_macro_takes_a_semicolon

#define CACHE(name)                                                                                         \
        static int append_cache_##name(Manager *manager, sd_bus_message *message)                           \
        {                                                                                                   \
                const PredictionCacheCounters *counters =                                                   \
                                prediction_cache_counters(manager->prediction_cache);                       \
                                                                                                            \
                return sd_bus_message_append(                                                               \
                                message, "t", atomic_load_explicit(&counters->name, memory_order_relaxed)); \
        }                                                                                                   \
        struct this_macro_takes_a_semicolon

CACHE(hits);
CACHE(misses);
CACHE(evictions);
CACHE(entries);
CACHE(bytes);
NUMBER(database_bytes, statistics.size_bytes);
NUMBER(wal_bytes, statistics.wal_bytes);
NUMBER(page_size, statistics.page_size_bytes);
NUMBER(pages, statistics.pages);
NUMBER(free_pages, statistics.free_pages);
NUMBER(modified_usec, statistics.modified_usec);
NUMBER(backup_bytes, summary.stored_bytes);
NUMBER(last_backup_usec, summary.newest_usec);
NUMBER(started_usec, started_usec);
NUMBER(last_error_usec, job_figures.last_error_usec);
COUNT(backups, summary.n_backups);
COUNT(verified_backups, summary.n_verified);
TEXT(last_backup, summary.newest);
TEXT(last_error_message, job_figures.last_error_message);

static const struct {
        const char *name;
        const char *type;
        AppendFigure append;
} figures[] = {
                {"DatabaseBytes", "t", append_database_bytes},
                {"WALBytes", "t", append_wal_bytes},
                {"PageSize", "t", append_page_size},
                {"Pages", "t", append_pages},
                {"FreePages", "t", append_free_pages},
                {"DatabaseModifiedUSec", "t", append_modified_usec},
                {"JournalMode", "s", append_journal_mode},
                {"Tables", "a(st)", append_tables},
                {"TableChanges", "a(sx)", append_table_changes},
                {"TablesComparedWith", "s", append_compared_with},
                {"SizeHistory", "a(tt)", append_size_history},
                {"DatabaseGrowthPerDay", "x", append_growth},
                {"Backups", "u", append_backups},
                {"VerifiedBackups", "u", append_verified_backups},
                {"VerifiedShare", "d", append_verified_share},
                {"FailedVerifications", "u", append_failed_verifications},
                {"BackupBytes", "t", append_backup_bytes},
                {"BackupsByKind", "a(sut)", append_backups_by_kind},
                {"LastBackup", "s", append_last_backup},
                {"LastBackupUSec", "t", append_last_backup_usec},
                {"OldestBackup", "s", append_oldest_backup},
                {"OldestBackupUSec", "t", append_oldest_backup_usec},
                {"Quarantined", "u", append_quarantined},
                {"QuarantineBytes", "t", append_quarantine_bytes},
                {"DiskTotalBytes", "t", append_disk_total},
                {"DiskFreeBytes", "t", append_disk_free},
                {"DiskDaysLeft", "d", append_days_left},
                {"StartedUSec", "t", append_started_usec},
                {"ResponseTimes", "a(sttttttt)", append_response_times},
                {"CacheHits", "t", append_cache_hits},
                {"CacheMisses", "t", append_cache_misses},
                {"CacheEvictions", "t", append_cache_evictions},
                {"CacheEntries", "t", append_cache_entries},
                {"CacheBytes", "t", append_cache_bytes},
                {"JobsQueued", "u", append_jobs_queued},
                {"JobsRunning", "u", append_jobs_running},
                {"JobsEnded", "a(suuu)", append_jobs_ended},
                {"LastError", "s", append_last_error},
                {"LastErrorMessage", "s", append_last_error_message},
                {"LastErrorUSec", "t", append_last_error_usec},
};

static int append_entry(Manager *manager, sd_bus_message *message, size_t i)
{
        int r = sd_bus_message_open_container(message, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append(message, "s", figures[i].name);
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'v', figures[i].type);
        if (r >= 0)
                r = figures[i].append(manager, message);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

int figures_append(Manager *manager, sd_bus_message *message)
{
        int r = sd_bus_message_open_container(message, 'a', "{sv}");

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(figures); i++)
                r = append_entry(manager, message, i);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

PROPERTY_GETTER(figures_get_property)
{
        for (size_t i = 0; i < ELEMENTSOF(figures); i++)
                if (strcmp(figures[i].name, property) == 0)
                        return figures[i].append(userdata, reply);
        return -ENOENT;
}
