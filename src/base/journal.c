/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/journal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "base/utf8.h"

#define FIELDS_MAX 24

static bool target_is_journal;
static int max_level = LOG_INFO;

/* $JOURNAL_STREAM holds the device and inode of the journal's socket (systemd.exec(5)); only when stderr
 * still is that socket do its lines reach journald anyway, and fields are worth sending. */
static bool stderr_is_journal(void)
{
        const char *stream = getenv("JOURNAL_STREAM");
        uint64_t device, inode;
        struct stat status;

        return stream && sscanf(stream, "%" SCNu64 ":%" SCNu64, &device, &inode) == 2 &&
               fstat(STDERR_FILENO, &status) >= 0 && status.st_dev == device && status.st_ino == inode;
}

int journal_set_target(const char *target)
{
        if (strcmp(target, "auto") == 0)
                target_is_journal = stderr_is_journal();
        else if (strcmp(target, "journal") == 0)
                target_is_journal = true;
        else if (strcmp(target, "console") == 0)
                target_is_journal = false;
        else
                return -EINVAL;
        return 0;
}

const char *journal_target(void)
{
        return target_is_journal ? "journal" : "console";
}

int journal_set_max_level(int level)
{
        if (level < LOG_EMERG || level > LOG_DEBUG)
                return -EINVAL;
        max_level = level;
        return 0;
}

int journal_max_level(void)
{
        return max_level;
}

static int append_field(struct iovec *vector, size_t *n, const char *name, const char *value)
{
        char *text = NULL;

        if (!value)
                return 0;
        if (asprintf(&text, "%s=%s", name, value) < 0)
                return -ENOMEM;
        /* A value that a caller supplied must not be able to start a new line, and with it a forged entry.
         */
        utf8_make_line(text);
        vector[(*n)++] = (struct iovec){.iov_base = text, .iov_len = strlen(text)};
        return 0;
}

static int send_to_journal(int level,
                const char *message_id,
                const JournalField *fields,
                size_t n_fields,
                const char *message)
{
        struct iovec vector[FIELDS_MAX];
        char priority[] = {(char) ('0' + level), '\0'};
        size_t n = 0;
        int r;

        r = append_field(vector, &n, "MESSAGE", message);
        if (r >= 0)
                r = append_field(vector, &n, "PRIORITY", priority);
        if (r >= 0)
                r = append_field(vector, &n, "MESSAGE_ID", message_id);
        if (r >= 0)
                r = append_field(vector, &n, "SYSLOG_IDENTIFIER", "oracxpredd");
        for (size_t i = 0; r >= 0 && i < n_fields && n < FIELDS_MAX; i++)
                r = append_field(vector, &n, fields[i].name, fields[i].value);
        if (r >= 0)
                r = sd_journal_sendv(vector, (int) n);
        for (size_t i = 0; i < n; i++)
                free(vector[i].iov_base);
        return r;
}

void journal_write(int level,
                const char *message_id,
                const JournalField *fields,
                size_t n_fields,
                const char *format,
                ...)
{
        _cleanup_free_ char *message = NULL;
        va_list arguments;

        if (level > max_level)
                return;
        va_start(arguments, format);
        if (vasprintf(&message, format, arguments) < 0)
                message = NULL;
        va_end(arguments);
        if (!message)
                return;
        utf8_make_line(message);
        if (target_is_journal && send_to_journal(level, message_id, fields, n_fields, message) >= 0)
                return;
        (void) fprintf(stderr, "%s\n", message);
}
