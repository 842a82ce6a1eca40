/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/configuration/configuration.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/io.h"
#include "base/utf8.h"
#include "daemon/configuration/setting-origin.h"
#include "daemon/configuration/setting.h"

#define SECTION "Persistence"
#define FAULTS_MAX 64
#define VALUE_SHOWN_MAX 100
#define FILE_MAX_BYTES (1 * MIB)

static const char byte_order_mark[] = "\xef\xbb\xbf", space[] = " \t\r\n";

/* One file while it is read. */
typedef struct Reading {
        Configuration *configuration;
        const char *file;
        unsigned line;
        bool matters; /* the line speaks of encryption */
        bool in_section;
} Reading;

void configuration_done(Configuration *configuration)
{
        free(configuration->database_path);
        free(configuration->backup_directory);
        free(configuration->encryption_fault);
        setting_clear_units(configuration);
        setting_origins_done(configuration);
        for (size_t i = 0; i < configuration->n_faults; i++)
                free(configuration->faults[i]);
        free(configuration->faults);
        *configuration = (Configuration){0};
}

static void add_fault(Reading *reading, const char *format, ...) _printf_(2, 3);

/* The whole line counts, and not only its key: what is misspelt may be anything. */
static bool speaks_of_encryption(const char *line)
{
        static const char *const words[] = {"encrypt", "recipient", "passphrase", "age1", "age-secret-key"};

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (strcasestr(line, words[i]))
                        return true;
        return false;
}

static void add_fault(Reading *reading, const char *format, ...)
{
        Configuration *configuration = reading->configuration;
        bool matters = reading->matters;
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

static void apply(Reading *reading, const char *key, const char *value)
{
        if (!reading->in_section) {
                add_fault(reading, "'%.100s' is not in the section [" SECTION "]", key);
                return;
        }
        for (size_t i = 0; i < n_settings; i++) {
                const Setting *setting = settings + i;
                size_t length = VALUE_SHOWN_MAX;
                const char *wanted;

                if (strcmp(setting->key, key) != 0)
                        continue;
                wanted = setting->parse(reading->configuration, value[0] ? value : setting->default_value);
                if (wanted && setting->blame)
                        value = setting->blame(value, &length);
                if (wanted)
                        add_fault(reading, "%s=%.*s is not %s", key, (int) length, value, wanted);
                else
                        setting_origin_note(reading->configuration, i, value, reading->file, reading->line);
                return;
        }
        add_fault(reading, "Unknown setting '%.100s'", key);
}

/* Without the space at both its ends. Cuts in place. */
static char *strip(char *text)
{
        size_t length;

        text += strspn(text, space);
        length = strlen(text);
        while (length > 0 && strchr(space, text[length - 1]))
                length--;
        text[length] = '\0';
        return text;
}

/* What follows a semicolon with space before it is a remark. */
static void cut_remark(char *value)
{
        for (char *c = value; (c = strchr(c, ';')); c++)
                if (c > value && strchr(space, c[-1])) {
                        *c = '\0';
                        return;
                }
}

static void read_line(Reading *reading, char *line)
{
        char *end;

        if (reading->line == 1 && strncmp(line, byte_order_mark, strlen(byte_order_mark)) == 0)
                line += strlen(byte_order_mark);
        line = strip(line);
        if (line[0] == '\0' || strchr("#;", line[0]))
                return;
        if (line[0] == '[') {
                end = strchr(line, ']');
                if (!end) {
                        add_fault(reading, "A section without its closing ']'");
                        return;
                }
                *end = '\0';
                reading->in_section = strcmp(line + 1, SECTION) == 0;
                return;
        }
        end = strchr(line, '=');
        if (!end) {
                add_fault(reading, "Not a setting of the form Key=value");
                return;
        }
        *end = '\0';
        cut_remark(end + 1);
        apply(reading, strip(line), strip(end + 1));
}

static void read_lines(Reading *reading, char *text, size_t size)
{
        size_t length;

        for (char *line = text; line < text + size; line += length + 1) {
                const char *end = memchr(line, '\n', (size_t) (text + size - line));
                bool whole;

                length = (size_t) ((end ? end : text + size) - line);
                line[length] = '\0';
                whole = strlen(line) == length;
                reading->line++;
                for (size_t i = 0; i < length; i++)
                        if (line[i] == '\0')
                                line[i] = '?';
                reading->matters = speaks_of_encryption(line);
                if (whole)
                        read_line(reading, line);
                else
                        add_fault(reading, "A line with a NUL byte");
        }
}

/* A link to it stands for an empty file, as systemd has it. */
static bool is_masked(const char *file)
{
        struct stat status;

        return stat(file, &status) >= 0 && S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
}

/* Never waits for what is no file, as the loop reads it again on a reload. */
static int read_file(Configuration *configuration, const char *file, bool required, Fault *fault)
{
        Reading reading = {.configuration = configuration, .file = file};
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = io_read_file(AT_FDCWD, file, FILE_MAX_BYTES, &text, &size);

        if ((r == -ENOENT && !required) || (r == -EINVAL && is_masked(file)))
                return 0;
        if (r == -EFBIG || r == -EINVAL)
                return fault_set(fault,
                                FAULT_CONFIGURATION,
                                "The configuration file %s is %s; put the settings into a file of text",
                                file,
                                r == -EFBIG ? "larger than 1 MiB" : "no regular file");
        if (r < 0)
                return fault_set(fault,
                                FAULT_CONFIGURATION,
                                "The configuration file %s can't be read: %s",
                                file,
                                strerrordesc_np(-r));
        read_lines(&reading, text, size);
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

        for (size_t i = 0; i < n_settings; i++)
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

int configuration_refuse_faults(const Configuration *configuration, Fault *fault)
{
        if (configuration->n_faults == 0)
                return 0;
        return fault_set(fault,
                        FAULT_CONFIGURATION,
                        "%s. The other settings are in force%s",
                        configuration->faults[0],
                        configuration->n_faults > 1 ? "; ConfigurationFaults names all wrong lines" : "");
}
