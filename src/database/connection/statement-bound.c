/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/connection/statement-bound.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/test-hook.h"

static int on_statement(unsigned kind, void *userdata, void *statement, void *sql)
{
        const char *text = sql;
        StatementBound *bound = userdata;

#if TEST_HOOKS
        if (getenv("ORACXPRED_TEST_STATEMENTS"))
                test_hook_statement(sql);
#endif
        /* A trigger that begins is told as a comment; its time is that of the statement. */
        if (text[0] == '-' && text[1] == '-')
                return 0;
        bound->since_usec = clock_monotonic_usec();
        bound->overdue = bound->yielded = false;
        return 0;
}

void statement_bound_watch(StatementBound *bound, sqlite3 *handle)
{
        (void) sqlite3_trace_v2(handle, SQLITE_TRACE_STMT, on_statement, bound);
}

bool statement_bound_is_over(StatementBound *bound)
{
        uint64_t for_usec;

        if (bound->bound_usec == 0 && !bound->must_yield)
                return false;
        for_usec = clock_monotonic_usec() - bound->since_usec;
        if (bound->bound_usec > 0 && for_usec >= bound->bound_usec)
                bound->overdue = true;
        else if (bound->must_yield && for_usec >= STATEMENT_YIELD_USEC)
                bound->yielded = bound->must_yield(bound->must_yield_target);
        return bound->overdue || bound->yielded;
}

void statement_bound_values(sqlite3 *handle)
{
        (void) sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, STATEMENT_VALUE_MAX_BYTES);
}

/* sqlite3_hard_heap_limit64() needs SQLite's own count of each allocation, for which all threads take turns
 * at one lock. Only what is large is counted here. */
#define LARGE_BYTES (64 * KIB)

static sqlite3_mem_methods real;
static _Atomic int64_t large_bytes;

static int64_t size_if_large(void *memory)
{
        int size = memory ? real.xSize(memory) : 0;

        return size >= (int64_t) LARGE_BYTES ? size : 0;
}

static bool fits(int64_t more_bytes)
{
        return more_bytes < (int64_t) LARGE_BYTES ||
               atomic_load(&large_bytes) + more_bytes <= (int64_t) STATEMENT_HEAP_MAX_BYTES;
}

static void *bounded_malloc(int size)
{
        void *memory = fits(size) ? real.xMalloc(size) : NULL;
        int64_t large = size_if_large(memory);

        if (large > 0)
                atomic_fetch_add(&large_bytes, large);
        return memory;
}

static void bounded_free(void *memory)
{
        int64_t large = size_if_large(memory);

        if (large > 0)
                atomic_fetch_sub(&large_bytes, large);
        real.xFree(memory);
}

static void *bounded_realloc(void *memory, int size)
{
        int64_t before = size_if_large(memory);
        void *moved = size <= before || fits(size - before) ? real.xRealloc(memory, size) : NULL;

        if (moved)
                atomic_fetch_add(&large_bytes, size_if_large(moved) - before);
        return moved;
}

void statement_bound_heap(void)
{
        sqlite3_mem_methods bounded;

        if (real.xMalloc || sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real) != SQLITE_OK)
                return;
        bounded = real;
        bounded.xMalloc = bounded_malloc;
        bounded.xFree = bounded_free;
        bounded.xRealloc = bounded_realloc;
        (void) sqlite3_config(SQLITE_CONFIG_MALLOC, &bounded);
}
