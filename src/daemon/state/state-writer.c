/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/state/state-writer.h"

#include <string.h>

#include "backup/state/restore-state.h"
#include "base/journal.h"
#include "daemon/loop/lane.h"

/* As many names as there are. */
#define ITEMS_MAX 8

typedef struct Item {
        const char *name;
        json_object *document; /* NULL: remove the file */
} Item;

struct StateWriter {
        Work work;
        Manager *manager;
        const char *state_directory; /* borrowed from the Manager */
        Item items[ITEMS_MAX];       /* that wait, the first one first */
        size_t n_items;
        Item current; /* the worker's, while busy */
        bool busy;
        Fault fault;
};

static StateWriter *writer_of(Work *work)
{
        return (StateWriter *) ((char *) work - offsetof(StateWriter, work));
}

static int writer_start(Work *work)
{
        StateWriter *writer = writer_of(work);

        writer->current = writer->items[0];
        writer->n_items--;
        memmove(writer->items, writer->items + 1, writer->n_items * sizeof(Item));
        return 0;
}

static void writer_run(Work *work)
{
        StateWriter *writer = writer_of(work);
        const Item *item = &writer->current;

        if (item->document)
                (void) restore_state_store(
                                writer->state_directory, item->name, item->document, &writer->fault);
        else
                (void) restore_state_remove(writer->state_directory, item->name, &writer->fault);
}

static void submit(StateWriter *writer)
{
        writer->busy = true;
        lane_submit_first(writer->manager->quick_lane, &writer->work);
}

static void writer_finish(Work *work)
{
        StateWriter *writer = writer_of(work);

        if (writer->fault.code != FAULT_NONE)
                journal_line(LOG_ERR, "%s", writer->fault.message);
        fault_done(&writer->fault);
        json_object_putp(&writer->current.document);
        writer->current = (Item){0};
        writer->busy = false;
        if (writer->n_items > 0)
                submit(writer);
        else
                manager_settle_when_idle(writer->manager);
}

static StateWriter *get_writer(Manager *manager)
{
        StateWriter *writer = manager->state_writer;

        if (writer)
                return writer;
        writer = calloc(1, sizeof(StateWriter));
        if (!writer)
                return NULL;
        writer->work = (Work){.start = writer_start, .run = writer_run, .finish = writer_finish};
        writer->manager = manager;
        writer->state_directory = manager->state_directory;
        manager->state_writer = writer;
        return writer;
}

static Item *find_item(StateWriter *writer, const char *name)
{
        for (size_t i = 0; i < writer->n_items; i++)
                if (strcmp(writer->items[i].name, name) == 0)
                        return writer->items + i;
        if (writer->n_items == ITEMS_MAX)
                return NULL;
        writer->items[writer->n_items] = (Item){.name = name};
        return writer->items + writer->n_items++;
}

void state_writer_put(Manager *manager, const char *name, json_object *document)
{
        StateWriter *writer = get_writer(manager);
        Item *item = writer ? find_item(writer, name) : NULL;

        if (!item) {
                journal_line(LOG_ERR, "Writing %s/%s failed: out of memory", manager->state_directory, name);
                (void) json_object_put(document);
                return;
        }
        (void) json_object_put(item->document);
        item->document = document;
        if (!writer->busy)
                submit(writer);
}

bool state_writer_is_busy(const StateWriter *writer)
{
        return writer && writer->busy;
}

StateWriter *state_writer_free(StateWriter *writer)
{
        if (!writer)
                return NULL;
        for (size_t i = 0; i < writer->n_items; i++)
                (void) json_object_put(writer->items[i].document);
        (void) json_object_put(writer->current.document);
        fault_done(&writer->fault);
        free(writer);
        return NULL;
}
