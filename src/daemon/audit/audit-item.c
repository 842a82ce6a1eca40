/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/audit/audit-item.h"

#include "base/clock.h"
#include "base/journal.h"
#include "daemon/bus/bus-argument.h"

AuditItem *audit_item_new(const LogEntry *entry)
{
        _cleanup_(audit_item_freep) AuditItem *item = calloc(1, sizeof(AuditItem));

        if (!item)
                return NULL;
        item->log.entry = log_entry_copy(entry);
        item->size_bytes = sizeof(AuditItem) + log_entry_size(entry);
        return item->log.entry ? TAKE_PTR(item) : NULL;
}

AuditItem *audit_item_free(AuditItem *item)
{
        if (!item)
                return NULL;
        if (item->message)
                response_times_release(item->times, item->message);
        free(item->log.entry);
        fault_done(&item->log.fault);
        free(item);
        return NULL;
}

void audit_item_keep(AuditItem *item, ResponseTimes *times, sd_bus_message *message, uid_t uid)
{
        item->times = times;
        item->message = response_times_keep(times, message);
        item->uid = uid;
        item->kept_usec = clock_monotonic_usec();
}

AuditItem *audit_item_of(LogItem *log)
{
        return (AuditItem *) ((char *) log - offsetof(AuditItem, log));
}

void audit_item_answer(AuditItem *item, const Fault *fault)
{
        int r;

        if (!item->message)
                return;
        r = fault->code == FAULT_NONE ? sd_bus_reply_method_return(item->message, "x", item->log.id)
                                      : bus_reply_fault(item->message, fault);
        if (r < 0)
                journal_line(LOG_DEBUG, "Answering an append failed: %s", strerrordesc_np(-r));
}

void audit_list_init(AuditList *list)
{
        *list = (AuditList){.end = &list->first};
}

void audit_list_add(AuditList *list, AuditItem *item)
{
        item->next = NULL;
        *list->end = item;
        list->end = &item->next;
}

void audit_list_add_first(AuditList *list, AuditItem *item)
{
        item->next = list->first;
        if (!list->first)
                list->end = &item->next;
        list->first = item;
}

AuditItem *audit_list_take_first(AuditList *list)
{
        AuditItem *item = list->first;

        if (!item)
                return NULL;
        list->first = TAKE_PTR(item->next);
        if (!list->first)
                list->end = &list->first;
        return item;
}
