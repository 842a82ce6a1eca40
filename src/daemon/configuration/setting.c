/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/configuration/setting.h"

#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <string.h>

#include "base/quantity.h"
#include "base/unit-name.h"
#include "base/utf8.h"
#include "records/password-hash.h"

#define GROUP_BUFFER_BYTES (64 * KIB) /* names all members */

void setting_clear_units(Configuration *configuration)
{
        for (size_t i = 0; i < configuration->n_application_units; i++)
                free(configuration->application_units[i]);
        free(TAKE_PTR(configuration->application_units));
        configuration->n_application_units = 0;
}

static const char *parse_path(char **target, const char *value, const char *wanted)
{
        char *path = NULL;

        if (value[0]) {
                if (value[0] != '/' || strlen(value) >= PATH_MAX || value[strlen(value) - 1] == '/' ||
                                !utf8_is_line(value))
                        return wanted;
                path = strdup(value);
                if (!path)
                        return "something that fits into memory";
        }
        free(*target);
        *target = path;
        return NULL;
}

static const char *parse_database(Configuration *configuration, const char *value)
{
        return parse_path(&configuration->database_path, value, "the absolute path of a file, in UTF-8");
}

static const char *parse_backup_directory(Configuration *configuration, const char *value)
{
        return parse_path(&configuration->backup_directory,
                        value,
                        "the absolute path of a directory, in UTF-8 and without a slash at its end");
}

static const char *parse_backup_group(Configuration *configuration, const char *value)
{
        _cleanup_free_ char *buffer = malloc(GROUP_BUFFER_BYTES);
        struct group group, *found = NULL;

        configuration->backup_group = BACKUP_GROUP_NONE;
        if (!value[0])
                return NULL;
        if (!buffer || getgrnam_r(value, &group, buffer, GROUP_BUFFER_BYTES, &found) != 0 || !found)
                return "the name of a group that this system has";
        configuration->backup_group = found->gr_gid;
        return NULL;
}

static const char *parse_compression(Configuration *configuration, const char *value)
{
        Compression compression = compression_from_string(value);

        if (compression < 0)
                return "none or gzip";
        configuration->compression = compression;
        return NULL;
}

/* Further lines add to the list. What is added by a line with one bad recipient does not matter: no backup
 * is then written. */
static const char *parse_recipients(Configuration *configuration, const char *value)
{
        static const char wanted[] =
                        "a list of age recipients (age1…, at most 16), or the word " AGE_PASSPHRASE_WORD
                        " alone",
                          space[] = " \t";

        if (value[strspn(value, space)] == '\0') {
                configuration->recipients = (AgeRecipients){0};
                configuration->encrypt_with_passphrase = false;
                return NULL;
        }
        for (value += strspn(value, space); *value; value += strspn(value, space)) {
                size_t length = strcspn(value, space);
                AgeRecipient recipient;

                if (length == strlen(AGE_PASSPHRASE_WORD) &&
                                strncmp(value, AGE_PASSPHRASE_WORD, length) == 0)
                        configuration->encrypt_with_passphrase = true;
                else if (age_recipient_parse(value, length, &recipient, NULL) < 0 ||
                                age_recipients_add(&configuration->recipients, &recipient, NULL) < 0)
                        return wanted;
                value += length;
        }
        return configuration->encrypt_with_passphrase && configuration->recipients.n_items > 0 ? wanted
                                                                                               : NULL;
}

/* The first that is misspelt. What looks like no recipient may be an identity or a passphrase that somebody
 * put here by mistake, and is not spread any further. */
static const char *blame_recipient(const char *value, size_t *ret_length)
{
        static const char space[] = " \t", start[] = "age1", unsaid[] = "…";

        for (value += strspn(value, space); *value; value += strspn(value, space)) {
                size_t length = strcspn(value, space);
                AgeRecipient recipient;

                if (strncmp(value, start, strlen(start)) == 0 &&
                                age_recipient_parse(value, length, &recipient, NULL) < 0) {
                        *ret_length = MIN_OF(length, *ret_length);
                        return value;
                }
                value += length;
        }
        *ret_length = strlen(unsaid);
        return unsaid;
}

static const char *parse_bounded(
                unsigned *target, const char *value, unsigned lowest, unsigned highest, const char *wanted)
{
        char *end;
        unsigned long number;

        errno = 0;
        number = strtoul(value, &end, 10);
        if (errno != 0 || *end || value[0] < '0' || value[0] > '9' || number < lowest || number > highest)
                return wanted;
        *target = (unsigned) number;
        return NULL;
}

static const char *parse_minimum(Configuration *configuration, const char *value)
{
        return parse_bounded(&configuration->retention_minimum_verified,
                        value,
                        1,
                        1000000,
                        "a number from 1 to 1000000");
}

