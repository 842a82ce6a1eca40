/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Rows for the application's logs, on their way into the database: the service's own records and what
 * callers append. They gather for a moment and are written in one transaction on the quick lane, so that a
 * thousand a second cost a few commits. A caller is answered when its row is committed. The service's own
 * rows wait while the database can't be written (a restore, a disk that is full); all that waits is bounded.
 * All functions are for the loop's thread. */

#include <systemd/sd-bus.h>

#include "daemon/bus/caller.h"
#include "records/log-entry.h"

typedef struct Manager Manager;
typedef struct AuditQueue AuditQueue;

/* How long rows gather. The service's own are no hurry; a caller waits for its answer. */
#define AUDIT_GATHER_OWN_USEC (100 * USEC_PER_MSEC)
#define AUDIT_GATHER_APPENDS_USEC (10 * USEC_PER_MSEC)

#define AUDIT_BATCH_ROWS 1024

/* What may wait: rows of the service's own; rows and bytes of callers, of one user and together. */
#define AUDIT_OWN_ROWS_MAX 2048
#define AUDIT_APPENDS_PER_CALLER_MAX 1024
#define AUDIT_APPENDS_MAX 4096
#define AUDIT_APPEND_BYTES_PER_CALLER_MAX (4 * MIB)
#define AUDIT_APPEND_BYTES_MAX (8 * MIB)

/* How long a batch waits for another process's lock before it lets others have the lane, when it tries
 * again, and how long a call waits in all. */
#define AUDIT_LOCK_BOUND_USEC (50 * USEC_PER_MSEC)
#define AUDIT_LOCK_RETRY_USEC (200 * USEC_PER_MSEC)
#define AUDIT_APPEND_BOUND_USEC (5 * USEC_PER_SEC)

/* What writing the rest may take when the service stops. */
#define AUDIT_FLUSH_BOUND_USEC USEC_PER_SEC

int audit_queue_new(Manager *manager, AuditQueue **ret, Fault *fault);

/* After the lane was freed. What still waits is not written. */
AuditQueue *audit_queue_free(AuditQueue *queue);
DEFINE_CLEANUP(AuditQueue *, audit_queue_free);

/* Takes a copy of a row of the service's own. When too many wait it is counted, and told by one row later.
 */
void audit_queue_add(AuditQueue *queue, const LogEntry *entry);

/* Takes a copy of a caller's row, which has passed log_entry_check(). The message is answered with the new
 * row's id, or with the fault. BUSY when too much waits; CORRUPT while the database is. */
int audit_queue_append(AuditQueue *queue,
                const LogEntry *entry,
                sd_bus_message *message,
                const Caller *caller,
                Fault *fault);

/* A row will follow at the end of a job: has the connection opened meanwhile. Whoever removes the -wal right
 * after the job's end is then noticed, and does not fall between the job and its row. */
void audit_queue_expect(AuditQueue *queue);

/* What kept the rows from being written may be over. */
void audit_queue_resume(AuditQueue *queue);

/* Whether the lane has a batch. */
bool audit_queue_is_busy(const AuditQueue *queue);

/* The service stops, and no other work is left: writes what waits, on a connection of its own, once and for
 * AUDIT_FLUSH_BOUND_USEC at the most. True when that has begun; manager_settle_when_idle() is called when it
 * has ended. */
bool audit_queue_flush(AuditQueue *queue);
