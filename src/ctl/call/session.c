/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/call/session.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/names.h"
#include "ctl/call/agent.h"
#include "ctl/call/patience.h"
#include "ctl/show/terminal.h"
#include "ctl/show/text.h"

#define QUEUE_FULL_BOUND_USEC (20 * USEC_PER_SEC)
#define QUEUE_FULL_PAUSE_USEC (100 * USEC_PER_MSEC)

/* More than the service waits for polkit's answer. */
#define QUESTION_TIMEOUT_USEC (4 * USEC_PER_MINUTE)

static const char *way_out(const Session *session)
{
        return session->arguments->transport == TRANSPORT_USER
                               ? "`systemctl --user start oracxpredd` starts it; `journalctl --user -u "
                                 "oracxpredd` says why it isn't there."
                               : "`systemctl start oracxpredd` starts it; `journalctl -u oracxpredd` says "
                                 "why it isn't there.";
}

static int cannot_connect(const Session *session, int r, Fault *fault)
{
        const Arguments *arguments = session->arguments;

        switch (arguments->transport) {
        case TRANSPORT_HOST:
        case TRANSPORT_MACHINE:
                return fault_set(fault,
                                FAULT_NOT_RUNNING,
                                "Can't reach the system bus of '%s': %s.",
                                arguments->target,
                                strerror(-r));
        case TRANSPORT_USER:
                return fault_set(fault,
                                FAULT_NOT_RUNNING,
                                "Can't connect to the user's bus: %s. Is DBUS_SESSION_BUS_ADDRESS set?",
                                strerror(-r));
        case TRANSPORT_SYSTEM:
        default:
                return fault_set(fault,
                                FAULT_NOT_RUNNING,
                                "Can't connect to the system bus: %s. `systemctl status dbus` says whether "
                                "it runs.",
                                strerror(-r));
        }
}

/* Lets the service ask for a password, and a person take the time to type it. On another host or in a
 * container nobody could be asked by an agent of this one. */
static int allow_questions(Session *session)
{
        int r = sd_bus_set_allow_interactive_authorization(session->bus, true);

        if (r >= 0)
                r = sd_bus_set_method_call_timeout(session->bus, QUESTION_TIMEOUT_USEC);
        if (r >= 0 && session->arguments->transport == TRANSPORT_SYSTEM)
                agent_open();
        return r;
}

int session_open(Session *session, Fault *fault)
{
        const Arguments *arguments = session->arguments;
        int r;

        switch (arguments->transport) {
        case TRANSPORT_USER:
                r = sd_bus_open_user_with_description(&session->bus, "oracxpredctl");
                break;
        case TRANSPORT_HOST:
                r = sd_bus_open_system_remote(&session->bus, arguments->target);
                break;
        case TRANSPORT_MACHINE:
                r = sd_bus_open_system_machine(&session->bus, arguments->target);
                break;
        case TRANSPORT_SYSTEM:
        default:
                r = sd_bus_open_system_with_description(&session->bus, "oracxpredctl");
        }
        if (r >= 0 && !arguments->verb->reads && !arguments->no_ask_password)
                r = allow_questions(session);
        return r < 0 ? cannot_connect(session, r, fault) : 0;
}

void session_done(Session *session)
{
        agent_close();
        session->bus = sd_bus_flush_close_unref(session->bus);
}

static FaultCode code_from_standard_error(const char *name)
{
        static const struct {
                const char *name;
                FaultCode code;
        } standard[] = {
                        {SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, FAULT_ACCESS_DENIED},
                        {SD_BUS_ERROR_UNKNOWN_OBJECT, FAULT_NOT_FOUND},
                        {SD_BUS_ERROR_INVALID_ARGS, FAULT_INVALID_ARGUMENT},
                        {SD_BUS_ERROR_UNKNOWN_METHOD, FAULT_NOT_SUPPORTED},
                        {SD_BUS_ERROR_UNKNOWN_INTERFACE, FAULT_NOT_SUPPORTED},
                        {SD_BUS_ERROR_UNKNOWN_PROPERTY, FAULT_NOT_SUPPORTED},
                        {SD_BUS_ERROR_NOT_SUPPORTED, FAULT_NOT_SUPPORTED},
                        {SD_BUS_ERROR_LIMITS_EXCEEDED, FAULT_BUSY},
                        {SD_BUS_ERROR_SERVICE_UNKNOWN, FAULT_NOT_RUNNING},
                        {SD_BUS_ERROR_NAME_HAS_NO_OWNER, FAULT_NOT_RUNNING},
                        {SD_BUS_ERROR_NO_REPLY, FAULT_NOT_RUNNING},
                        {SD_BUS_ERROR_TIMEOUT, FAULT_NOT_RUNNING},
                        {"org.freedesktop.DBus.Error.TimedOut", FAULT_NOT_RUNNING},
                        {SD_BUS_ERROR_DISCONNECTED, FAULT_NOT_RUNNING},
        };
        FaultCode code = fault_code_from_bus_name(name);

        if (code != _FAULT_INVALID)
                return code;
        for (size_t i = 0; i < ELEMENTSOF(standard); i++)
                if (strcmp(standard[i].name, name) == 0)
                        return standard[i].code;
        /* The bus could not start it: by itself, or through systemd. */
        if (strncmp(name,
                            "org.freedesktop.DBus.Error.Spawn.",
                            strlen("org.freedesktop.DBus.Error.Spawn.")) == 0 ||
                        strncmp(name, "org.freedesktop.systemd1.", strlen("org.freedesktop.systemd1.")) == 0)
                return FAULT_NOT_RUNNING;
        return FAULT_FAILED;
}

