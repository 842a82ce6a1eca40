/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One thing described line by line, names to the right of their column as `systemctl status` has them:
 *
 *      Health: ok
 *    Database: /var/lib/oracxpred/data/oracxpred.db
 */

#include "ctl/call/session.h"

Table *fields_new(void);

/* A name and its value. An empty value is left out; an empty name goes on below the value above. */
void fields_add(Table *fields, const char *name, Style style, const char *value);
void fields_addf(Table *fields, const char *name, Style style, const char *format, ...) _printf_(4, 5);

/* A moment, absolute and relative. */
void fields_add_moment(Table *fields, const char *name, uint64_t usec, uint64_t now_usec);

/* Records per table, a line each and the sum in front; `tables` as document.h shapes it, NULL for none.
 * `remark` goes behind the sum. */
void fields_add_tables(Table *fields, json_object *tables, const char *remark);

/* Prints all of them to standard output. */
int fields_print(const Session *session, const Table *fields, Fault *fault);
