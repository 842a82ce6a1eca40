/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/configuration.h"

#include <dirent.h>
#include <ini.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>

#include "base/quantity.h"
#include "base/utf8.h"
#include "daemon/application-units.h"
#include "records/password-hash.h"

#define SECTION "Persistence"
#define FAULTS_MAX 64

/* One file while it is read. inih tells its handler no line numbers, so its reader counts them. */
typedef struct Reading {
        Configuration *configuration;
        const char *file;
        FILE *stream;
        unsigned line;
        char *text; /* the line, as getline() grows it */
        size_t text_size;
        bool expects_setting; /* the last line must lead to a call of the handler */
} Reading;

static void clear_units(Configuration *configuration)
{
        for (size_t i = 0; i < configuration->n_application_units; i++)
                free(configuration->application_units[i]);
        free(TAKE_PTR(configuration->application_units));
        configuration->n_application_units = 0;
}

void configuration_done(Configuration *configuration)
{
        free(configuration->database_path);
        free(configuration->encryption_fault);
        clear_units(configuration);
        for (size_t i = 0; i < configuration->n_faults; i++)
                free(configuration->faults[i]);
        free(configuration->faults);
        *configuration = (Configuration){0};
}

static void add_fault(Reading *reading, const char *format, ...) _printf_(2, 3);

/* The whole line counts, and not only its key: what is misspelt may be anything. */
static bool speaks_of_encryption(const char *line)
{
        static const char *const words[] = {"encrypt", "recipient", "passphrase", "age1"};

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (strcasestr(line, words[i]))
                        return true;
        return false;
}

static void add_fault(Reading *reading, const char *format, ...)
{
        Configuration *configuration = reading->configuration;
        bool matters = speaks_of_encryption(reading->text);
        _cleanup_free_ char *what = NULL;
        char *text = NULL, **faults;
        va_list arguments;

        if (configuration->n_faults >= FAULTS_MAX && (!matters || configuration->encryption_fault))
                return;
        va_start(arguments, format);
        if (vasprintf(&what, format, arguments) < 0)
                what = NULL;
        va_end(arguments);
        faults = reallocarray(configuration->faults, configuration->n_faults + 2, sizeof(char *));
        if (!faults)
                return;
        configuration->faults = faults;
        if (!what || asprintf(&text,
                                     "%s:%u: %s, %s",
                                     reading->file,
                                     reading->line,
                                     what,
                                     matters ? "so no backup is written until it is corrected" : "ignored") <
                                        0)
                text = NULL;
        if (text)
                utf8_make_line(text); /* whatever the file held */
        if (matters && !configuration->encryption_fault)
                configuration->encryption_fault = strdup(text ? text : "A wrong setting of encryption");
        faults[configuration->n_faults] = text;
        configuration->n_faults += text != NULL;
        faults[configuration->n_faults] = NULL;
}

/* The parsers return what a right value looks like, or NULL when they took it. An empty value brings the
 * default back, as in systemd's files. */

