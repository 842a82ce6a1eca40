/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One run of oracxpredctl: the command line, the connection to the bus, and where its output goes. Calls are
 * synchronous; everything is used from the one thread there is. */

#include <systemd/sd-bus.h>

#include "ctl/call/arguments.h"
#include "ctl/show/document.h"
#include "ctl/show/table.h"

struct Session {
        const Arguments *arguments;
        sd_bus *bus;
        bool document_printed; /* --json promises exactly one */
        bool no_auto_start;    /* calls don't have the bus start the service */
};

/* Connects as the arguments say. FAULT_NOT_RUNNING when there is no such bus. */
int session_open(Session *session, Fault *fault);
void session_done(Session *session);

/* A call to the service that is still to be given its arguments. */
int session_new_call(Session *session,
                const char *path,
                const char *interface,
                const char *method,
                sd_bus_message **ret,
                Fault *fault);

/* Sends a call and waits for its answer: `timeout_usec` 0 is the bus's own 25 s, UINT64_MAX for as long as
 * the service is there. `signature` is what the answer must have. */
int session_call(Session *session,
                sd_bus_message *call,
                uint64_t timeout_usec,
                const char *signature,
                sd_bus_message **ret_reply,
                Fault *fault);

/* All properties of an object of the service, in their shaped form (document.h). */
int session_get_properties(
                Session *session, const char *path, const char *interface, json_object **ret, Fault *fault);

/* Turns what a bus call gave into a fault: the fault that the service named, else the nearest one. `r` is
 * used when the error isn't set. */
int session_set_fault(const Session *session, const sd_bus_error *error, int r, Fault *fault);

/* Turns an errno of this program's own work (memory, an answer of another form) into a fault. */
int session_set_errno(int r, Fault *fault);

/* True with --json. */
bool session_json(const Session *session);

/* Prints the one document of this run. */
int session_print_document(Session *session, json_object *document, Fault *fault);

/* Prints a table to standard output, with its header unless --no-legend. */
int session_print_table(const Session *session, const Table *table, Fault *fault);

/* Prints the line below a table, after an empty one; nothing with --no-legend. */
void session_print_legend(const Session *session, const char *format, ...) _printf_(2, 3);
