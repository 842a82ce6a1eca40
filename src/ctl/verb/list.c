/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* list and show: the backups there are, and one of them in full. */

#include <string.h>

#include "base/clock.h"
#include "base/names.h"
#include "base/quantity.h"
#include "ctl/call/backup-objects.h"
#include "ctl/show/moment.h"
#include "ctl/show/terminal.h"
#include "ctl/verb/verbs.h"
#include "ctl/view/fields.h"

#define QUICK ", quick"
#define FAILED "failed"
#define IN_PART "in part"

static void add_backup(Table *table, json_object *backup, uint64_t now_usec)
{
        uint64_t verified_usec = document_number(backup, "VerifiedUSec");
        const char *problem = document_text(backup, "Problem"),
                   *finding = document_text(backup, "VerificationFault");
        char size[QUANTITY_MAX], stored[QUANTITY_MAX];
        char created[MOMENT_MAX], age[MOMENT_MAX], verified[MOMENT_MAX + sizeof QUICK];

        moment_format_absolute(document_number(backup, "CreatedUSec"), created);
        moment_format_relative(document_number(backup, "CreatedUSec"), now_usec, age);
        moment_format_relative(verified_usec, now_usec, verified);
        if (strcmp(document_text(backup, "IntegrityCheck"), "quick") == 0)
                (void) strcat(verified, QUICK);
        quantity_format_size(document_number(backup, "DatabaseBytes"), size);
        quantity_format_size(document_number(backup, "StoredBytes"), stored);

        if (document_text(backup, "Unchecked")[0] != '\0')
                (void) strcpy(verified, IN_PART);
        /* What a verification found outweighs that an earlier one passed. */
        if (finding[0] != '\0')
                (void) strcpy(verified, FAILED);
        table_add(table,
                        problem[0] != '\0' || finding[0] != '\0' ? STYLE_BAD : STYLE_BOLD,
                        document_text(backup, "Name"));
        table_add(table, STYLE_PLAIN, document_text(backup, "Kind"));
        table_add(table, STYLE_PLAIN, created);
        table_add(table, STYLE_PLAIN, age);
        table_add(table, STYLE_PLAIN, size);
        table_add(table, STYLE_PLAIN, stored);
        table_add(table,
                        finding[0] != '\0'  ? STYLE_BAD
                        : verified_usec > 0 ? STYLE_PLAIN
                                            : STYLE_WARNING,
                        verified);
        table_add(table, STYLE_PLAIN, document_flag(backup, "Encrypted") ? "yes" : "");
        table_add(table, STYLE_PLAIN, document_text(backup, "Label"));
        table_add(table,
                        STYLE_WARNING,
                        document_flag(backup, "OtherDatabase") ? "another database"
                        : document_flag(backup, "Kept")        ? "kept"
                                                               : "");
        table_add(table, STYLE_BAD, problem[0] != '\0' ? problem : finding);
}

/* On the disk, since the database had not changed in between. */
static bool shares_bytes(json_object *a, json_object *b)
{
        uint64_t copied_usec = document_number(a, "CopiedUSec");

        return copied_usec > 0 && copied_usec == document_number(b, "CopiedUSec") &&
               strcmp(document_text(a, "StoredSHA256"), document_text(b, "StoredSHA256")) == 0;
}

static int print_list(Session *session, json_object *backups, Fault *fault)
{
        static const char *const names[] = {"NAME",
                        "KIND",
                        "CREATED",
                        "AGE",
                        "DATABASE",
                        "STORED",
                        "VERIFIED",
                        "ENCRYPTED",
                        "LABEL",
                        "NOTE",
                        "PROBLEM",
                        NULL};
        _cleanup_(table_freep) Table *table = table_new(names);
        size_t n = json_object_array_length(backups);
        uint64_t now_usec = clock_now_usec(), stored_bytes = 0;
        json_object *newer = NULL;
        char total[QUANTITY_MAX];
        int r;

        if (!table)
                return session_set_errno(-ENOMEM, fault);
        table_align_right(table, 4);
        table_align_right(table, 5);
        for (size_t column = 7; column < ELEMENTSOF(names) - 1; column++)
                table_hide_when_empty(table, column);
        for (size_t i = 0; i < n; i++) {
                json_object *backup = json_object_array_get_idx(backups, i);

                add_backup(table, backup, now_usec);
                if (!newer || !shares_bytes(newer, backup))
                        stored_bytes += document_number(backup, "StoredBytes");
                newer = backup;
        }
        terminal_open_pager(session->arguments->no_pager);
        if (n > 0) {
                r = session_print_table(session, table, fault);
                if (r < 0)
                        return r;
        }
        quantity_format_size(stored_bytes, total);
        session_print_legend(session, "%zu backup%s, %s.", n, n == 1 ? "" : "s", total);
        return 0;
}

int verb_list(Session *session, Fault *fault)
{
        _cleanup_json_ json_object *backups = NULL;
        int r = backup_objects_list(session, &backups, fault);

        if (r < 0)
                return r;
        if (session_json(session))
                return session_print_document(session, backups, fault);
        return print_list(session, backups, fault);
}

