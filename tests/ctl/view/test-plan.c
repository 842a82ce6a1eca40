/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "ctl/view/plan.h"

static json_object *parse(const char *text)
{
        json_object *object = json_tokener_parse(text);

        assert_non_null(object);
        return object;
}

static void counts_that_are_not_known_are_left_out(void **state)
{
        _cleanup_json_ json_object *plan =
                        parse("{\"Tables\": [[\"both\", true, 3, true, 2],"
                              " [\"gone\", false, 0, true, 7], [\"new\", true, 0, false, 0]],"
                              " \"Processes\": [[42, \"python3\"]]}");

        assert_int_equal(plan_shape(plan), 0);
        assert_string_equal(json_object_to_json_string_ext(plan, JSON_C_TO_STRING_PLAIN),
                        "{\"Tables\":[{\"Table\":\"both\",\"Now\":3,\"Then\":2},"
                        "{\"Table\":\"gone\",\"Then\":7},{\"Table\":\"new\",\"Now\":0}],"
                        "\"Processes\":[{\"PID\":42,\"Name\":\"python3\"}]}");
}

static void other_forms_are_refused(void **state)
{
        static const char *const others[] = {"{}",
                        "{\"Tables\": 3, \"Processes\": []}",
                        "{\"Tables\": [[\"a\", 1, 2]], \"Processes\": []}",
                        "{\"Tables\": [], \"Processes\": [[1]]}"};

        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                _cleanup_json_ json_object *plan = parse(others[i]);

                assert_int_equal(plan_shape(plan), -EBADMSG);
        }
}

/* What plan_print() writes to standard output, with the environment's locale and time zone. */
static void print(const char *text, char *ret, size_t size)
{
        static const Arguments arguments = {0};
        const Session session = {.arguments = &arguments};
        _cleanup_json_ json_object *plan = parse(text);
        _cleanup_fault_ Fault fault = {0};
        FILE *standard = stdout;
        int r;

        assert_int_equal(plan_shape(plan), 0);
        stdout = fmemopen(ret, size, "w");
        assert_non_null(stdout);
        r = plan_print(&session, plan, &fault);
        (void) fclose(stdout);
        stdout = standard;
        assert_int_equal(r, 0);
}

static void assert_line(const char *text, const char *line)
{
        if (!strstr(text, line))
                fail_msg("no \"%s\" in:\n%s", line, text);
}

static void plan_says_what_will_happen(void **state)
{
        char shown[4096];

        print("{\"Name\":\"b1\",\"CreatedUSec\":1,\"Method\":\"replace\",\"CurrentProblem\":\"not a "
              "database\","
              "\"RefusedInUse\":true,\"StopsUnits\":true,\"Units\":[\"a.service\"],\"NeededBytes\":1048576,"
              "\"FreeBytes\":1024,\"SavesAs\":\"\",\"Quarantine\":\"/q\",\"Processes\":[[42,\"python3\"]],"
              "\"Tables\":[[\"users\",true,12,true,10],[\"x\",false,0,true,1],[\"same\",true,1,true,1],"
              "[\"more\",true,1,true,4]]}",
                        shown,
                        sizeof shown);
        assert_line(shown, "Restore: b1\n");
        assert_line(shown, "Database now: not a database\n");
        assert_line(shown, "a new file takes the place of the old one");
        assert_line(shown, "unless --force is given");
        assert_line(shown, "python3 (process 42)");
        assert_line(shown, "a.service is stopped meanwhile");
        assert_line(shown, "1.0 MiB needed, 1.0 KiB free");
        assert_line(shown, "whole, in /q");
        assert_line(shown, "users          12   10     -2\n");
        assert_line(shown, "x               -    1");
        assert_line(shown, "same            1    1      =\n");
        assert_line(shown, "more            1    4     +3\n");
}

static void plan_in_place_is_short(void **state)
{
        char shown[4096];

        print("{\"Name\":\"b1\",\"CreatedUSec\":1,\"Method\":\"in-place\",\"CurrentProblem\":\"\","
              "\"RefusedInUse\":false,\"StopsUnits\":false,\"Units\":[\"a.service\"],\"NeededBytes\":1,"
              "\"FreeBytes\":2,\"SavesAs\":\"b2\",\"Quarantine\":\"\",\"Processes\":[],\"Tables\":[]}",
                        shown,
                        sizeof shown);
        assert_line(shown, "in place; connected processes stay connected\n");
        assert_line(shown, "what is there now, as the backup b2\n");
        assert_null(strstr(shown, "a.service"));
        assert_null(strstr(shown, "Database now"));
        assert_null(strstr(shown, "TABLE"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(counts_that_are_not_known_are_left_out),
                        cmocka_unit_test(other_forms_are_refused),
                        cmocka_unit_test(plan_says_what_will_happen),
                        cmocka_unit_test(plan_in_place_is_short),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
