/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "ctl/call/arguments.h"

static const Verb verbs[] = {
                {"status", "", 0, 0, 0, "Show", "State", NULL},
                {"backup", "", 0, 0, OPTION_LABEL | OPTION_AUTOMATIC | OPTION_WAIT, "Take", "Backups", NULL},
                {"verify", "[NAME|--all]", 0, 1, OPTION_ALL | OPTION_WAIT, "Prove", NULL, NULL},
                {"export",
                                "[FILE|-]",
                                0,
                                1,
                                OPTION_TABLE | OPTION_FORMAT | OPTION_REDACT,
                                "Write",
                                NULL,
                                NULL},
                {"restore",
                                "[NAME]",
                                0,
                                1,
                                OPTION_FROM | OPTION_FORCE | OPTION_YES | OPTION_RESTORE,
                                "Put",
                                NULL,
                                NULL},
                {"delete", "NAME...", 1, SIZE_MAX, OPTION_WAIT, "Remove", NULL, NULL},
                {0},
};

enum { WORDS_MAX = 8 };

static int parse(const char *const *words, Arguments *ret, Fault *fault)
{
        static char *argv[WORDS_MAX + 2];
        int argc = 1;

        argv[0] = (char *) "oracxpredctl";
        for (; *words; words++)
                argv[argc++] = (char *) *words;
        argv[argc] = NULL;
        return arguments_parse(argc, argv, verbs, ret, fault);
}
#define PARSE(arguments, fault, ...) parse((const char *const[]){__VA_ARGS__, NULL}, arguments, fault)

#define ASSERT_REFUSED(hint, ...)                                              \
        do {                                                                   \
                Arguments refused_ = {0};                                      \
                _cleanup_fault_ Fault fault_ = {0};                            \
                assert_true(PARSE(&refused_, &fault_, __VA_ARGS__) < 0);       \
                assert_int_equal(fault_.code, FAULT_INVALID_ARGUMENT);         \
                if (!strstr(fault_.message, hint))                             \
                        fail_msg("\"%s\" lacks \"%s\"", fault_.message, hint); \
        } while (false)

static void nothing_means_status(void **state)
{
        Arguments arguments;

        assert_int_equal(parse((const char *const[]){NULL}, &arguments, NULL), 0);
        assert_string_equal(arguments.verb->name, "status");
        assert_int_equal(arguments.transport, TRANSPORT_SYSTEM);
        assert_int_equal(arguments.format, FORMAT_TEXT);
        assert_false(arguments.no_wait);
        assert_false(arguments.no_ask_password);
}

static void options_stand_before_and_after_the_verb(void **state)
{
        Arguments arguments;

        assert_int_equal(PARSE(&arguments,
                                         NULL,
                                         "--json=short",
                                         "backup",
                                         "--label=a b",
                                         "-q",
                                         "--no-wait",
                                         "--no-ask-password"),
                        0);
        assert_string_equal(arguments.verb->name, "backup");
        assert_int_equal(arguments.format, FORMAT_JSON_SHORT);
        assert_string_equal(arguments.label, "a b");
        assert_true(arguments.quiet);
        assert_true(arguments.no_wait);
        assert_true(arguments.no_ask_password);
        assert_int_equal(arguments.given, OPTION_LABEL | OPTION_WAIT);
        assert_int_equal(arguments.n_operands, 0);
}

static void later_wait_wins(void **state)
{
        Arguments arguments;

        assert_int_equal(PARSE(&arguments, NULL, "backup", "--no-wait", "--wait"), 0);
        assert_false(arguments.no_wait);
}

static void operands_are_kept_in_order(void **state)
{
        Arguments arguments;

        assert_int_equal(PARSE(&arguments, NULL, "delete", "one", "-q", "two", "--", "-three"), 0);
        assert_int_equal(arguments.n_operands, 3);
        assert_string_equal(arguments.operands[0], "one");
        assert_string_equal(arguments.operands[1], "two");
        assert_string_equal(arguments.operands[2], "-three");
        assert_null(arguments.operands[3]);
}

static void transports_are_read(void **state)
{
        Arguments arguments;

        assert_int_equal(PARSE(&arguments, NULL, "-H", "me@there"), 0);
        assert_int_equal(arguments.transport, TRANSPORT_HOST);
        assert_string_equal(arguments.target, "me@there");
        assert_int_equal(PARSE(&arguments, NULL, "--machine=box", "status"), 0);
        assert_int_equal(arguments.transport, TRANSPORT_MACHINE);
        assert_string_equal(arguments.target, "box");
        assert_int_equal(PARSE(&arguments, NULL, "--user", "--user"), 0);
        assert_int_equal(arguments.transport, TRANSPORT_USER);
        ASSERT_REFUSED("exclude each other", "--user", "-M", "box");
        ASSERT_REFUSED("need a name", "--host=");
}

