/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>

#include "ctl/show/document.h"

/* A connection that nobody answers: enough to make messages with. */
typedef struct Fixture {
        sd_bus *bus;
        int peer;
} Fixture;

static int set_up(void **state)
{
        static Fixture fixture;
        int ends[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        assert_true(sd_bus_new(&fixture.bus) >= 0);
        assert_true(sd_bus_set_fd(fixture.bus, ends[0], ends[0]) >= 0);
        assert_true(sd_bus_start(fixture.bus) >= 0);
        fixture.peer = ends[1];
        *state = &fixture;
        return 0;
}

static int tear_down(void **state)
{
        Fixture *fixture = *state;

        sd_bus_close(fixture->bus);
        fixture->bus = sd_bus_unref(fixture->bus);
        return close(fixture->peer);
}

static sd_bus_message *new_message(void **state)
{
        Fixture *fixture = *state;
        sd_bus_message *message;

        assert_true(sd_bus_message_new_signal(fixture->bus, &message, "/x", "x.y", "Z") >= 0);
        return message;
}

static void finish(sd_bus_message *message)
{
        assert_true(sd_bus_message_seal(message, 1, 0) >= 0);
        assert_true(sd_bus_message_rewind(message, true) >= 0);
}

static void assert_json(json_object *document, const char *expected)
{
        assert_string_equal(json_object_to_json_string_ext(document,
                                            JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
                        expected);
}

static void properties_become_an_object(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = new_message(state);
        _cleanup_json_ json_object *document = NULL;

        assert_true(sd_bus_message_append(message,
                                    "a{sv}",
                                    5,
                                    "Health",
                                    "s",
                                    "ok",
                                    "Big",
                                    "t",
                                    UINT64_MAX,
                                    "Id",
                                    "u",
                                    UINT32_MAX,
                                    "Encrypted",
                                    "b",
                                    true,
                                    "Below",
                                    "i",
                                    -1) >= 0);
        finish(message);
        assert_int_equal(document_read(message, &document), 0);
        assert_json(document,
                        "{\"Health\":\"ok\",\"Big\":18446744073709551615,\"Id\":4294967295,\"Encrypted\":"
                        "true,\"Below\":-1}");
        assert_true(document_number(document, "Big") == UINT64_MAX);
        assert_true(document_flag(document, "Encrypted"));
        assert_string_equal(document_text(document, "Health"), "ok");
        assert_string_equal(document_text(document, "Big"), "");
        assert_string_equal(document_text(document, "Absent"), "");
        assert_int_equal(document_number(document, "Absent"), 0);
        assert_false(document_flag(document, "Absent"));
}

static void structures_get_their_names(void **state)
{
        static const char *const keys[] = {"Name", "Decision", "Reason", NULL};
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = new_message(state);
        _cleanup_json_ json_object *rows = NULL, *named = NULL;

        assert_true(sd_bus_message_append(message, "a(sss)", 2, "a", "keep", "recent", "b", "drop", "old") >=
                        0);
        finish(message);
        assert_int_equal(document_read(message, &rows), 0);
        assert_int_equal(document_name_fields(rows, keys, &named), 0);
        assert_json(named,
                        "[{\"Name\":\"a\",\"Decision\":\"keep\",\"Reason\":\"recent\"},"
                        "{\"Name\":\"b\",\"Decision\":\"drop\",\"Reason\":\"old\"}]");
}

static void empty_arrays_stay_arrays(void **state)
{
        static const char *const keys[] = {"Name", NULL};
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = new_message(state);
        _cleanup_json_ json_object *rows = NULL, *named = NULL;

        assert_true(sd_bus_message_append(message, "a(s)", 0) >= 0);
        finish(message);
        assert_int_equal(document_read(message, &rows), 0);
        assert_int_equal(document_name_fields(rows, keys, &named), 0);
        assert_json(named, "[]");
}

static void signals_are_read_by_field(void **state)
{
        static const char *const keys[] = {"Id", "Job", "Operation", NULL};
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = new_message(state);
        _cleanup_json_ json_object *fields = NULL;

        assert_true(sd_bus_message_append(message, "uos", 7U, "/job/7", "backup") >= 0);
        finish(message);
        assert_int_equal(document_read_fields(message, keys, &fields), 0);
        assert_json(fields, "{\"Id\":7,\"Job\":\"/job/7\",\"Operation\":\"backup\"}");
}

static void missing_fields_are_a_fault(void **state)
{
        static const char *const keys[] = {"Id", "Job", NULL};
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = new_message(state);
        json_object *fields = NULL;

        assert_true(sd_bus_message_append(message, "u", 7U) >= 0);
        finish(message);
        assert_true(document_read_fields(message, keys, &fields) < 0);
        assert_null(fields);
}

static void tables_and_reasons_are_shaped(void **state)
{
        _cleanup_json_ json_object *document =
                        json_tokener_parse("{\"Health\":\"stale\",\"Tables\":[[\"alerts\",0],[\"users\",3]],"
                                           "\"HealthReasons\":[[\"no-backup\",\"None.\"]]}");

        assert_int_equal(document_shape_properties(document), 0);
        assert_json(document_member(document, "Tables"), "{\"alerts\":0,\"users\":3}");
        assert_json(document_member(document, "HealthReasons"),
                        "[{\"Code\":\"no-backup\",\"Message\":\"None.\"}]");
}

/* A service of another version, at the other end of --host, may say anything. */
static void foreign_shapes_are_refused(void **state)
{
        static const char *const foreign[] = {
                        "{\"Tables\":7}",
                        "{\"Tables\":[7]}",
                        "{\"Tables\":[[]]}",
                        "{\"Tables\":[[7,\"users\"]]}",
                        "{\"HealthReasons\":\"none\"}",
                        "{\"HealthReasons\":[[\"alone\"]]}",
                        "{\"HealthReasons\":[\"text\"]}",
        };

        for (size_t i = 0; i < ELEMENTSOF(foreign); i++) {
                _cleanup_json_ json_object *document = json_tokener_parse(foreign[i]);

                assert_non_null(document);
                assert_int_equal(document_shape_properties(document), -EBADMSG);
        }
}

static void printing_escapes_what_terminals_obey(void **state)
{
        _cleanup_json_ json_object *document = json_object_new_object(), *again = NULL;
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        assert_int_equal(document_put(document,
                                         "Label",
                                         json_object_new_string("a\x1b[m\x7f\xc2\x9b/é\xc2\xa9")),
                        0);
        assert_int_equal(document_print(document, false, stream), 0);
        assert_int_equal(fclose(stream), 0);
        assert_string_equal(text, "{\"Label\":\"a\\u001b[m\\u007f\\u009b/é\xc2\xa9\"}\n");
        again = json_tokener_parse(text);
        assert_string_equal(document_text(again, "Label"), document_text(document, "Label"));
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                        cmocka_unit_test_setup_teardown(properties_become_an_object, set_up, tear_down),
                        cmocka_unit_test_setup_teardown(structures_get_their_names, set_up, tear_down),
                        cmocka_unit_test_setup_teardown(empty_arrays_stay_arrays, set_up, tear_down),
                        cmocka_unit_test_setup_teardown(signals_are_read_by_field, set_up, tear_down),
                        cmocka_unit_test_setup_teardown(missing_fields_are_a_fault, set_up, tear_down),
                        cmocka_unit_test(tables_and_reasons_are_shaped),
                        cmocka_unit_test(foreign_shapes_are_refused),
                        cmocka_unit_test(printing_escapes_what_terminals_obey),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
