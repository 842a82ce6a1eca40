/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/call/arguments.h"

#include <getopt.h>
#include <limits.h>
#include <string.h>

#include "ctl/show/table.h"
#include "ctl/show/text.h"

enum {
        /* Beyond every short option's character. */
        CODE_USER = UCHAR_MAX + 1,
        CODE_JSON,
        CODE_NO_PAGER,
        CODE_NO_LEGEND,
        CODE_NO_ASK_PASSWORD,
        CODE_WAIT,
        CODE_NO_WAIT,
        CODE_VERSION,
        CODE_LABEL,
        CODE_AUTOMATIC,
        CODE_ALL,
        CODE_DRY_RUN,
        CODE_FROM,
        CODE_FORCE,
        CODE_KEEP,
        CODE_RESCUE,
        CODE_TABLE,
        CODE_FORMAT,
        CODE_REDACT,
        CODE_RESTORE,
        CODE_IDENTITY,
        CODE_PASSPHRASE_FILE,
        CODE_SINCE, /* the order of enum Filter */
        CODE_UNTIL,
        CODE_TYPE,
        CODE_SEVERITY,
        CODE_ACCOUNT,
        CODE_LIMIT,
};

/* The leading '+' of getopt is left out: options may follow the verb. ':' tells a missing argument apart. */
static const char short_options[] = ":hqyH:M:";

static const struct option long_options[] = {
                {"help", no_argument, NULL, 'h'},
                {"version", no_argument, NULL, CODE_VERSION},
                {"user", no_argument, NULL, CODE_USER},
                {"host", required_argument, NULL, 'H'},
                {"machine", required_argument, NULL, 'M'},
                {"json", required_argument, NULL, CODE_JSON},
                {"no-pager", no_argument, NULL, CODE_NO_PAGER},
                {"no-legend", no_argument, NULL, CODE_NO_LEGEND},
                {"no-ask-password", no_argument, NULL, CODE_NO_ASK_PASSWORD},
                {"quiet", no_argument, NULL, 'q'},
                {"wait", no_argument, NULL, CODE_WAIT},
                {"no-wait", no_argument, NULL, CODE_NO_WAIT},
                {"label", required_argument, NULL, CODE_LABEL},
                {"automatic", no_argument, NULL, CODE_AUTOMATIC},
                {"all", no_argument, NULL, CODE_ALL},
                {"dry-run", no_argument, NULL, CODE_DRY_RUN},
                {"from", required_argument, NULL, CODE_FROM},
                {"force", no_argument, NULL, CODE_FORCE},
                {"keep", no_argument, NULL, CODE_KEEP},
                {"rescue", no_argument, NULL, CODE_RESCUE},
                {"yes", no_argument, NULL, 'y'},
                {"table", required_argument, NULL, CODE_TABLE},
                {"format", required_argument, NULL, CODE_FORMAT},
                {"redact", no_argument, NULL, CODE_REDACT},
                {"restore", no_argument, NULL, CODE_RESTORE},
                {"identity", required_argument, NULL, CODE_IDENTITY},
                {"passphrase-file", required_argument, NULL, CODE_PASSPHRASE_FILE},
                {"since", required_argument, NULL, CODE_SINCE},
                {"until", required_argument, NULL, CODE_UNTIL},
                {"type", required_argument, NULL, CODE_TYPE},
                {"severity", required_argument, NULL, CODE_SEVERITY},
                {"account", required_argument, NULL, CODE_ACCOUNT},
                {"limit", required_argument, NULL, CODE_LIMIT},
                {0},
};

