/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/remedy/remedy.h"

#include <pthread.h>
#include <string.h>

#include "backup/remedy/remedy-document.h"
#include "backup/state/restore-state.h"

#define REMEDIES_FILE "remedies.json"

/* More than anybody leaves unread; the file has to stay one that restore_state_load() takes. */
#define REMEDIES_MAX 32

static const char *const kind_names[_REMEDY_KIND_MAX] = {
                [REMEDY_REPAIRED] = "repaired",
                [REMEDY_RESTORED] = "restored",
};

/* From reading the file to writing it. */
static pthread_mutex_t file_mutex = PTHREAD_MUTEX_INITIALIZER;

const char *remedy_kind_to_string(RemedyKind kind)
{
        return kind >= 0 && kind < _REMEDY_KIND_MAX ? kind_names[kind] : NULL;
}

RemedyKind remedy_kind_from_string(const char *text)
{
        for (RemedyKind kind = 0; kind < _REMEDY_KIND_MAX; kind++)
                if (strcmp(kind_names[kind], text) == 0)
                        return kind;
        return _REMEDY_KIND_INVALID;
}

void remedy_done(Remedy *remedy)
{
        free(remedy->source);
        free(remedy->pre_restore);
        free(remedy->quarantine);
        string_list_free(remedy->objects);
        table_losses_done(&remedy->losses);
        *remedy = (Remedy){0};
}

void remedies_done(Remedies *remedies)
{
        for (size_t i = 0; i < remedies->n_items; i++)
                remedy_done(remedies->items + i);
        free(remedies->items);
        *remedies = (Remedies){0};
}

const Remedy *remedies_find(const Remedies *remedies, RemedyKind kind, uint64_t usec)
{
        for (size_t i = remedies->n_items; i > 0; i--)
                if (remedies->items[i - 1].kind == kind && remedies->items[i - 1].usec == usec)
                        return remedies->items + i - 1;
        return NULL;
}

bool remedy_lost_rows(const Remedy *remedy)
{
        for (size_t i = 0; i < remedy->losses.n_items; i++)
                if (remedy->losses.items[i].lost > 0 || remedy->losses.items[i].certainty == LOSS_UNKNOWN)
                        return true;
        return false;
}

static int copy_text(const char *text, char **ret)
{
        *ret = text ? strdup(text) : NULL;
        return text && !*ret ? -ENOMEM : 0;
}

static int copy_list(char *const *list, char ***ret)
{
        _cleanup_(string_list_freep) char **copy = NULL;
        size_t n = 0;

        while (list && list[n])
                n++;
        if (n == 0)
                return 0;
        copy = calloc(n + 1, sizeof *copy);
        for (size_t i = 0; copy && i < n; i++)
                if (!(copy[i] = strdup(list[i])))
                        return -ENOMEM;
        if (!copy)
                return -ENOMEM;
        *ret = TAKE_PTR(copy);
        return 0;
}

static int copy_remedy(const Remedy *remedy, Remedy *ret)
{
        _cleanup_(remedy_done) Remedy copy = {.usec = remedy->usec, .kind = remedy->kind};
        int r = copy_text(remedy->source, &copy.source);

        if (r >= 0)
                r = copy_text(remedy->pre_restore, &copy.pre_restore);
        if (r >= 0)
                r = copy_text(remedy->quarantine, &copy.quarantine);
        if (r >= 0)
                r = copy_list(remedy->objects, &copy.objects);
        for (size_t i = 0; r >= 0 && i < remedy->losses.n_items; i++)
                r = table_losses_merge(&copy.losses, remedy->losses.items + i);
        if (r < 0)
                return r;
        *ret = copy;
        copy = (Remedy){0};
        return 0;
}

static void remove_at(Remedies *remedies, size_t at)
{
        remedy_done(remedies->items + at);
        remedies->n_items--;
        memmove(remedies->items + at,
                        remedies->items + at + 1,
                        (remedies->n_items - at) * sizeof *remedies->items);
}

/* The index of the oldest remedy that a younger one of its kind can stand for; there are fewer kinds than
 * remedies. */
static size_t find_pair(const Remedies *remedies, size_t *ret_younger)
{
        for (size_t i = 0;; i++)
                for (size_t j = i + 1; j < remedies->n_items; j++)
                        if (remedies->items[j].kind == remedies->items[i].kind) {
                                *ret_younger = j;
                                return i;
                        }
}