static void add_checks(Table *fields, json_object *backup, uint64_t now_usec)
{
        const char *finding = document_text(backup, "VerificationFault"),
                   *problem = document_text(backup, "Problem");
        uint64_t violations = document_number(backup, "ForeignKeyViolations"),
                 broken = document_number(backup, "ConstraintViolations");

        if (problem[0] != '\0')
                fields_add(fields, "Problem", STYLE_BAD, problem);
        fields_add_moment(fields, "Verified", document_number(backup, "VerifiedUSec"), now_usec);
        if (strcmp(document_text(backup, "IntegrityCheck"), "quick") == 0)
                fields_add(fields,
                                "Check",
                                STYLE_WARNING,
                                "quick: no index was compared with its table; `verify` does it");
        if (finding[0] != '\0')
                fields_add(fields, "Verification", STYLE_BAD, finding);
        if (document_text(backup, "Unchecked")[0] != '\0')
                fields_add(fields, "Not checked", STYLE_WARNING, document_text(backup, "Unchecked"));
        if (violations > 0)
                fields_addf(fields,
                                "Foreign keys",
                                STYLE_WARNING,
                                "%" PRIu64 " row%s refer to a row that is not there",
                                violations,
                                violations == 1 ? "" : "s");
        if (broken > 0)
                fields_addf(fields,
                                "Constraints",
                                STYLE_WARNING,
                                "%" PRIu64 " row%s break a constraint of their table",
                                broken,
                                broken == 1 ? "" : "s");
        if (document_flag(backup, "InUse"))
                fields_add(fields, "In use", STYLE_PLAIN, "a job reads it right now");
}

static int print_backup(Session *session, json_object *backup, Fault *fault)
{
        _cleanup_(table_freep) Table *fields = fields_new();
        const char *version = document_text(backup, "ToolVersion");
        uint64_t now_usec = clock_now_usec();
        char size[QUANTITY_MAX], stored[QUANTITY_MAX], duration[QUANTITY_MAX];

        if (!fields)
                return session_set_errno(-ENOMEM, fault);
        quantity_format_size(document_number(backup, "DatabaseBytes"), size);
        quantity_format_size(document_number(backup, "StoredBytes"), stored);
        quantity_format_span(document_number(backup, "DurationUSec"), duration);

        fields_add(fields, "Name", STYLE_BOLD, document_text(backup, "Name"));
        fields_add(fields, "Label", STYLE_PLAIN, document_text(backup, "Label"));
        fields_add(fields, "Kind", STYLE_PLAIN, document_text(backup, "Kind"));
        fields_add_moment(fields, "Created", document_number(backup, "CreatedUSec"), now_usec);
        if (document_number(backup, "CopiedUSec") > 0 &&
                        document_number(backup, "CopiedUSec") < document_number(backup, "CreatedUSec"))
                fields_add_moment(
                                fields, "Unchanged since", document_number(backup, "CopiedUSec"), now_usec);
        add_checks(fields, backup, now_usec);
        fields_add(fields, "File", STYLE_PLAIN, document_text(backup, "File"));
        fields_addf(fields,
                        "Stored",
                        STYLE_PLAIN,
                        "%s (%s%s)",
                        stored,
                        document_text(backup, "Compression"),
                        document_flag(backup, "Encrypted") ? ", encrypted" : "");
        fields_addf(fields,
                        "Database",
                        STYLE_PLAIN,
                        "%s (%" PRIu64 " pages of %" PRIu64 " B)",
                        size,
                        document_number(backup, "Pages"),
                        document_number(backup, "PageSize"));
        fields_addf(fields, "Took", STYLE_PLAIN, "%s", duration);
        fields_add(fields, "Source", STYLE_PLAIN, document_text(backup, "Source"));
        if (document_flag(backup, "Kept"))
                fields_add(fields, "Kept", STYLE_PLAIN, "until `oracxpredctl unkeep`; nothing removes it");
        if (document_flag(backup, "OtherDatabase"))
                fields_add(fields,
                                "Note",
                                STYLE_WARNING,
                                "of another database than the one that is guarded now");
        fields_add(fields, "Host", STYLE_PLAIN, document_text(backup, "Host"));
        if (version[0] != '\0')
                fields_addf(fields, "Made by", STYLE_PLAIN, "oracxpredd %s", version);
        fields_add(fields, "SHA-256 stored", STYLE_PLAIN, document_text(backup, "StoredSHA256"));
        fields_add(fields, "SHA-256 blocks", STYLE_PLAIN, document_text(backup, "DatabaseBlocksSHA256"));
        fields_add_tables(fields, document_member(backup, "Tables"), "");

        terminal_open_pager(session->arguments->no_pager);
        return fields_print(session, fields, fault);
}

int verb_show(Session *session, Fault *fault)
{
        const char *name = session->arguments->operands[0];
        _cleanup_json_ json_object *backup = NULL;
        _cleanup_free_ char *path = NULL;
        int r = backup_objects_path(name, &path, fault);

        if (r < 0)
                return r;
        r = session_get_properties(session, path, BUS_INTERFACE_BACKUP, &backup, fault);
        if (r < 0)
                return backup_objects_explain(name, fault);
        if (session_json(session))
                return session_print_document(session, backup, fault);
        return print_backup(session, backup, fault);
}
