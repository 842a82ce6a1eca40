/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The command line of the daemon. */

#include "base/macro.h"

typedef struct Options {
        const char *state_directory; /* borrowed from argv */
        const char *config_file;     /* NULL: the system's */
        bool user;                   /* the session bus instead of the system bus */
        bool check_config;
} Options;

/* 1 to go on, 0 when all was said (--help, --version), -EINVAL for wrong usage, told on stderr. */
int options_parse(int argc, char **argv, Options *ret);

/* The configuration file that the options name, or the system's. */
const char *options_config_file(const Options *options);