/* One place more. Nobody has read what becomes part of the next one, so its numbers are kept. */
static int make_room(Remedies *remedies)
{
        const TableLosses *losses;
        size_t oldest, younger;

        for (size_t i = 0; i < remedies->n_items; i++)
                if (remedies->items[i].acknowledged) {
                        remove_at(remedies, i);
                        return 0;
                }
        oldest = find_pair(remedies, &younger);
        losses = &remedies->items[oldest].losses;
        for (size_t i = 0; i < losses->n_items; i++) {
                int r = table_losses_merge(&remedies->items[younger].losses, losses->items + i);

                if (r < 0)
                        return r;
        }
        remove_at(remedies, oldest);
        return 0;
}

static int append(Remedies *remedies, const Remedy *remedy)
{
        uint64_t last_id = remedies->n_items > 0 ? remedies->items[remedies->n_items - 1].id : 0;
        Remedy *larger;
        int r = 0;

        while (r >= 0 && remedies->n_items >= REMEDIES_MAX)
                r = make_room(remedies);
        if (r < 0)
                return r;
        larger = reallocarray(remedies->items, remedies->n_items + 1, sizeof *remedies->items);
        if (!larger)
                return -ENOMEM;
        remedies->items = larger;
        r = copy_remedy(remedy, larger + remedies->n_items);
        if (r < 0)
                return r;
        larger[remedies->n_items++].id = last_id + 1;
        return 0;
}

static int load(const char *state_directory_path, Remedies *ret, Fault *fault)
{
        _cleanup_(json_object_putp) json_object *document = NULL;
        _cleanup_fault_ Fault met = {0};
        int r;

        r = restore_state_load(state_directory_path, REMEDIES_FILE, &document, &met);
        if (r < 0 && met.code == FAULT_NOT_FOUND) {
                *ret = (Remedies){0};
                return 0;
        }
        if (r < 0) {
                if (fault)
                        fault_move(fault, &met);
                return r;
        }
        r = remedies_parse(document, ret);
        if (r == -ENOMEM)
                return fault_set_errno(fault, r, "Reading %s/" REMEDIES_FILE, state_directory_path);
        if (r < 0)
                return fault_set(fault,
                                FAULT_CORRUPT,
                                "%s/" REMEDIES_FILE " does not tell what was repaired and restored; the "
                                "journal has it as well. Move the file away after looking at it",
                                state_directory_path);
        return 0;
}

static int store(const char *state_directory_path, Remedies *remedies, Fault *fault)
{
        _cleanup_(json_object_putp) json_object *document = NULL;
        int r;

        remedies->revision++;
        r = remedies_format(remedies, &document);
        if (r < 0)
                return fault_set_errno(fault, r, "Writing %s/" REMEDIES_FILE, state_directory_path);
        return restore_state_store(state_directory_path, REMEDIES_FILE, document, fault);
}

int remedies_load(const char *state_directory_path, Remedies *ret, Fault *fault)
{
        int r;

        (void) pthread_mutex_lock(&file_mutex);
        r = load(state_directory_path, ret, fault);
        (void) pthread_mutex_unlock(&file_mutex);
        return r;
}

static int append_to_file(
                const char *state_directory_path, const Remedy *remedy, Remedies *remedies, Fault *fault)
{
        _cleanup_fault_ Fault met = {0};
        int r = load(state_directory_path, remedies, &met);

        if (r < 0 && met.code != FAULT_CORRUPT) {
                if (fault)
                        fault_move(fault, &met);
                return r;
        }
        r = append(remedies, remedy);
        if (r < 0)
                return fault_set_errno(fault, r, "Writing %s/" REMEDIES_FILE, state_directory_path);
        return store(state_directory_path, remedies, fault);
}

int remedy_append(const char *state_directory_path, const Remedy *remedy, Remedies *ret, Fault *fault)
{
        _cleanup_(remedies_done) Remedies remedies = {0};
        int r;

        (void) pthread_mutex_lock(&file_mutex);
        r = append_to_file(state_directory_path, remedy, &remedies, fault);
        (void) pthread_mutex_unlock(&file_mutex);
        if (r < 0)
                return r;
        *ret = remedies;
        remedies = (Remedies){0};
        return 0;
}

int remedies_acknowledge(const char *state_directory_path, uint64_t last_id, Remedies *ret, Fault *fault)
{
        _cleanup_(remedies_done) Remedies remedies = {0};
        int r;

        (void) pthread_mutex_lock(&file_mutex);
        r = load(state_directory_path, &remedies, fault);
        if (r >= 0) {
                for (size_t i = 0; i < remedies.n_items; i++)
                        remedies.items[i].acknowledged |= remedies.items[i].id <= last_id;
                r = store(state_directory_path, &remedies, fault);
        }
        (void) pthread_mutex_unlock(&file_mutex);
        if (r < 0)
                return r;
        *ret = remedies;
        remedies = (Remedies){0};
        return 0;
}