/* For a caller whom a password would let in. */
static const char *way_in(const Session *session)
{
        if (session->arguments->no_ask_password)
                return ". Leave --no-ask-password out, or use sudo.";
        return isatty(STDIN_FILENO) ? ". `pkttyagent` asks for it where it is installed; or use sudo."
                                    : ". Run this on a terminal to be asked for it, or use sudo.";
}

int session_set_fault(const Session *session, const sd_bus_error *error, int r, Fault *fault)
{
        FaultCode code;

        /* What sd-bus itself met, before there was any answer, it names after the errno. */
        if (!sd_bus_error_is_set(error) ||
                        strncmp(error->name, "System.Error.", strlen("System.Error.")) == 0) {
                if (r == -ECONNRESET || r == -ENOTCONN || r == -EPIPE || r == -ESHUTDOWN)
                        return cannot_connect(session, r, fault);
                return session_set_errno(r, fault);
        }
        code = code_from_standard_error(error->name);
        if (sd_bus_error_has_names(error, SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
                return fault_set(fault, code, "The service is not running. %s", way_out(session));
        if (code == FAULT_NOT_RUNNING)
                return fault_set(fault,
                                code,
                                "The service does not answer (%s). %s",
                                error->message ? error->message : error->name,
                                way_out(session));
        return fault_set(fault,
                        code,
                        "%s%s",
                        error->message && error->message[0] ? error->message : error->name,
                        sd_bus_error_has_name(error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED)
                                        ? way_in(session)
                                        : "");
}

int session_set_errno(int r, Fault *fault)
{
        if (r == -ENOMEM)
                return fault_set(fault, FAULT_FAILED, "Out of memory.");
        if (r == -EBADMSG || r == -ENXIO || r == -EOPNOTSUPP || r == -ENODATA)
                return fault_set(fault,
                                FAULT_NOT_SUPPORTED,
                                "The service answers in a form that this oracxpredctl doesn't know. Are "
                                "both of the same version?");
        return fault_set_errno(fault, r, "Can't talk to the service");
}

int session_new_call(Session *session,
                const char *path,
                const char *interface,
                const char *method,
                sd_bus_message **ret,
                Fault *fault)
{
        int r = sd_bus_message_new_method_call(session->bus, ret, BUS_NAME, path, interface, method);

        if (r >= 0)
                r = sd_bus_message_set_auto_start(*ret, !session->no_auto_start);
        return r < 0 ? session_set_errno(r, fault) : 0;
}

/* The bus refuses to deliver while somebody else has filled the service's queue, which the service empties
 * as fast as it can. What was refused was not delivered, so it can be sent again. */
static int call_patiently(Session *session,
                sd_bus_message *call,
                uint64_t timeout_usec,
                sd_bus_error *error,
                sd_bus_message **ret_reply)
{
        uint64_t until_usec = clock_monotonic_usec() + QUEUE_FULL_BOUND_USEC;

        for (;;) {
                int r = sd_bus_call(session->bus, call, timeout_usec, error, ret_reply);

                if (r >= 0 || !sd_bus_error_has_name(error, SD_BUS_ERROR_LIMITS_EXCEEDED) ||
                                clock_monotonic_usec() >= until_usec)
                        return r;
                sd_bus_error_free(error);
                (void) usleep(QUEUE_FULL_PAUSE_USEC);
        }
}

int session_call(Session *session,
                sd_bus_message *call,
                uint64_t timeout_usec,
                const char *signature,
                sd_bus_message **ret_reply,
                Fault *fault)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Patience *patience = patience_begin(session);
        int r = call_patiently(session, call, timeout_usec, &error, &reply);

        (void) patience_end(patience);
        if (r < 0)
                return session_set_fault(session, &error, r, fault);
        if (!sd_bus_message_has_signature(reply, signature))
                return session_set_errno(-EBADMSG, fault);
        if (ret_reply)
                *ret_reply = TAKE_PTR(reply);
        return 0;
}

int session_get_properties(
                Session *session, const char *path, const char *interface, json_object **ret, Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_json_ json_object *properties = NULL;
        int r = session_new_call(session, path, "org.freedesktop.DBus.Properties", "GetAll", &call, fault);

        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "s", interface);
        if (r < 0)
                return session_set_errno(r, fault);
        r = session_call(session, call, 0, "a{sv}", &reply, fault);
        if (r < 0)
                return r;
        r = document_read(reply, &properties);
        if (r >= 0)
                r = document_shape_properties(properties);
        if (r < 0)
                return session_set_errno(r, fault);
        *ret = TAKE_PTR(properties);
        return 0;
}

bool session_json(const Session *session)
{
        return session->arguments->format != FORMAT_TEXT;
}

int session_print_document(Session *session, json_object *document, Fault *fault)
{
        int r = document_print(document, session->arguments->format == FORMAT_JSON_PRETTY, stdout);

        if (r < 0)
                return session_set_errno(r, fault);
        session->document_printed = true;
        return 0;
}

int session_print_table(const Session *session, const Table *table, Fault *fault)
{
        int r = table_print(table, stdout, !session->arguments->no_legend, terminal_colour());

        return r < 0 ? session_set_errno(r, fault) : 0;
}

void session_print_legend(const Session *session, const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list arguments;
        int r;

        if (session->arguments->no_legend)
                return;
        va_start(arguments, format);
        r = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (r < 0) {
                text = NULL;
                return;
        }
        (void) fputc('\n', stdout);
        text_print(stdout, text);
        (void) fputc('\n', stdout);
}
