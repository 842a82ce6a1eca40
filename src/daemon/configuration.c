/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/configuration.h"

#include <dirent.h>
#include <ini.h>
#include <stdarg.h>
#include <string.h>

#include "base/utf8.h"
#include "daemon/setting.h"

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

void configuration_done(Configuration *configuration)
{
        free(configuration->database_path);
        free(configuration->encryption_fault);
        setting_clear_units(configuration);
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

static int on_setting(void *userdata, const char *section, const char *key, const char *value)
{
        Reading *reading = userdata;

        reading->expects_setting = false;
        if (strcmp(section, SECTION) != 0) {
                add_fault(reading, "'%s' is not in the section [" SECTION "]", key);
                return 1;
        }
        for (size_t i = 0; i < n_settings; i++) {
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
