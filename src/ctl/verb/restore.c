/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* restore and undo: puts a backup, or a file that somebody has, in the database's place, and takes that
 * back.
 */

#include <string.h>

#include "base/names.h"
#include "ctl/call/confirm.h"
#include "ctl/call/input-file.h"
#include "ctl/call/passed-file.h"
#include "ctl/show/terminal.h"
#include "ctl/verb/restoring.h"
#include "ctl/verb/verbs.h"
#include "ctl/view/plan.h"

#define RESTORE_FILE "restore --from=FILE"

static int show(Session *session, json_object *plan, Fault *fault)
{
        if (session_json(session))
                return session_print_document(session, plan, fault);
        terminal_open_pager(session->arguments->no_pager);
        return plan_print(session, plan, fault);
}

static int open_file(Session *session, int *ret_fd, char **ret_path, Fault *fault)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r = passed_file_check_transport(session, RESTORE_FILE, fault);

        if (r >= 0)
                r = passed_file_open(session->arguments->from, &fd, &path, fault);
        if (r >= 0 && strcmp(session->arguments->from, INPUT_FILE_NAME) != 0)
                r = passed_file_check_complete(path, fault);
        if (r < 0)
                return r;
        *ret_fd = TAKE_FD(fd);
        *ret_path = TAKE_PTR(path);
        return 0;
}

static int show_plan(Session *session, const char *name, Fault *fault)
{
        _cleanup_json_ json_object *plan = NULL;
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (!session->arguments->from)
                r = plan_get(session, name, &plan, fault);
        else {
                r = open_file(session, &fd, &path, fault);
                if (r >= 0)
                        r = plan_get_file(session, fd, path, &plan, fault);
        }
        return r < 0 ? r : show(session, plan, fault);
}

static int append_file(const Session *session, sd_bus_message *call, int fd, const char *path, Fault *fault)
{
        int r = sd_bus_message_append(call, "s", "");

        if (r >= 0)
                r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "{sv}");
        if (r >= 0)
                r = passed_file_append(call, "from", fd);
        if (r >= 0)
                r = passed_file_append_name(call, path);
        if (r < 0)
                return session_set_errno(r, fault);
        return restoring_end_options(session, call, fault);
}

/* The file is read twice then: nobody has to agree to what was not looked at. */
static int agree_to_file(Session *session, int fd, const char *path, Fault *fault)
{
        _cleanup_json_ json_object *plan = NULL;
        _cleanup_free_ char *question = NULL;
        int r;

        if (!confirm_asks(session))
                return 0;
        r = plan_get_file(session, fd, path, &plan, fault);
        if (r < 0)
                return r;
        if (asprintf(&question, "Replace the database with the content of %s?", path) < 0) {
                question = NULL;
                return session_set_errno(-ENOMEM, fault);
        }
        return restoring_agree(session, plan, question, fault);
}

static int restore_file(Session *session, JobWaiter *waiter, json_object **ret_outcome, Fault *fault)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r = open_file(session, &fd, &path, fault);

        if (r >= 0)
                r = agree_to_file(session, fd, path, fault);
        if (r >= 0)
                r = session_new_call(session, BUS_PATH, BUS_INTERFACE_MANAGER, "Restore", &call, fault);
        if (r < 0)
                return r;
        r = append_file(session, call, fd, path, fault);
        if (r < 0)
                return r;
        return restoring_send(waiter, call, session, "restore", ret_outcome, fault);
}

int verb_restore(Session *session, Fault *fault)
{
        const Arguments *arguments = session->arguments;
        const char *name = arguments->n_operands > 0 ? arguments->operands[0] : "";
        _cleanup_(job_waiter_freep) JobWaiter *waiter = NULL;
        _cleanup_json_ json_object *outcome = NULL;
        int r = 0;

        if (arguments->from && arguments->n_operands > 0)
                return fault_set(fault, FAULT_INVALID_ARGUMENT, "--from= takes no name beside it.");
        if (arguments->given & OPTION_DRY_RUN)
                return show_plan(session, name, fault);
        if (arguments->from)
                r = passed_file_check_transport(session, RESTORE_FILE, fault);
        if (r >= 0)
                r = confirm_require(session, fault);
        if (r >= 0)
                r = job_waiter_new(session, false, &waiter, fault);
        if (r < 0)
                return r;
        r = arguments->from ? restore_file(session, waiter, &outcome, fault)
                            : restoring_run(session, waiter, name, &outcome, fault);
        return r < 0 ? r : restoring_print(session, outcome, fault);
}

static int agree_to_undo(Session *session, Fault *fault)
{
        _cleanup_json_ json_object *plan = NULL;
        int r;

        if (!confirm_asks(session))
                return 0;
        r = plan_get_undo(session, &plan, fault);
        return r < 0 ? r
                     : restoring_agree(session,
                                       plan,
                                       "Put back the database that the last restore replaced? What was "
                                       "written since is saved as a backup.",
                                       fault);
}

int verb_undo(Session *session, Fault *fault)
{
        _cleanup_(job_waiter_freep) JobWaiter *waiter = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_json_ json_object *outcome = NULL, *plan = NULL;
        int r;

        if (session->arguments->given & OPTION_DRY_RUN) {
                r = plan_get_undo(session, &plan, fault);
                return r < 0 ? r : show(session, plan, fault);
        }
        r = confirm_require(session, fault);
        if (r >= 0)
                r = job_waiter_new(session, false, &waiter, fault);
        if (r >= 0)
                r = agree_to_undo(session, fault);
        if (r >= 0)
                r = session_new_call(session, BUS_PATH, BUS_INTERFACE_MANAGER, "UndoRestore", &call, fault);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "{sv}");
        if (r < 0)
                return session_set_errno(r, fault);
        r = restoring_end_options(session, call, fault);
        if (r < 0)
                return r;
        r = restoring_send(waiter, call, session, "undo", &outcome, fault);
        return r < 0 ? r : restoring_print(session, outcome, fault);
}
