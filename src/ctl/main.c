/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* oracxpredctl: the operator's hand on the service. The bus is its only door; it never touches a file of the
 * service itself, so that it works the same on a remote host. */

#include <locale.h>

#include "config.h"
#include "ctl/call/arguments.h"
#include "ctl/call/session.h"
#include "ctl/show/document.h"
#include "ctl/show/terminal.h"
#include "ctl/verb/verbs.h"

#define ANY_NUMBER SIZE_MAX

/* The first is what no verb at all stands for. */
static const Verb verbs[] = {
                {"status",
                                "",
                                0,
                                0,
                                0,
                                "Show health, database, backups and disk space",
                                "State",
                                verb_status,
                                .reads = true},
                {"stats",
                                "",
                                0,
                                0,
                                0,
                                "Show sizes, growth, records and response times",
                                NULL,
                                verb_stats,
                                .reads = true},
                {"metrics",
                                "[FILE|-]",
                                0,
                                1,
                                OPTION_FORMAT,
                                "Write figures for a monitoring system",
                                NULL,
                                verb_metrics,
                                .opens_session = true,
                                .reads = true},
                {"doctor",
                                "",
                                0,
                                0,
                                0,
                                "Check everything the service depends on",
                                NULL,
                                verb_doctor,
                                .reads = true},
                {"advise",
                                "",
                                0,
                                0,
                                0,
                                "List the indexes that the tables lack",
                                NULL,
                                verb_advise,
                                .reads = true},
                {"units-rule",
                                "",
                                0,
                                0,
                                0,
                                "Print the polkit rule for ApplicationUnits=",
                                NULL,
                                verb_units_rule,
                                .reads = true},
                {"monitor",
                                "",
                                0,
                                0,
                                0,
                                "Print what happens, until interrupted",
                                NULL,
                                verb_monitor,
                                .reads = true},
                {"backup",
                                "",
                                0,
                                0,
                                OPTION_LABEL | OPTION_KEEP | OPTION_AUTOMATIC | OPTION_WAIT,
                                "Take a backup",
                                "Backups",
                                verb_backup},
                {"list", "", 0, 0, 0, "List the backups, newest first", NULL, verb_list, .reads = true},
                {"show", "NAME", 1, 1, 0, "Show one backup in full", NULL, verb_show, .reads = true},
                {"verify",
                                "[NAME|--all]",
                                0,
                                1,
                                OPTION_ALL | OPTION_AUTOMATIC | OPTION_WAIT | OPTION_IDENTITY |
                                                OPTION_PASSPHRASE,
                                "Prove a backup, or check the live database",
                                NULL,
                                verb_verify},
                {"cleanup",
                                "",
                                0,
                                0,
                                OPTION_DRY_RUN,
                                "Remove the backups that retention drops",
                                NULL,
                                verb_cleanup},
                {"keep",
                                "NAME...",
                                1,
                                ANY_NUMBER,
                                OPTION_WAIT,
                                "Pin backups: nothing removes them",
                                NULL,
                                verb_keep},
                {"unkeep", "NAME...", 1, ANY_NUMBER, OPTION_WAIT, "Take that back", NULL, verb_unkeep},
                {"delete",
                                "NAME...",
                                1,
                                ANY_NUMBER,
                                OPTION_YES | OPTION_WAIT,
                                "Remove backups",
                                NULL,
                                verb_delete},
                {"restore",
                                "[NAME]",
                                0,
                                1,
                                OPTION_FROM | OPTION_DRY_RUN | OPTION_FORCE | OPTION_YES | OPTION_WAIT |
                                                OPTION_RESCUE | OPTION_IDENTITY | OPTION_PASSPHRASE,
                                "Put a backup in the database's place",
                                "Recovery",
                                verb_restore},
                {"undo",
                                "",
                                0,
                                0,
                                OPTION_DRY_RUN | OPTION_FORCE | OPTION_YES | OPTION_WAIT | OPTION_IDENTITY |
                                                OPTION_PASSPHRASE,
                                "Take the last restore back",
                                NULL,
                                verb_undo},
                {"acknowledge",
                                "",
                                0,
                                0,
                                0,
                                "Say that a repair or a loss of rows was seen",
                                NULL,
                                verb_acknowledge},
                {"quarantine",
                                "[list|show NAME|delete NAME...]",
                                0,
                                ANY_NUMBER,
                                OPTION_FORCE | OPTION_YES | OPTION_WAIT,
                                "Show or remove the databases that were put aside",
                                NULL,
                                verb_quarantine},
                {"salvage",
                                "[QUARANTINE]",
                                0,
                                1,
                                OPTION_DRY_RUN | OPTION_YES,
                                "Show or merge the rows that only the quarantine has",
                                NULL,
                                verb_salvage},
                {"export",
                                "[FILE|-]",
                                0,
                                1,
                                OPTION_TABLE | OPTION_FORMAT | OPTION_REDACT,
                                "Write the database as JSON",
                                NULL,
                                verb_export},
                {"import",
                                "FILE",
                                1,
                                1,
                                OPTION_RESTORE | OPTION_LABEL | OPTION_FORCE | OPTION_YES | OPTION_WAIT |
                                                OPTION_IDENTITY | OPTION_PASSPHRASE,
                                "Make a backup from an export",
                                NULL,
                                verb_import},
                {"key",
                                "generate|show|test",
                                1,
                                2,
                                OPTION_IDENTITY,
                                "Make, show or test the key of encrypted backups",
                                "Encryption",
                                verb_key,
                                .opens_session = true},
                {"account",
                                "COMMAND...",
                                1,
                                5,
                                0,
                                "Create, list, show and change the application's accounts",
                                "Application",
                                verb_account,
                                .opens_session = true},
                {"prediction",
                                "COMMAND...",
                                1,
                                ANY_NUMBER,
                                0,
                                "Store, show, list, invalidate, lock or archive predictions",
                                NULL,
                                verb_prediction},
                {"log",
                                "[system|access]",
                                0,
                                1,
                                OPTION_SINCE | OPTION_UNTIL | OPTION_TYPE | OPTION_SEVERITY |
                                                OPTION_ACCOUNT | OPTION_LIMIT,
                                "Show the application's logs, newest row first",
                                NULL,
                                verb_log},
                {"jobs", "", 0, 0, 0, "List what the service is doing", "Service", verb_jobs, .reads = true},
                {"cancel", "ID", 1, 1, 0, "Stop a job", NULL, verb_cancel},
                {"reload", "", 0, 0, 0, "Read the configuration again", NULL, verb_reload},
                {0},
};

