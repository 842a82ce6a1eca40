/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What went wrong, in the one form that travels through every room: a code, and a message for people that
 * names the thing and the way out. The table in fault.c gives each code its D-Bus error name, its errno and
 * the exit code of oracxpredctl, so that the three never disagree. Libraries fill a Fault and return a
 * negative errno; only the daemon and the command line show it. */

#include "base/macro.h"

typedef enum FaultCode {
        FAULT_NONE,
        FAULT_FAILED,             /* anything that has no better name */
        FAULT_INVALID_ARGUMENT,   /* a caller's value is out of range, unknown or malformed */
        FAULT_NOT_FOUND,          /* no such backup, job or table */
        FAULT_NOT_SUPPORTED,      /* understood, but this version or this file can't */
        FAULT_ACCESS_DENIED,      /* the caller may not */
        FAULT_BUSY,               /* a queue is full, or a lock did not come free within its bound */
        FAULT_CANCELLED,          /* the caller or a shutdown asked to stop */
        FAULT_NO_SPACE,           /* the file system is full, or would be */
        FAULT_READ_ONLY,          /* the file or file system can't be written */
        FAULT_PERMISSION,         /* the operating system refused; modes or owners are wrong */
        FAULT_CANNOT_OPEN,        /* the file is not there or can't be opened */
        FAULT_IO,                 /* the kernel reported an input/output error */
        FAULT_CORRUPT,            /* the content was read and is wrong */
        FAULT_NOT_A_DATABASE,     /* the content was read and is no SQLite database at all */
        FAULT_NO_HEALTHY_BACKUP,  /* nothing verified to restore from */
        FAULT_KEY_UNAVAILABLE,    /* encrypted, and no identity here opens it */
        FAULT_DATABASE_IN_USE,    /* other processes hold the database open */
        FAULT_UNSAFE_FILE_SYSTEM, /* network file system, hard links: SQLite's locks don't hold there */
        FAULT_ALREADY_RUNNING,    /* another daemon holds the state directory */
        FAULT_CONFIGURATION,      /* a configuration file has errors */
        FAULT_NOT_RUNNING,        /* the service does not answer on the bus */
        FAULT_LOCKED,             /* a row may not be changed any more */
        FAULT_CONFLICT,           /* what is there stands against it: a name is taken, rows refer to it */
        FAULT_NEEDS_DECISION,     /* rows would be lost: a person has to say so */
        _FAULT_MAX,
        _FAULT_INVALID = -EINVAL,
} FaultCode;

typedef struct Fault {
        FaultCode code;
        char *message; /* owned, one line of valid UTF-8 whatever a file was called; NULL only when code is
                          FAULT_NONE */
} Fault;

#define _cleanup_fault_ _cleanup_(fault_done)

/* Frees the message and resets to FAULT_NONE. */
void fault_done(Fault *fault);

/* Fills *fault (which may be NULL, and is overwritten: the latest, outermost view wins) and returns the
 * code's negative errno, so that `return fault_set(fault, FAULT_IO, "…")` reads naturally. */
int fault_set(Fault *fault, FaultCode code, const char *format, ...) _printf_(3, 4);

/* Like fault_set(), with the code that a system call's errno maps to and ": strerror" appended. `error` may
 * be given positive or negative. */
int fault_set_errno(Fault *fault, int error, const char *format, ...) _printf_(3, 4);

/* Puts "prefix: " before the message that is there, keeping the code. Returns `r`, the errno that came with
 * it, which is all there is of the code when `fault` is NULL. */
int fault_prefix(Fault *fault, int r, const char *format, ...) _printf_(3, 4);

/* Moves *source to *target, freeing what target had; source becomes FAULT_NONE. */
void fault_move(Fault *target, Fault *source);

/* The fault code for a (positive or negative) errno. */
FaultCode fault_code_from_errno(int error);

/* Columns of the table. `code` must be a valid code. */
const char *fault_bus_name(FaultCode code);               /* "org.oracxpred.Persistence1.Error.Busy" */
const char *fault_name(FaultCode code);                   /* "Busy" */
int fault_errno(FaultCode code);                          /* negative */
int fault_exit_code(FaultCode code);                      /* exit status of oracxpredctl, 0 for FAULT_NONE */
FaultCode fault_code_from_bus_name(const char *bus_name); /* _FAULT_INVALID when unknown */