/* How --help spells them; the same order as a reader needs. */
static const struct {
        const char *spelling;
        const char *summary;
        unsigned option; /* 0: every verb takes it */
} option_help[] = {
                {"-h --help", "Show this help", 0},
                {"   --version", "Show the version", 0},
                {"   --user", "Talk to the service on the user's bus", 0},
                {"-H --host=[USER@]HOST", "Operate on a remote host, through ssh", 0},
                {"-M --machine=CONTAINER", "Operate on a local container", 0},
                {"   --json=pretty|short|off",
                                "Print one JSON document, with the names that the bus has",
                                0},
                {"   --no-pager", "Do not pipe output into a pager", 0},
                {"   --no-legend", "Do not print column headers and the line below a table", 0},
                {"   --no-ask-password", "Do not ask for a password; fail where one is needed", 0},
                {"-q --quiet", "Print faults only", 0},
                {"   --no-wait", "Do not wait for the job; print its number and path", OPTION_WAIT},
                {"   --wait", "Wait for the job to end (the default)", OPTION_WAIT},
                {"   --label=TEXT", "Note kept with the backup", OPTION_LABEL},
                {"   --keep", "Pin the backup: nothing removes it", OPTION_KEEP},
                {"   --automatic", "A timer asks, not a person", OPTION_AUTOMATIC},
                {"   --all", "Every backup, one after the other", OPTION_ALL},
                {"   --dry-run", "Only show what would be done", OPTION_DRY_RUN},
                {"   --from=FILE", "Restore from this SQLite file, plain, .gz or .age", OPTION_FROM},
                {"   --rescue",
                                "Bring the rows of the database that can be read into the backup",
                                OPTION_RESCUE},
                {"   --force", "Also when other processes have the database open", OPTION_FORCE},
                {"-y --yes", "Replace or remove data without asking", OPTION_YES},
                {"   --table=NAME", "Only this table; may be given several times", OPTION_TABLE},
                {"   --format=STYLE",
                                "pretty, compact, lines; metrics: openmetrics, prometheus",
                                OPTION_FORMAT},
                {"   --redact", "Leave out password hashes and session secrets", OPTION_REDACT},
                {"   --restore", "Restore what was imported", OPTION_RESTORE},
                {"   --identity=FILE",
                                "Open encrypted backups with the age identities in it",
                                OPTION_IDENTITY},
                {"   --passphrase-file=FILE",
                                "Open encrypted backups with the passphrase in it",
                                OPTION_PASSPHRASE},
                {"   --since=TIME",
                                "Only from then on: 2026-01-24 10:00, today, yesterday, -2h",
                                OPTION_SINCE},
                {"   --until=TIME", "Only before then", OPTION_UNTIL},
                {"   --type=TYPE", "Only this type", OPTION_TYPE},
                {"   --severity=WORD", "Only info, warning, error or critical", OPTION_SEVERITY},
                {"   --account=ID", "Only about this user of the application", OPTION_ACCOUNT},
                {"   --limit=N", "So many rows (default: 100)", OPTION_LIMIT},
};

static int wrong_usage(
                Fault *fault, const char *what, const char *given, const char *prefix, const char *nearest)
{
        if (nearest)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "%s '%s'. Did you mean '%s%s'?",
                                what,
                                given,
                                prefix,
                                nearest);
        return fault_set(fault,
                        FAULT_INVALID_ARGUMENT,
                        "%s '%s'. `oracxpredctl --help` lists what there is.",
                        what,
                        given);
}

static int unknown_option(const char *given, Fault *fault)
{
        const char *names[ELEMENTSOF(long_options)];
        _cleanup_free_ char *name = strdup(given + strspn(given, "-"));
        size_t n = 0;

        for (; long_options[n].name; n++)
                names[n] = long_options[n].name;
        if (name)
                name[strcspn(name, "=")] = '\0';
        return wrong_usage(fault,
                        "Unknown option",
                        given,
                        "--",
                        name && given[0] == '-' && given[1] == '-' ? text_nearest(name, names, n) : NULL);
}

static int parse_format(const char *text, Format *ret, Fault *fault)
{
        static const char *const names[] = {"off", "pretty", "short"};

        for (Format format = FORMAT_TEXT; format <= FORMAT_JSON_SHORT; format++)
                if (strcmp(text, names[format]) == 0) {
                        *ret = format;
                        return 0;
                }
        return fault_set(fault,
                        FAULT_INVALID_ARGUMENT,
                        "--json= takes pretty, short or off, not '%s'.",
                        text);
}

static int set_transport(Arguments *arguments, Transport transport, const char *target, Fault *fault)
{
        if (arguments->transport != TRANSPORT_SYSTEM &&
                        (arguments->transport != transport || transport != TRANSPORT_USER))
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "--user, --host= and --machine= exclude each other; give one of them once.");
        if (target && target[0] == '\0')
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "--host= and --machine= need a name.");
        arguments->transport = transport;
        arguments->target = target;
        return 0;
}