/* By default one for each core that this process may run on. */
static const char *parse_threads(Configuration *configuration, const char *value)
{
        cpu_set_t cores;
        int n = 1;

        if (value[0])
                return parse_bounded(&configuration->effort.threads,
                                value,
                                1,
                                EFFORT_THREADS_MAX,
                                "a number from 1 to 16");
        if (sched_getaffinity(0, sizeof cores, &cores) >= 0)
                n = CPU_COUNT(&cores);
        configuration->effort.threads = (unsigned) MAX_OF(MIN_OF(n, EFFORT_THREADS_MAX), 1);
        return NULL;
}

static const char *parse_integrity_check(Configuration *configuration, const char *value)
{
        bool quick = strcmp(value, "quick") == 0;

        if (!quick && strcmp(value, "full") != 0)
                return "full or quick";
        configuration->quick_check = quick;
        return NULL;
}

static const char *parse_compression_level(Configuration *configuration, const char *value)
{
        return parse_bounded(&configuration->effort.compression_level,
                        value,
                        1,
                        EFFORT_LEVEL_MAX,
                        "a number from 1 to 9");
}

static const char *parse_bcrypt_cost(Configuration *configuration, const char *value)
{
        return parse_bounded(&configuration->bcrypt_cost,
                        value,
                        PASSWORD_COST_MIN,
                        PASSWORD_COST_MAX,
                        "a number from 10 to 14; each step doubles the time that a sign-in takes");
}

static const char *parse_span(uint64_t *target, const char *value)
{
        uint64_t usec;

        /* A hundred years: sums of such spans and a time of day must not wrap. */
        if (quantity_parse_span(value, &usec) < 0 || usec == 0 || usec > 36525 * USEC_PER_DAY)
                return "a span of time above zero such as 7d or 6h";
        *target = usec;
        return NULL;
}

/* UINT64_MAX for infinity. */
static const char *parse_endless_span(uint64_t *target, const char *value)
{
        if (strcmp(value, "infinity") == 0) {
                *target = UINT64_MAX;
                return NULL;
        }
        return parse_span(target, value) ? "a span of time above zero such as 90d, or infinity" : NULL;
}

static const char *parse_log_retention(Configuration *configuration, const char *value)
{
        return parse_endless_span(&configuration->log_retention_usec, value);
}

static const char *parse_check_interval(Configuration *configuration, const char *value)
{
        return parse_endless_span(&configuration->check_interval_usec, value);
}

static const char *parse_retention(Configuration *configuration, const char *value)
{
        return parse_span(&configuration->retention_usec, value);
}

static const char *parse_cadence(Configuration *configuration, const char *value)
{
        return parse_span(&configuration->cadence_usec, value);
}

static const char *parse_cache_entries(Configuration *configuration, const char *value)
{
        unsigned number = 0;
        const char *wanted = parse_bounded(&number, value, 0, 1000000, "a number from 0 to 1000000");

        if (!wanted)
                configuration->prediction_cache_entries = number;
        return wanted;
}

static const char *parse_cache_size(Configuration *configuration, const char *value)
{
        uint64_t bytes;

        if (quantity_parse_size(value, &bytes) < 0 || bytes > GIB)
                return "a size of at most 1G such as 4M";
        configuration->prediction_cache_bytes = bytes;
        return NULL;
}

static const char *parse_bandwidth_limit(Configuration *configuration, const char *value)
{
        uint64_t bytes = 0;

        /* What is slower than that never ends. */
        if (value[0] && (quantity_parse_size(value, &bytes) < 0 || bytes < MIB))
                return "a size of at least 1M, for each second";
        configuration->effort.bytes_per_second = bytes;
        return NULL;
}

static const char *parse_low_disk_space(Configuration *configuration, const char *value)
{
        uint64_t bytes;

        if (quantity_parse_size(value, &bytes) < 0)
                return "a size such as 512M";
        configuration->low_disk_space_bytes = bytes;
        return NULL;
}

static const char *parse_quarantine_max_size(Configuration *configuration, const char *value)
{
        uint64_t bytes = UINT64_MAX;

        if (strcmp(value, "infinity") != 0 && quantity_parse_size(value, &bytes) < 0)
                return "a size such as 20G, or infinity";
        configuration->quarantine_max_bytes = bytes;
        return NULL;
}

static const char *parse_restore_max_size(Configuration *configuration, const char *value)
{
        uint64_t bytes = 0;

        if (value[0] && (quantity_parse_size(value, &bytes) < 0 || bytes == 0))
                return "a size such as 20G";
        configuration->restore_max_bytes = bytes;
        return NULL;
}

static const char *parse_flag(bool *target, const char *value)
{
        static const char *const words[] = {"no", "false", "off", "0", "yes", "true", "on", "1"};

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (strcmp(words[i], value) == 0) {
                        *target = i >= ELEMENTSOF(words) / 2;
                        return NULL;
                }
        return "yes or no";
}

static const char *parse_auto_restore(Configuration *configuration, const char *value)
{
        return parse_flag(&configuration->auto_restore, value);
}

static const char *parse_log_retention_all(Configuration *configuration, const char *value)
{
        return parse_flag(&configuration->log_retention_all, value);
}