static void slips_get_a_hint(void **state)
{
        ASSERT_REFUSED("Did you mean 'backup'?", "bakcup");
        ASSERT_REFUSED("--help", "frobnicate");
        ASSERT_REFUSED("Did you mean '--no-wait'?", "backup", "--nowait");
        ASSERT_REFUSED("Did you mean '--label'?", "backup", "--lable=x");
        ASSERT_REFUSED("Unknown option '-z'", "-z");
}

static void values_are_checked(void **state)
{
        ASSERT_REFUSED("pretty, short or off", "--json=xml");
        ASSERT_REFUSED("needs a value", "backup", "--label");
        ASSERT_REFUSED("needs a value", "-H");
        ASSERT_REFUSED("takes no value", "verify", "--all=yes");
}

static void foreign_options_are_refused(void **state)
{
        ASSERT_REFUSED("'status' does not take the option '--label=TEXT'", "status", "--label=x");
        ASSERT_REFUSED("'backup' does not take the option '--all'", "backup", "--all");
        ASSERT_REFUSED("does not take the option '--no-wait'", "status", "--no-wait");
}

static void operands_are_counted(void **state)
{
        ASSERT_REFUSED("missing. Usage: oracxpredctl delete NAME...", "delete");
        ASSERT_REFUSED("Too many arguments. Usage: oracxpredctl verify", "verify", "a", "b");
        ASSERT_REFUSED("Too many", "status", "x");
}

static void tables_are_kept_in_order(void **state)
{
        _cleanup_(arguments_done) Arguments arguments = {0};

        assert_int_equal(
                        PARSE(&arguments, NULL, "export", "--table=b", "-", "--table", "a", "--table=b"), 0);
        assert_int_equal(arguments.n_tables, 3);
        assert_string_equal(arguments.tables[0], "b");
        assert_string_equal(arguments.tables[1], "a");
        assert_string_equal(arguments.tables[2], "b");
        assert_string_equal(arguments.operands[0], "-");
        assert_null(arguments.style);
        /* What was collected is freed when the rest is wrong. */
        ASSERT_REFUSED("Unknown option", "export", "--table=b", "--tabel=c");
}

static void options_of_recovery_are_read(void **state)
{
        Arguments arguments;

        assert_int_equal(PARSE(&arguments, NULL, "export", "--format=lines", "--redact"), 0);
        assert_string_equal(arguments.style, "lines");
        assert_int_equal(arguments.given, OPTION_FORMAT | OPTION_REDACT);
        assert_int_equal(PARSE(&arguments, NULL, "restore", "-y", "--from=f", "--force", "--restore"), 0);
        assert_string_equal(arguments.from, "f");
        assert_int_equal(arguments.given, OPTION_YES | OPTION_FROM | OPTION_FORCE | OPTION_RESTORE);
        assert_int_equal(PARSE(&arguments, NULL, "restore", "--yes"), 0);
        assert_int_equal(arguments.given, OPTION_YES);
        ASSERT_REFUSED("'status' does not take the option '-y --yes'", "status", "-y");
}

static void help_needs_no_sense(void **state)
{
        Arguments arguments;

        assert_int_equal(PARSE(&arguments, NULL, "frobnicate", "--help"), 0);
        assert_true(arguments.help);
        assert_int_equal(PARSE(&arguments, NULL, "--version"), 0);
        assert_true(arguments.version);
}

static void help_names_every_verb_and_option(void **state)
{
        static const char *const options[] = {
                        "--help", "--json", "--no-wait", "--label", "--host", "--dry-run"};
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        arguments_print_help(stream, verbs, false);
        assert_int_equal(fclose(stream), 0);
        for (const Verb *verb = verbs; verb->name; verb++) {
                char line[64];

                (void) snprintf(line, sizeof line, "\n  %s ", verb->name);
                assert_non_null(strstr(text, line));
        }
        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                assert_non_null(strstr(text, options[i]));
        assert_null(strchr(text, '\x1b'));
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                        cmocka_unit_test(nothing_means_status),
                        cmocka_unit_test(options_stand_before_and_after_the_verb),
                        cmocka_unit_test(later_wait_wins),
                        cmocka_unit_test(operands_are_kept_in_order),
                        cmocka_unit_test(transports_are_read),
                        cmocka_unit_test(slips_get_a_hint),
                        cmocka_unit_test(values_are_checked),
                        cmocka_unit_test(foreign_options_are_refused),
                        cmocka_unit_test(operands_are_counted),
                        cmocka_unit_test(tables_are_kept_in_order),
                        cmocka_unit_test(options_of_recovery_are_read),
                        cmocka_unit_test(help_needs_no_sense),
                        cmocka_unit_test(help_names_every_verb_and_option),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