static int add_table(Arguments *arguments, const char *name, Fault *fault)
{
        const char **tables =
                        reallocarray(arguments->tables, arguments->n_tables + 1, sizeof *arguments->tables);

        if (!tables)
                return fault_set(fault, FAULT_FAILED, "Out of memory.");
        arguments->tables = tables;
        arguments->tables[arguments->n_tables++] = name;
        arguments->given |= OPTION_TABLE;
        return 0;
}

static int apply_option(int code, Arguments *arguments, Fault *fault)
{
        switch (code) {
        case 'h':
                arguments->help = true;
                return 0;
        case CODE_VERSION:
                arguments->version = true;
                return 0;
        case CODE_USER:
                return set_transport(arguments, TRANSPORT_USER, NULL, fault);
        case 'H':
                return set_transport(arguments, TRANSPORT_HOST, optarg, fault);
        case 'M':
                return set_transport(arguments, TRANSPORT_MACHINE, optarg, fault);
        case CODE_JSON:
                return parse_format(optarg, &arguments->format, fault);
        case CODE_NO_PAGER:
                arguments->no_pager = true;
                return 0;
        case CODE_NO_LEGEND:
                arguments->no_legend = true;
                return 0;
        case CODE_NO_ASK_PASSWORD:
                arguments->no_ask_password = true;
                return 0;
        case 'q':
                arguments->quiet = true;
                return 0;
        case CODE_WAIT:
        case CODE_NO_WAIT:
                arguments->no_wait = code == CODE_NO_WAIT;
                arguments->given |= OPTION_WAIT;
                return 0;
        case CODE_LABEL:
                arguments->label = optarg;
                arguments->given |= OPTION_LABEL;
                return 0;
        case CODE_AUTOMATIC:
                arguments->given |= OPTION_AUTOMATIC;
                return 0;
        case CODE_ALL:
                arguments->given |= OPTION_ALL;
                return 0;
        case CODE_DRY_RUN:
                arguments->given |= OPTION_DRY_RUN;
                return 0;
        case CODE_FROM:
                arguments->from = optarg;
                arguments->given |= OPTION_FROM;
                return 0;
        case CODE_KEEP:
                arguments->given |= OPTION_KEEP;
                return 0;
        case CODE_FORCE:
                arguments->given |= OPTION_FORCE;
                return 0;
        case CODE_RESCUE:
                arguments->given |= OPTION_RESCUE;
                return 0;
        case 'y':
                arguments->given |= OPTION_YES;
                return 0;
        case CODE_TABLE:
                return add_table(arguments, optarg, fault);
        case CODE_FORMAT:
                arguments->style = optarg;
                arguments->given |= OPTION_FORMAT;
                return 0;
        case CODE_REDACT:
                arguments->given |= OPTION_REDACT;
                return 0;
        case CODE_RESTORE:
                arguments->given |= OPTION_RESTORE;
                return 0;
        case CODE_IDENTITY:
                arguments->identity = optarg;
                arguments->given |= OPTION_IDENTITY;
                return 0;
        case CODE_PASSPHRASE_FILE:
                arguments->passphrase_file = optarg;
                arguments->given |= OPTION_PASSPHRASE;
                return 0;
        case CODE_SINCE:
        case CODE_UNTIL:
        case CODE_TYPE:
        case CODE_SEVERITY:
        case CODE_ACCOUNT:
        case CODE_LIMIT:
                arguments->filters[code - CODE_SINCE] = optarg;
                arguments->given |= (unsigned) OPTION_SINCE << (code - CODE_SINCE);
                return 0;
        default:
                return fault_set(fault, FAULT_FAILED, "An option lacks its code: this is a bug.");
        }
}

static int find_verb(const char *name, const Verb *verbs, const Verb **ret, Fault *fault)
{
        const char *names[64];
        size_t n = 0;

        for (; verbs[n].name && n < ELEMENTSOF(names); n++) {
                if (strcmp(verbs[n].name, name) == 0) {
                        *ret = verbs + n;
                        return 0;
                }
                names[n] = verbs[n].name;
        }
        return wrong_usage(fault, "Unknown verb", name, "", text_nearest(name, names, n));
}

