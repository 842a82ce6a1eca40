/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/state/remedy-text.h"

#include <inttypes.h>
#include <string.h>

#include "base/timestamp.h"

/* Named; of the others it is said how many there are. */
#define NAMES_MAX 8

/* Of the time of day in RFC 3339. */
#define TIME_OFFSET strlen("2026-01-24T")

static void write_total(FILE *stream, const TableLosses *losses)
{
        uint64_t total = 0;
        bool counted = true, estimated = false;

        for (size_t i = 0; i < losses->n_items; i++) {
                total += losses->items[i].lost;
                counted &= losses->items[i].certainty == LOSS_COUNTED;
                estimated |= losses->items[i].certainty == LOSS_ESTIMATED;
        }
        if (total == 0 && !counted)
                (void) fputs("an unknown number of rows", stream);
        else
                (void) fprintf(stream,
                                "%s%" PRIu64 " row%s",
                                counted     ? ""
                                : estimated ? "about "
                                            : "at least ",
                                total,
                                total == 1 ? "" : "s");
}

static void write_tables(FILE *stream, const TableLosses *losses)
{
        for (size_t i = 0; i < losses->n_items && i < NAMES_MAX; i++) {
                const TableLoss *loss = losses->items + i;

                (void) fprintf(stream, "%s%s ", i == 0 ? " (" : ", ", loss->table);
                if (loss->certainty == LOSS_UNKNOWN)
                        (void) fputs("unknown", stream);
                else
                        (void) fprintf(stream,
                                        "%s%" PRIu64,
                                        loss->certainty == LOSS_COUNTED     ? ""
                                        : loss->certainty == LOSS_ESTIMATED ? "about "
                                                                            : "at least ",
                                        loss->lost);
        }
        if (losses->n_items > NAMES_MAX)
                (void) fprintf(stream, ", and %zu tables more", losses->n_items - NAMES_MAX);
        if (losses->n_items > 0)
                (void) fputc(')', stream);
}

int remedy_text_losses(const TableLosses *losses, char **ret)
{
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        if (!stream)
                return -ENOMEM;
        write_total(stream, losses);
        write_tables(stream, losses);
        if (fclose(stream) != 0) {
                free(text);
                return -ENOMEM;
        }
        *ret = text;
        return 0;
}

/* What one reason is about: all of its sort, and the last one by name. */
typedef struct Account {
        unsigned n;
        const Remedy *last;
        char when[TIMESTAMP_RFC3339_MAX];
} Account;

static int take_account(const Remedies *remedies, bool lost_rows, Account *ret)
{
        Account account = {0};

        for (size_t i = 0; i < remedies->n_items; i++) {
                const Remedy *remedy = remedies->items + i;

                if (remedy->acknowledged || remedy_lost_rows(remedy) != lost_rows)
                        continue;
                account.n++;
                account.last = remedy;
        }
        if (account.last && timestamp_format_rfc3339(account.last->usec, account.when) < 0)
                return -ERANGE;
        *ret = account;
        return 0;
}

static void write_place(FILE *stream, const Remedy *remedy)
{
        if (remedy->pre_restore)
                (void) fprintf(stream, "; what it replaced is the backup %s", remedy->pre_restore);
        else if (remedy->quarantine)
                (void) fprintf(stream, "; the files as they were before are in %s", remedy->quarantine);
}

static void write_end(FILE *stream)
{
        (void) fputs(". Look for the cause of the damage (`journalctl -k`, `smartctl -a`), then run "
                     "`oracxpredctl acknowledge`",
                        stream);
}

static void write_repaired(FILE *stream, const Account *account)
{
        const Remedy *last = account->last;

        if (account->n > 1)
                (void) fprintf(stream,
                                "The database was damaged and mended %u times without the loss of a row, "
                                "the last time on %.10s %.5s UTC: ",
                                account->n,
                                account->when,
                                account->when + TIME_OFFSET);
        else
                (void) fprintf(stream,
                                "The database was damaged and mended without the loss of a row on %.10s "
                                "%.5s UTC: ",
                                account->when,
                                account->when + TIME_OFFSET);
        if (last->kind == REMEDY_RESTORED)
                (void) fprintf(stream, "%s was restored", last->source ? last->source : "a backup");
        else
                for (char **object = last->objects; object && *object; object++)
                        (void) fprintf(stream, "%s%s", object == last->objects ? "rebuilt " : ", ", *object);
        write_place(stream, last);
        write_end(stream);
}

/* The tables of all of them, added up. -ENOMEM. */
static int add_up(const Remedies *remedies, TableLosses *ret)
{
        _cleanup_(table_losses_done) TableLosses sum = {0};

        for (size_t i = 0; i < remedies->n_items; i++) {
                const Remedy *remedy = remedies->items + i;

                for (size_t j = 0; !remedy->acknowledged && j < remedy->losses.n_items; j++) {
                        int r = table_losses_merge(&sum, remedy->losses.items + j);

                        if (r < 0)
                                return r;
                }
        }
        table_losses_sort(&sum);
        *ret = sum;
        sum = (TableLosses){0};
        return 0;
}

static void write_rows_lost(FILE *stream, const Account *account, const char *losses)
{
        if (account->n > 1)
                (void) fprintf(stream,
                                "%u automatic restores lost %s, the last one of %s on %.10s %.5s UTC",
                                account->n,
                                losses,
                                account->last->source ? account->last->source : "a backup",
                                account->when,
                                account->when + TIME_OFFSET);
        else
                (void) fprintf(stream,
                                "The automatic restore of %s on %.10s %.5s UTC lost %s",
                                account->last->source ? account->last->source : "a backup",
                                account->when,
                                account->when + TIME_OFFSET,
                                losses);
        write_place(stream, account->last);
        write_end(stream);
}

int remedy_text_repaired(const Remedies *remedies, char **ret)
{
        Account account;
        char *text = NULL;
        size_t size;
        FILE *stream;
        int r = take_account(remedies, false, &account);

        if (r < 0 || account.n == 0)
                return r;
        stream = open_memstream(&text, &size);
        if (!stream)
                return -ENOMEM;
        write_repaired(stream, &account);
        if (fclose(stream) != 0) {
                free(text);
                return -ENOMEM;
        }
        *ret = text;
        return 1;
}

int remedy_text_rows_lost(const Remedies *remedies, char **ret)
{
        _cleanup_(table_losses_done) TableLosses sum = {0};
        _cleanup_free_ char *losses = NULL;
        Account account;
        char *text = NULL;
        size_t size;
        FILE *stream;
        int r = take_account(remedies, true, &account);

        if (r < 0 || account.n == 0)
                return r;
        r = add_up(remedies, &sum);
        if (r >= 0)
                r = remedy_text_losses(&sum, &losses);
        if (r < 0)
                return r;
        stream = open_memstream(&text, &size);
        if (!stream)
                return -ENOMEM;
        write_rows_lost(stream, &account, losses);
        if (fclose(stream) != 0) {
                free(text);
                return -ENOMEM;
        }
        *ret = text;
        return 1;
}