/* Tells a fault on standard error and, with --json, on standard output too, where a document is expected. */
static void report(Session *session, const Fault *fault)
{
        _cleanup_json_ json_object *document = NULL;

        if (session_json(session) && !session->document_printed) {
                document = json_object_new_object();
                if (document &&
                                document_put(document,
                                                "Error",
                                                json_object_new_string(fault_bus_name(fault->code))) >= 0 &&
                                document_put(document, "Message", json_object_new_string(fault->message)) >=
                                                0)
                        (void) document_print(
                                        document, session->arguments->format == FORMAT_JSON_PRETTY, stdout);
        }
        terminal_print_fault("oracxpredctl", fault->message);
}

static int run(Session *session)
{
        const Arguments *arguments = session->arguments;
        _cleanup_fault_ Fault fault = {0};
        int r = 0, finished;

        if (arguments->help) {
                terminal_open_pager(arguments->no_pager);
                arguments_print_help(stdout, verbs, terminal_colour());
        } else if (arguments->version)
                (void) puts("oracxpredctl " PROJECT_VERSION);
        else {
                if (!arguments->verb->opens_session)
                        r = session_open(session, &fault);
                if (r >= 0)
                        r = arguments->verb->run(session, &fault);
        }
        if (r < 0)
                report(session, &fault);
        session_done(session);
        finished = terminal_finish();
        if (finished < 0) {
                (void) fault_set_errno(&fault, finished, "Can't write to standard output");
                terminal_print_fault("oracxpredctl", fault.message);
                r = finished;
        }
        return r < 0 ? fault_exit_code(fault.code) : r;
}

int main(int argc, char **argv)
{
        _cleanup_fault_ Fault fault = {0};
        _cleanup_(arguments_done) Arguments arguments = {0};
        Session session = {.arguments = &arguments};

        (void) setlocale(LC_ALL, "");
        if (arguments_parse(argc, argv, verbs, &arguments, &fault) < 0) {
                report(&session, &fault);
                return fault_exit_code(fault.code);
        }
        return run(&session);
}
