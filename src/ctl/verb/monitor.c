/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* monitor: what happens in the service, a line each as it happens, until interrupted. */

#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/names.h"
#include "ctl/show/terminal.h"
#include "ctl/show/text.h"
#include "ctl/verb/verbs.h"

static const struct {
        const char *member;
        const char *keys[7];
} signals[] = {
                {"JobNew", {"Id", "Job", "Operation"}},
                {"JobRemoved", {"Id", "Job", "Operation", "Result", "Error", "Message"}},
                {"BackupCreated", {"Job", "Name", "Backup"}},
                {"BackupRemoved", {"Name", "Backup"}},
                {"CorruptionDetected", {"Finding"}},
                {"DatabaseRepaired", {"Job", "Objects", "Quarantine"}},
                {"DatabaseRestored", {"Job", "Name", "Method", "Automatic", "SavedAs", "Quarantine"}},
};

static int json_event(Session *session, const char *signal, json_object *fields)
{
        _cleanup_json_ json_object *event = json_object_new_object();

        if (!event || document_put(event, "TimeUSec", json_object_new_uint64(clock_now_usec())) < 0 ||
                        document_put(event, "Signal", json_object_new_string(signal)) < 0)
                return -ENOMEM;
        json_object_object_foreach (fields, key, value) {
                if (document_put(event, key, json_object_get(value)) < 0)
                        return -ENOMEM;
        }
        /* A line for each, whatever was asked for: a reader must be able to tell where one ends. */
        return document_print(event, false, stdout);
}

static void print_event(Style style, const char *text)
{
        time_t now = (time_t) (clock_now_usec() / USEC_PER_SEC);
        char when[32] = "";
        struct tm tm;

        if (localtime_r(&now, &tm))
                (void) strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
        (void) printf("%s  %s", when, style_begin(style, terminal_colour()));
        text_print(stdout, text);
        (void) printf("%s\n", style_end(style, terminal_colour()));
}

static int print_eventf(Style style, const char *format, ...) _printf_(2, 3);
static int print_eventf(Style style, const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list arguments;
        int r;

        va_start(arguments, format);
        r = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (r < 0) {
                text = NULL;
                return -ENOMEM;
        }
        print_event(style, text);
        return 0;
}

static int print_signal(const char *member, json_object *fields)
{
        const char *result = document_text(fields, "Result"), *message = document_text(fields, "Message");

        if (strcmp(member, "JobNew") == 0)
                return print_eventf(STYLE_PLAIN,
                                "job %" PRIu64 " queued: %s",
                                document_number(fields, "Id"),
                                document_text(fields, "Operation"));
        if (strcmp(member, "JobRemoved") == 0)
                return print_eventf(strcmp(result, "failed") == 0 ? STYLE_BAD : STYLE_PLAIN,
                                "job %" PRIu64 " %s: %s%s%s",
                                document_number(fields, "Id"),
                                result,
                                document_text(fields, "Operation"),
                                message[0] != '\0' ? ": " : "",
                                message);
        if (strcmp(member, "CorruptionDetected") == 0)
                return print_eventf(
                                STYLE_BAD, "the database is corrupt: %s", document_text(fields, "Finding"));
        if (strcmp(member, "DatabaseRestored") == 0)
                return print_eventf(STYLE_BOLD,
                                "the database was restored%s: %s",
                                document_flag(fields, "Automatic") ? " automatically" : "",
                                document_text(fields, "Name"));
        if (strcmp(member, "DatabaseRepaired") == 0)
                return print_eventf(STYLE_BOLD, "the database was repaired in place, and no row was lost");
        return print_eventf(STYLE_BOLD,
                        "backup %s: %s",
                        strcmp(member, "BackupCreated") == 0 ? "made" : "gone",
                        document_text(fields, "Name"));
}

static int on_manager_signal(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Session *session = userdata;
        const char *member = sd_bus_message_get_member(message);

        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                _cleanup_json_ json_object *fields = NULL;
                int r;

                if (strcmp(signals[i].member, member) != 0)
                        continue;
                r = document_read_fields(message, signals[i].keys, &fields);
                if (r < 0)
                        return r;
                return session_json(session) ? json_event(session, member, fields)
                                             : print_signal(member, fields);
        }
        return 0;
}

/* For people only what changes how they sleep; for programs everything, progress of jobs included. */
static int print_changes(json_object *changed)
{
        const char *health = document_text(changed, "Health");

        if (health[0] == '\0')
                return 0;
        return print_eventf(strcmp(health, "ok") == 0 ? STYLE_GOOD : STYLE_WARNING, "health: %s", health);
}

static int on_properties_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        static const char *const keys[] = {"Interface", "Changed", "Invalidated", NULL};
        _cleanup_json_ json_object *fields = NULL;
        Session *session = userdata;
        json_object *changed;
        int r = document_read_fields(message, keys, &fields);

        if (r < 0)
                return r;
        changed = document_member(fields, "Changed");
        if (!json_object_is_type(changed, json_type_object))
                return 0;
        if (!session_json(session))
                return strcmp(document_text(fields, "Interface"), BUS_INTERFACE_MANAGER) == 0
                                       ? print_changes(changed)
                                       : 0;
        r = document_shape_properties(changed);
        if (r >= 0)
                r = document_put(fields, "Path", json_object_new_string(sd_bus_message_get_path(message)));
        return r < 0 ? r : json_event(session, "PropertiesChanged", fields);
}

static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        static const char *const keys[] = {"Name", "OldOwner", "NewOwner", NULL};
        _cleanup_json_ json_object *fields = NULL;
        Session *session = userdata;
        bool there;
        int r = document_read_fields(message, keys, &fields);

        if (r < 0)
                return r;
        if (session_json(session))
                return json_event(session, "NameOwnerChanged", fields);
        there = document_text(fields, "NewOwner")[0] != '\0';
        return print_eventf(there ? STYLE_PLAIN : STYLE_WARNING,
                        "the service %s",
                        there ? "is there" : "went away");
}

static int subscribe(Session *session)
{
        static const struct {
                const char *rule;
                sd_bus_message_handler_t handler;
        } rules[] = {
                        {"type='signal',sender='" BUS_NAME "',path='" BUS_PATH
                         "',interface='" BUS_INTERFACE_MANAGER "'",
                                        on_manager_signal},
                        {"type='signal',sender='" BUS_NAME "',path_namespace='" BUS_PATH
                         "',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged'",
                                        on_properties_changed},
                        {"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0="
                         "'" BUS_NAME "'",
                                        on_owner_changed},
        };

        for (size_t i = 0; i < ELEMENTSOF(rules); i++) {
                /* Floating: the bus keeps them as long as it lasts. */
                int r = sd_bus_add_match(session->bus, NULL, rules[i].rule, rules[i].handler, session);

                if (r < 0)
                        return r;
        }
        return 0;
}

int verb_monitor(Session *session, Fault *fault)
{
        int r = subscribe(session);

        if (r >= 0 && !session->arguments->quiet)
                (void) fputs("Watching the service; interrupt to end.\n", stderr);
        /* Interrupting is the way to end this, and needs no goodbye: the default action of the signal does.
         */
        while (r >= 0) {
                r = sd_bus_process(session->bus, NULL);
                if (r == 0) {
                        if (fflush(stdout) != 0)
                                return fault_set_errno(fault, errno, "Can't write to standard output");
                        r = sd_bus_wait(session->bus, UINT64_MAX);
                        if (r == -EINTR)
                                r = 0;
                }
        }
        return session_set_fault(session, &SD_BUS_ERROR_NULL, r, fault);
}
