/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The handful of macros that every file leans on: cleanup attributes in systemd's manner, ownership
 * transfer, and the small constants that keep units readable. */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(function) __attribute__((cleanup(function)))
#define _printf_(text_index, first) __attribute__((format(printf, text_index, first)))
#define _unused_ __attribute__((unused))

/* Defines NAMEp() for _cleanup_(NAMEp) from a destructor that accepts NULL. */
#define DEFINE_CLEANUP(type, destructor)                         \
        static inline _unused_ void destructor##p(type *pointer) \
        {                                                        \
                if (*pointer)                                    \
                        destructor(*pointer);                    \
        }                                                        \
        struct this_macro_takes_a_semicolon

/* A NULL-terminated list of strings and what it holds. Accepts NULL. */
static inline _unused_ void string_list_free(char **list)
{
        for (char **text = list; text && *text; text++)
                free(*text);
        free(list);
}
DEFINE_CLEANUP(char **, string_list_free);

#define TAKE_GENERIC(variable, type, null)       \
        __extension__({                          \
                type *taken_from_ = &(variable); \
                type taken_ = *taken_from_;      \
                *taken_from_ = (null);           \
                taken_;                          \
        })
#define TAKE_PTR(pointer) TAKE_GENERIC(pointer, typeof(pointer), NULL)
#define TAKE_FD(descriptor) TAKE_GENERIC(descriptor, int, -EBADF)

#define ELEMENTSOF(array) (sizeof(array) / sizeof((array)[0]))
#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))

#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_PER_SEC UINT64_C(1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MINUTE)
#define USEC_PER_DAY (24 * USEC_PER_HOUR)

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

static inline void freep(void *pointer_to_pointer)
{
        free(*(void **) pointer_to_pointer);
}

static inline void fclosep(FILE **file)
{
        if (*file)
                (void) fclose(*file);
}

/* Closes a descriptor without disturbing errno; any negative number is "none". */
static inline void closep(const int *descriptor)
{
        int saved = errno;

        if (*descriptor >= 0)
                (void) close(*descriptor);
        errno = saved;
}

#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)
#define _cleanup_fclose_ _cleanup_(fclosep)
