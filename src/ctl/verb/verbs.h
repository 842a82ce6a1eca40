/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The verbs that main's table names, one file per family (verb-*.c). Each returns the exit status, or a
 * negative errno with *fault filled. */

#include "ctl/call/session.h"

int verb_status(Session *session, Fault *fault);
int verb_stats(Session *session, Fault *fault);
int verb_metrics(Session *session, Fault *fault);
int verb_backup(Session *session, Fault *fault);
int verb_list(Session *session, Fault *fault);
int verb_show(Session *session, Fault *fault);
int verb_verify(Session *session, Fault *fault);
int verb_cleanup(Session *session, Fault *fault);
int verb_delete(Session *session, Fault *fault);
int verb_restore(Session *session, Fault *fault);
int verb_salvage(Session *session, Fault *fault);
int verb_undo(Session *session, Fault *fault);
int verb_acknowledge(Session *session, Fault *fault);
int verb_export(Session *session, Fault *fault);
int verb_import(Session *session, Fault *fault);
int verb_key(Session *session, Fault *fault);
int verb_units_rule(Session *session, Fault *fault);
int verb_advise(Session *session, Fault *fault);
int verb_prediction(Session *session, Fault *fault);
int verb_quarantine(Session *session, Fault *fault);
int verb_account(Session *session, Fault *fault);
int verb_log(Session *session, Fault *fault);
int verb_jobs(Session *session, Fault *fault);
int verb_keep(Session *session, Fault *fault);
int verb_unkeep(Session *session, Fault *fault);
int verb_cancel(Session *session, Fault *fault);
int verb_monitor(Session *session, Fault *fault);
int verb_doctor(Session *session, Fault *fault);
int verb_reload(Session *session, Fault *fault);
