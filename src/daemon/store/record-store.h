/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The connection that the quick lane's look-ups in the application's tables and rows for its logs share.
 * Opening one costs more than most of what they do, so it stays open between them; but not for long, since
 * the last connection of the application to close tidies the write-ahead log up, and is not the last one
 * while this is open. It is inside the gate while it is open, and leaves when a restore wants the database
 * for itself. The lane's worker alone touches the connection. */

#include <systemd/sd-event.h>

#include "daemon/loop/gate.h"
#include "daemon/loop/lane.h"
#include "database/connection/connection.h"

typedef struct RecordStore RecordStore;

/* How long one statement of a look-up or of a record may run. */
#define RECORD_STORE_STATEMENT_BOUND_USEC (3 * USEC_PER_SEC)

/* How long the connection stays open without a call. */
#define RECORD_STORE_LINGER_USEC (60 * USEC_PER_SEC)

/* How long it stays open at most, however many calls there are, where the application may want to change the
 * journal mode: that fails at once while anybody else has the database open, and an application tries for
 * five seconds. */
#define RECORD_STORE_GIVE_WAY_USEC (2 * USEC_PER_SEC)

/* A -wal of that size is checkpointed, and when that can't be, again after each further step of growth; but
 * only while no other process has the database open. */
#define RECORD_STORE_WAL_BYTES (64 * MIB)
#define RECORD_STORE_WAL_STEP_BYTES (16 * MIB)

/* Opens nothing yet. `lane` and `gate` stay the caller's and outlive the store. `path` is copied. */
int record_store_new(
                sd_event *event, Lane *lane, Gate *gate, const char *path, RecordStore **ret, Fault *fault);

/* After the lane was freed: its worker can't be using it any more. */
RecordStore *record_store_free(RecordStore *store);
DEFINE_CLEANUP(RecordStore *, record_store_free);

/* Called by a worker before the file is opened, to make it where it is missing. */
void record_store_set_prepare(RecordStore *store, int (*prepare)(const char *path, Fault *fault));

/* Worker; calls that. For work that opens connections of its own. */
int record_store_prepare(RecordStore *store, Fault *fault);

/* Worker. The shared connection, a CONNECTION_WRITE, borrowed until the piece of work returns; opened when
 * it isn't, or when another file lies at the path by now. BUSY while a restore runs; else what
 * connection_open() tells. */
int record_store_connect(RecordStore *store, Connection **ret, Fault *fault);

/* Worker; at the end of each piece of work that has used the connection. A transaction that it left open is
 * rolled back, and after a fault that speaks of the file the next one gets a new connection. */
void record_store_leave(RecordStore *store, const Fault *fault);

/* Worker. Another number for each connection: what was remembered with an older one's PRAGMA data_version is
 * void. Never 0. */
uint64_t record_store_generation(const RecordStore *store);

/* Loop. Has the connection opened as soon as the lane comes to it, for what will be written soon. What can't
 * be opened then is told by who writes. */
void record_store_open_ahead(RecordStore *store);

/* Loop. Says that a piece of work has used the store: the time to linger begins again. */
void record_store_used(RecordStore *store);

/* Loop. Whether the connection has to give way. */
void record_store_set_gives_way(RecordStore *store, bool gives_way);

/* Loop. Has the connection closed as soon as the lane comes to it. */
void record_store_release(RecordStore *store);

/* The same when the -wal that the connection has open was deleted. Where no other process has the database
 * open, what only that -wal holds is written into the database before. */
void record_store_let_go_of_deleted(RecordStore *store);

/* Loop. Interrupts what runs, now and from now on: the service is stopping. */
void record_store_stop(RecordStore *store);

/* Loop. Whether a connection is open or about to be closed by the lane. */
bool record_store_is_open(const RecordStore *store);

/* For work that opens connections of its own. */
const char *record_store_path(const RecordStore *store);
Gate *record_store_gate(RecordStore *store);

/* Loop. `on_released` is called after each closing by record_store_release(). */
void record_store_set_on_released(RecordStore *store, void (*on_released)(void *userdata), void *userdata);
