/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as each of the small JSON documents in the state directory and the quarantine: not understood,
 * with a reason where one is told, or read to what reads the same when it is written again. */

#include <fcntl.h>
#include <string.h>

#include "backup/catalogue/identity.h"
#include "backup/quarantine/rescue-record.h"
#include "backup/remedy/remedy-document.h"
#include "backup/restore/replacement.h"
#include "backup/restore/restore-record.h"
#include "backup/state/clock-history.h"
#include "backup/state/restore-state.h"
#include "base/io.h"
#include "base/names.h"
#include "fuzz.h"

#define REMEDIES_FILE "remedies.json"
#define RECORD_FILE "last-restore.json"
#define REPLACEMENT_FILE "restore.json"

static char folder[64];

static void write_document(const char *name, const void *data, size_t size)
{
        _cleanup_close_ int fd = -EBADF;
        char path[128];

        (void) snprintf(path, sizeof path, "%s/%s", folder, name);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        require(fd >= 0 && io_write_all(fd, data, size) == 0);
}

/* Of what was stored last. */
static char *read_document(const char *name)
{
        char path[128], *text;
        size_t size;

        (void) snprintf(path, sizeof path, "%s/%s", folder, name);
        require(io_read_file(AT_FDCWD, path, MIB, &text, &size) >= 0);
        return text;
}

static void remove_document(const char *name)
{
        require(restore_state_remove(folder, name, NULL) >= 0);
}

static bool is_understood(int r, Fault *fault)
{
        require(r >= 0 || (fault->message && fault->message[0]));
        fault_done(fault);
        return r >= 0;
}

static void try_clock(void)
{
        ClockHistory history, again;
        ClockSighting now = {.wall_usec = 1, .boot_usec = 1};
        bool known;

        clock_history_load(folder, &history);
        require(history.n_leaps <= CLOCK_LEAPS_MAX);
        if (history.first_usec > 0) {
                _cleanup_(json_object_putp) json_object *document = clock_history_format(&history);

                require(restore_state_store(folder, CLOCK_HISTORY_FILE, document, NULL) >= 0);
                clock_history_load(folder, &again);
                require(again.n_leaps == history.n_leaps && again.last.wall_usec == history.last.wall_usec &&
                                strcmp(again.last.boot_id, history.last.boot_id) == 0);
        }
        clock_history_see(&history, &now);
        now.wall_usec = UINT64_MAX;
        clock_history_see(&history, &now);
        (void) clock_history_elapsed(&history, 1, &known);
        require(history.n_leaps <= CLOCK_LEAPS_MAX);
}

static void try_identity(void)
{
        _cleanup_(database_identity_done) DatabaseIdentity identity = {0}, again = {0};
        _cleanup_(json_object_putp) json_object *document = NULL;
        Fault fault = {0};

        if (!is_understood(database_identity_load(folder, &identity, &fault), &fault))
                return;
        require(database_id_is_valid(identity.id) && identity.path);
        document = database_identity_format(&identity);
        require(restore_state_store(folder, DATABASE_IDENTITY_FILE, document, NULL) >= 0);
        require(database_identity_load(folder, &again, NULL) >= 0);
        require(database_identity_equal(&identity, &again) && strcmp(identity.path, again.path) == 0);
}

static void try_remedies(void)
{
        _cleanup_(remedies_done) Remedies remedies = {0}, again = {0};
        _cleanup_(remedies_done) Remedies last = {0};
        Remedy remedy = {.usec = 1, .kind = REMEDY_REPAIRED};
        Fault fault = {0};

        if (is_understood(remedies_load(folder, &remedies, &fault), &fault)) {
                _cleanup_(json_object_putp) json_object *document = NULL, *document_again = NULL;

                require(remedies_format(&remedies, &document) >= 0);
                require(remedies_parse(document, &again) >= 0);
                require(remedies_format(&again, &document_again) >= 0);
                require(json_object_equal(document, document_again));
        }
        /* What can't be understood does not keep the next one from being told. */
        require(remedy_append(folder, &remedy, &last, NULL) >= 0 && last.n_items > 0);
}

static void try_record(void)
{
        _cleanup_(restore_record_done) RestoreRecord record = {0}, again = {0};
        _cleanup_free_ char *text = NULL, *text_again = NULL;
        Fault fault = {0};

        if (!is_understood(restore_record_load(folder, &record, &fault), &fault))
                return;
        require(restore_record_store(folder, &record, NULL) >= 0);
        text = read_document(RECORD_FILE);
        require(restore_record_load(folder, &again, NULL) >= 0);
        require(restore_record_store(folder, &again, NULL) >= 0);
        text_again = read_document(RECORD_FILE);
        require(strcmp(text, text_again) == 0);
}

static void try_replacement(void)
{
        _cleanup_(replacement_done) Replacement replacement = {0}, again = {0};
        _cleanup_free_ char *text = NULL, *text_again = NULL;
        Fault fault = {0};

        if (!is_understood(replacement_load(folder, &replacement, &fault), &fault))
                return;
        require(replacement_store(folder, &replacement, NULL) >= 0);
        text = read_document(REPLACEMENT_FILE);
        require(replacement_load(folder, &again, NULL) >= 0);
        require(replacement_store(folder, &again, NULL) >= 0);
        text_again = read_document(REPLACEMENT_FILE);
        require(strcmp(text, text_again) == 0);
}

static void try_rescue(void)
{
        _cleanup_(rescue_record_done) RescueRecord record = {0}, again = {0};
        _cleanup_free_ char *text = NULL, *text_again = NULL;
        Fault fault = {0};

        if (!is_understood(rescue_record_load(folder, &record, &fault), &fault))
                return;
        (void) rescue_report_lost(&record.report);
        require(rescue_record_store(folder, &record, NULL) >= 0);
        text = read_document(RESCUE_RECORD_FILE);
        require(rescue_record_load(folder, &again, NULL) >= 0);
        require(rescue_record_store(folder, &again, NULL) >= 0);
        text_again = read_document(RESCUE_RECORD_FILE);
        require(strcmp(text, text_again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct {
                const char *name;
                void (*try)(void);
        } documents[] = {
                        {CLOCK_HISTORY_FILE, try_clock},
                        {DATABASE_IDENTITY_FILE, try_identity},
                        {REMEDIES_FILE, try_remedies},
                        {RECORD_FILE, try_record},
                        {REPLACEMENT_FILE, try_replacement},
                        {RESCUE_RECORD_FILE, try_rescue},
        };

        (void) strcpy(folder, "/dev/shm/oracxpred-fuzz-XXXXXX");
        require(mkdtemp(folder) != NULL);
        for (size_t i = 0; i < ELEMENTSOF(documents); i++) {
                write_document(documents[i].name, data, size);
                documents[i].try();
                remove_document(documents[i].name);
        }
        require(rmdir(folder) == 0);
        return 0;
}