/* Refuses options that the verb doesn't take, and too few or too many operands. */
static int check_verb(const Arguments *arguments, Fault *fault)
{
        const Verb *verb = arguments->verb;
        unsigned foreign = arguments->given & ~verb->options;

        for (size_t i = 0; i < ELEMENTSOF(option_help); i++)
                if (option_help[i].option & foreign)
                        return fault_set(fault,
                                        FAULT_INVALID_ARGUMENT,
                                        "'%s' does not take the option '%s'.",
                                        verb->name,
                                        option_help[i].spelling + strspn(option_help[i].spelling, " "));
        if (arguments->n_operands < verb->min_operands || arguments->n_operands > verb->max_operands)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "%s. Usage: oracxpredctl %s%s%s",
                                arguments->n_operands < verb->min_operands ? "An argument is missing"
                                                                           : "Too many arguments",
                                verb->name,
                                verb->operands[0] != '\0' ? " " : "",
                                verb->operands);
        return 0;
}

int arguments_parse(int argc, char **argv, const Verb *verbs, Arguments *ret, Fault *fault)
{
        _cleanup_(arguments_done) Arguments arguments = {0};
        int code, r;

        opterr = 0;
        optind = 0; /* start over, as GNU getopt wants it */
        while ((code = getopt_long(argc, argv, short_options, long_options, NULL)) >= 0) {
                if (code == ':')
                        return fault_set(fault,
                                        FAULT_INVALID_ARGUMENT,
                                        "The option '%s' needs a value.",
                                        argv[optind - 1]);
                if (code == '?' && optopt > 0 && optopt <= UCHAR_MAX) {
                        char given[] = {'-', (char) optopt, '\0'};

                        return unknown_option(given, fault);
                }
                if (code == '?' && optopt > UCHAR_MAX)
                        return fault_set(fault,
                                        FAULT_INVALID_ARGUMENT,
                                        "The option '%.*s' takes no value.",
                                        (int) strcspn(argv[optind - 1], "="),
                                        argv[optind - 1]);
                if (code == '?')
                        return unknown_option(argv[optind - 1], fault);
                r = apply_option(code, &arguments, fault);
                if (r < 0)
                        return r;
        }

        if (!arguments.help && !arguments.version) {
                arguments.verb = verbs;
                if (optind < argc) {
                        r = find_verb(argv[optind++], verbs, &arguments.verb, fault);
                        if (r < 0)
                                return r;
                }
                arguments.operands = argv + optind;
                arguments.n_operands = (size_t) (argc - optind);
                r = check_verb(&arguments, fault);
                if (r < 0)
                        return r;
        }
        *ret = arguments;
        arguments.tables = NULL; /* taken over */
        return 0;
}

void arguments_done(Arguments *arguments)
{
        free(arguments->tables);
        *arguments = (Arguments){0};
}

static void print_heading(FILE *stream, const char *text, bool colour)
{
        (void) fprintf(stream,
                        "\n%s%s:%s\n",
                        style_begin(STYLE_BOLD, colour),
                        text,
                        style_end(STYLE_BOLD, colour));
}

void arguments_print_help(FILE *stream, const Verb *verbs, bool colour)
{
        (void) fputs("oracxpredctl [OPTIONS...] VERB ...\n\n"
                     "Back up, check, restore and watch the ORACXPRED database.\n",
                        stream);
        for (const Verb *verb = verbs; verb->name; verb++) {
                char call[64];

                if (verb->group)
                        print_heading(stream, verb->group, colour);
                (void) snprintf(call, sizeof call, "%s %s", verb->name, verb->operands);
                (void) fprintf(stream, "  %-25s %s\n", call, verb->summary);
        }
        print_heading(stream, "Options", colour);
        for (size_t i = 0; i < ELEMENTSOF(option_help); i++)
                (void) fprintf(stream, "  %-28s %s\n", option_help[i].spelling, option_help[i].summary);
        print_heading(stream, "Exit status", colour);
        (void) fputs("  0 success, 2 wrong usage, 3 status: health is not ok, 4 doctor: warning, 5 doctor: "
                     "fault,\n"
                     "  1 failed; from 10 on, one number for each kind of fault.\n",
                        stream);
}