/* By default as the file is. */
static const char *parse_schema(Configuration *configuration, const char *value)
{
        if (!value[0])
                configuration->schema = SCHEMA_CHOICE_AUTOMATIC;
        else if (strcmp(value, "oracxpred") == 0)
                configuration->schema = SCHEMA_CHOICE_ORACXPRED;
        else if (strcmp(value, "none") == 0)
                configuration->schema = SCHEMA_CHOICE_NONE;
        else
                return "oracxpred or none";
        return NULL;
}

static const char *parse_journal_mode(Configuration *configuration, const char *value)
{
        if (!value[0])
                configuration->journal_mode = JOURNAL_CHOICE_AUTOMATIC;
        else if (strcmp(value, "keep") == 0)
                configuration->journal_mode = JOURNAL_CHOICE_KEEP;
        else if (strcmp(value, "wal") == 0)
                configuration->journal_mode = JOURNAL_CHOICE_WAL;
        else
                return "keep or wal";
        return NULL;
}

/* Rows, or a share of them. */
static const char *parse_max_loss(Configuration *configuration, const char *value)
{
        static const char wanted[] = "a number of rows such as 100, or a share from 0% to 100% such as 1%";
        MaxLoss max_loss = {0};
        char *end;

        if (value[0] < '0' || value[0] > '9')
                return wanted;
        errno = 0;
        max_loss.rows = strtoull(value, &end, 10);
        if (errno != 0)
                return wanted;
        if (*end) {
                max_loss.is_share = true;
                max_loss.share = strtod(value, &end) / 100;
                if (strcmp(end, "%") != 0 || !(max_loss.share <= 1))
                        return wanted;
        }
        configuration->max_loss = max_loss;
        return NULL;
}

#define APPLICATION_UNITS_MAX 32

/* As in systemd's files, further lines add to the list. One bad name, and the line is ignored as a whole. */
static const char *parse_application_units(Configuration *configuration, const char *value)
{
        static const char space[] = " \t";
        _cleanup_free_ char *copy = strdup(value);
        char **units, *position = NULL;
        size_t n_new = 0;

        if (!copy)
                return "something that fits into memory";
        for (char *name = strtok_r(copy, space, &position); name; name = strtok_r(NULL, space, &position)) {
                if (!unit_name_is_valid(name))
                        return "a list of units with their endings such as oracxpred-web.service";
                n_new++;
        }
        if (n_new == 0) {
                setting_clear_units(configuration);
                return NULL;
        }
        if (n_new + configuration->n_application_units > APPLICATION_UNITS_MAX)
                return "a list of at most 32 units";
        units = reallocarray(configuration->application_units,
                        configuration->n_application_units + n_new,
                        sizeof(char *));
        if (!units)
                return "something that fits into memory";
        configuration->application_units = units;
        (void) strcpy(copy, value);
        for (char *name = strtok_r(copy, space, &position); name; name = strtok_r(NULL, space, &position)) {
                units[configuration->n_application_units] = strdup(name);
                configuration->n_application_units += units[configuration->n_application_units] != NULL;
        }
        return NULL;
}

const Setting settings[] = {
                {"Database", "", parse_database, NULL},
                {"BackupDirectory", "", parse_backup_directory, NULL},
                {"BackupGroup", "", parse_backup_group, NULL},
                {"Compression", "gzip", parse_compression, NULL},
                {"BandwidthLimit", "", parse_bandwidth_limit, NULL},
                {"CompressionLevel", "2", parse_compression_level, NULL},
                {"IntegrityCheck", "full", parse_integrity_check, NULL},
                {"Threads", "", parse_threads, NULL},
                {"EncryptionRecipients", "", parse_recipients, blame_recipient, .adds_up = true},
                {"Retention", "7d", parse_retention, NULL},
                {"RetentionMinimumVerified", "3", parse_minimum, NULL},
                {"LogRetentionSec", "infinity", parse_log_retention, NULL},
                {"LogRetentionAll", "no", parse_log_retention_all, NULL},
                {"Schema", "", parse_schema, NULL},
                {"JournalMode", "", parse_journal_mode, NULL},
                {"Cadence", "6h", parse_cadence, NULL},
                {"CheckInterval", "1d", parse_check_interval, NULL},
                {"LowDiskSpace", "1G", parse_low_disk_space, NULL},
                {"QuarantineMaxSize", "10G", parse_quarantine_max_size, NULL},
                {"RestoreMaxSize", "", parse_restore_max_size, NULL},
                {"PredictionCacheEntries", "1024", parse_cache_entries, NULL},
                {"PredictionCacheSize", "4M", parse_cache_size, NULL},
                {"BcryptCost", "12", parse_bcrypt_cost, NULL},
                {"AutoRestore", "yes", parse_auto_restore, NULL},
                {"AutoRestoreMaxLoss", "1%", parse_max_loss, NULL},
                {"ApplicationUnits", "", parse_application_units, NULL, .adds_up = true},
};

const size_t n_settings = ELEMENTSOF(settings);
