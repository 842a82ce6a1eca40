/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The command line: what may be said, and what was said. Options may stand before and after the verb, as in
 * systemctl. Each verb tells which options of its own it takes; everything else is refused with a hint,
 * since an option that is silently ignored is one that the operator believes in. */

#include "base/fault.h"

typedef enum Transport {
        TRANSPORT_SYSTEM,
        TRANSPORT_USER,
        TRANSPORT_HOST,    /* ssh, as systemctl -H */
        TRANSPORT_MACHINE, /* local container, as systemctl -M */
} Transport;

typedef enum Format {
        FORMAT_TEXT,
        FORMAT_JSON_PRETTY,
        FORMAT_JSON_SHORT,
} Format;

/* Options that belong to some verbs only. */
typedef enum VerbOption {
        OPTION_LABEL = 1 << 0,
        OPTION_AUTOMATIC = 1 << 1,
        OPTION_ALL = 1 << 2,
        OPTION_DRY_RUN = 1 << 3,
        OPTION_WAIT = 1 << 4, /* --wait and --no-wait */
        OPTION_FROM = 1 << 5,
        OPTION_FORCE = 1 << 6,
        OPTION_YES = 1 << 7,
        OPTION_TABLE = 1 << 8,
        OPTION_FORMAT = 1 << 9,
        OPTION_REDACT = 1 << 10,
        OPTION_RESTORE = 1 << 11,
        OPTION_IDENTITY = 1 << 12,
        OPTION_PASSPHRASE = 1 << 13, /* --passphrase-file= */
        OPTION_SINCE = 1 << 14,      /* the filters, in the order of the next enum */
        OPTION_UNTIL = 1 << 15,
        OPTION_TYPE = 1 << 16,
        OPTION_SEVERITY = 1 << 17,
        OPTION_ACCOUNT = 1 << 18,
        OPTION_LIMIT = 1 << 19,
        OPTION_KEEP = 1 << 20,
        OPTION_RESCUE = 1 << 21,
} VerbOption;

/* What narrows a list down, each with a value. */
typedef enum Filter {
        FILTER_SINCE,
        FILTER_UNTIL,
        FILTER_TYPE,
        FILTER_SEVERITY,
        FILTER_ACCOUNT,
        FILTER_LIMIT,
        _FILTER_MAX,
} Filter;

typedef struct Session Session;
typedef struct Verb Verb;

/* Every string points into argv. Freed by arguments_done(). */
typedef struct Arguments {
        const Verb *verb; /* NULL with help or version */
        char **operands;  /* what follows the verb; NULL-terminated */
        size_t n_operands;
        Transport transport;
        const char *target; /* of TRANSPORT_HOST and TRANSPORT_MACHINE */
        Format format;
        bool no_pager;
        bool no_legend;
        bool no_ask_password;
        bool quiet;
        bool no_wait;
        bool help;
        bool version;
        unsigned given; /* VerbOption that were said */
        const char *label;
        const char *from;                 /* --from= */
        const char *identity;             /* --identity= */
        const char *passphrase_file;      /* --passphrase-file= */
        const char *filters[_FILTER_MAX]; /* NULL: not said */
        const char *style;                /* --format=, for the service to judge; NULL: not said */
        const char **tables;              /* --table=, in order; owned */
        size_t n_tables;
} Arguments;

struct Verb {
        const char *name;
        const char *operands; /* as --help shows them */
        size_t min_operands;
        size_t max_operands;
        unsigned options; /* VerbOption that it takes */
        const char *summary;
        const char *group; /* heading in --help; NULL: the same as the verb above */

        /* Does it. Returns the exit status, or a negative errno with *fault filled. */
        int (*run)(Session *session, Fault *fault);

        bool reads;         /* what everybody may: nobody is asked for a password */
        bool opens_session; /* itself, and only when it needs the service */
};

/* Reads the command line; `verbs` ends with a nameless one. No verb at all means the first. argv's order may
 * change. Returns 0, or a negative errno with a FAULT_INVALID_ARGUMENT that has a hint. */
int arguments_parse(int argc, char **argv, const Verb *verbs, Arguments *ret, Fault *fault);

void arguments_done(Arguments *arguments);

/* Prints what --help shows. */
void arguments_print_help(FILE *stream, const Verb *verbs, bool colour);