static const char *parse_database(Configuration *configuration, const char *value)
{
        char *path = NULL;

        if (value[0]) {
                if (value[0] != '/' || strlen(value) >= PATH_MAX || value[strlen(value) - 1] == '/' ||
                                !utf8_is_line(value))
                        return "the absolute path of a file, in UTF-8";
                path = strdup(value);
                if (!path)
                        return "something that fits into memory";
        }
        free(configuration->database_path);
        configuration->database_path = path;
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

static const char *parse_low_disk_space(Configuration *configuration, const char *value)
{
        uint64_t bytes;

        if (quantity_parse_size(value, &bytes) < 0)
                return "a size such as 512M";
        configuration->low_disk_space_bytes = bytes;
        return NULL;
}

static const char *parse_auto_restore(Configuration *configuration, const char *value)
{
        static const char *const words[] = {"no", "false", "off", "0", "yes", "true", "on", "1"};

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (strcmp(words[i], value) == 0) {
                        configuration->auto_restore = i >= ELEMENTSOF(words) / 2;
                        return NULL;
                }
        return "yes or no";
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
                if (!application_unit_name_is_valid(name))
                        return "a list of units with their endings such as oracxpred-web.service";
                n_new++;
        }
        if (n_new == 0) {
                clear_units(configuration);
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

static const struct {
        const char *key;
        const char *default_value;
        const char *(*parse)(Configuration *configuration, const char *value);
} settings[] = {
                {"Database", "", parse_database},
                {"Compression", "gzip", parse_compression},
                {"CompressionLevel", "2", parse_compression_level},
                {"IntegrityCheck", "full", parse_integrity_check},
                {"Threads", "", parse_threads},
                {"EncryptionRecipients", "", parse_recipients},
                {"Retention", "7d", parse_retention},
                {"RetentionMinimumVerified", "3", parse_minimum},
                {"Cadence", "6h", parse_cadence},
                {"LowDiskSpace", "1G", parse_low_disk_space},
                {"PredictionCacheEntries", "1024", parse_cache_entries},
                {"PredictionCacheSize", "4M", parse_cache_size},
                {"BcryptCost", "12", parse_bcrypt_cost},
                {"AutoRestore", "yes", parse_auto_restore},
                {"ApplicationUnits", "", parse_application_units},
};

static int on_setting(void *userdata, const char *section, const char *key, const char *value)
{
        Reading *reading = userdata;

        reading->expects_setting = false;
        if (strcmp(section, SECTION) != 0) {
                add_fault(reading, "'%s' is not in the section [" SECTION "]", key);
                return 1;
        }
        for (size_t i = 0; i < ELEMENTSOF(settings); i++) {
                const char *wanted;

                if (strcmp(settings[i].key, key) != 0)
                        continue;
                wanted = settings[i].parse(
                                reading->configuration, value[0] ? value : settings[i].default_value);
                if (wanted)
                        add_fault(reading, "%s=%.100s is not %s", key, value, wanted);
                return 1;
        }
        add_fault(reading, "Unknown setting '%s'", key);
        return 1;
}

static void finish_line(Reading *reading)
{
        if (reading->expects_setting)
                add_fault(reading, "Not a setting of the form Key=value");
        reading->expects_setting = false;
}

/* What inih gets in place of fgets(): one line without its leading space (which would make it a continuation
 * of the last one), and nothing instead of a line that inih could not take whole. */
static char *read_line(char *buffer, int size, void *userdata)
{
        Reading *reading = userdata;
        const char *start;
        ssize_t length;

        finish_line(reading);
        length = getline(&reading->text, &reading->text_size, reading->stream);
        if (length < 0)
                return NULL;
        reading->line++;

        start = reading->text + strspn(reading->text, " \t");
        if (strlen(reading->text) < (size_t) length) {
                for (ssize_t i = 0; i < length; i++)
                        if (reading->text[i] == '\0')
                                reading->text[i] = '?';
                add_fault(reading, "A line with a NUL byte");
                start = "\n";
        } else if (strlen(start) >= (size_t) size) {
                add_fault(reading, "A line of more than %i bytes", size - 1);
                start = "\n";
        } else if (start[0] == '[') {
                if (!strchr(start, ']'))
                        add_fault(reading, "A section without its closing ']'");
        } else if (!strchr("#;\r\n", start[0]))
                reading->expects_setting = true;

        (void) snprintf(buffer, (size_t) size, "%s", start);
        return buffer;
}

static int read_file(Configuration *configuration, const char *file, bool required, Fault *fault)
{
        _cleanup_fclose_ FILE *stream = NULL;
        Reading reading = {.configuration = configuration, .file = file};
        bool failed;

        stream = fopen(file, "re");
        if (!stream && errno == ENOENT && !required)
                return 0;
        if (stream) {
                reading.stream = stream;
                /* Every wrong line was told through the handler or the reader already. */
                (void) ini_parse_stream(read_line, &reading, on_setting, &reading);
                free(reading.text);
        }
        failed = !stream || ferror(stream);
        if (failed) {
                (void) fault_set_errno(fault, errno, "Reading the configuration file %s", file);
                fault->code = FAULT_CONFIGURATION;
                return fault_errno(FAULT_CONFIGURATION);
        }
        return 0;
}

static int is_drop_in(const struct dirent *entry)
{
        size_t length = strlen(entry->d_name);

        return entry->d_name[0] != '.' && length > strlen(".conf") &&
               strcmp(entry->d_name + length - strlen(".conf"), ".conf") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_drop_ins(Configuration *configuration, const char *directory, Fault *fault)
{
        struct dirent **entries = NULL;
        int n, r = 0;

        n = scandir(directory, &entries, is_drop_in, by_name);
        if (n < 0 && errno == ENOENT)
                return 0;
        if (n < 0)
                return fault_set(fault,
                                FAULT_CONFIGURATION,
                                "The configuration directory %s can't be read: %s",
                                directory,
                                strerrordesc_np(errno));

        for (int i = 0; i < n; i++) {
                _cleanup_free_ char *file = NULL;

                if (r >= 0) {
                        if (asprintf(&file, "%s/%s", directory, entries[i]->d_name) < 0)
                                r = fault_set_errno(fault, ENOMEM, "Reading %s", directory);
                        else
                                r = read_file(configuration, file, true, fault);
                }
                free(entries[i]);
        }
        free(entries);
        return r;
}

int configuration_load(const char *file,
                bool file_required,
                const char *drop_in_directory,
                Configuration *ret,
                Fault *fault)
{
        _cleanup_(configuration_done) Configuration configuration = {0};
        int r;

        for (size_t i = 0; i < ELEMENTSOF(settings); i++)
                (void) settings[i].parse(&configuration, settings[i].default_value);
        r = read_file(&configuration, file, file_required, fault);
        if (r < 0)
                return r;
        r = read_drop_ins(&configuration, drop_in_directory, fault);
        if (r < 0)
                return r;

        *ret = configuration;
        configuration = (Configuration){0};
        return 0;
}
