/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One row on its way into the logs, with the call that waits for it, and a list of such in their order.
 * Belongs to the loop, but for `log` while a worker writes it. */

#include <systemd/sd-bus.h>

#include "daemon/latency/response-times.h"
#include "records/log-writer.h"

typedef struct AuditItem AuditItem;

struct AuditItem {
        LogItem log; /* its entry is owned */
        AuditItem *next;
        ResponseTimes *times;
        sd_bus_message *message; /* NULL for the service's own */
        uid_t uid;
        size_t size_bytes;
        uint64_t kept_usec; /* monotonic; since when the call waits */
};

/* A copy of the entry, with no call; NULL when out of memory. */
AuditItem *audit_item_new(const LogEntry *entry);
AuditItem *audit_item_free(AuditItem *item);
DEFINE_CLEANUP(AuditItem *, audit_item_free);

/* Keeps the call until the item is freed. */
void audit_item_keep(AuditItem *item, ResponseTimes *times, sd_bus_message *message, uid_t uid);

/* The item that the writer knows by this part. */
AuditItem *audit_item_of(LogItem *log);

/* Answers the call, if there is one, with the row's id or a fault. */
void audit_item_answer(AuditItem *item, const Fault *fault);

typedef struct AuditList {
        AuditItem *first;
        AuditItem **end; /* where the next one goes */
} AuditList;

void audit_list_init(AuditList *list);
void audit_list_add(AuditList *list, AuditItem *item);
void audit_list_add_first(AuditList *list, AuditItem *item);

/* NULL when it is empty. */
AuditItem *audit_list_take_first(AuditList *list);
