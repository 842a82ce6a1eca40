/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/configuration/options.h"

#include <getopt.h>

#include "config.h"

static void help(void)
{
        (void) puts("oracxpredd [OPTIONS...]\n"
                    "\n"
                    "Holds the ORACXPRED database, backs it up and answers on the bus.\n"
                    "\n"
                    "  -h --help                  Show this help\n"
                    "     --version               Show the version\n"
                    "     --state-directory=DIR   Where the database and the backups are\n"
                    "                             (default: " SYSTEM_STATE_DIRECTORY ")\n"
                    "     --config=FILE           Read FILE and FILE.d/*.conf instead of the system's\n"
                    "     --user                  Serve on the session bus instead of the system bus\n"
                    "     --check-config          Read the configuration, say what is wrong, and exit");
}

int options_parse(int argc, char **argv, Options *ret)
{
        enum { OPTION_VERSION = 0x100, OPTION_STATE_DIRECTORY, OPTION_CONFIG, OPTION_USER, OPTION_CHECK };
        static const struct option table[] = {
                        {"help", no_argument, NULL, 'h'},
                        {"version", no_argument, NULL, OPTION_VERSION},
                        {"state-directory", required_argument, NULL, OPTION_STATE_DIRECTORY},
                        {"config", required_argument, NULL, OPTION_CONFIG},
                        {"user", no_argument, NULL, OPTION_USER},
                        {"check-config", no_argument, NULL, OPTION_CHECK},
                        {NULL, 0, NULL, 0},
        };
        Options options = {.state_directory = SYSTEM_STATE_DIRECTORY};
        int c;

        while ((c = getopt_long(argc, argv, "h", table, NULL)) >= 0)
                switch (c) {
                case 'h':
                        help();
                        return 0;
                case OPTION_VERSION:
                        (void) puts("oracxpredd " PROJECT_VERSION);
                        return 0;
                case OPTION_STATE_DIRECTORY:
                        options.state_directory = optarg;
                        break;
                case OPTION_CONFIG:
                        options.config_file = optarg;
                        break;
                case OPTION_USER:
                        options.user = true;
                        break;
                case OPTION_CHECK:
                        options.check_config = true;
                        break;
                default:
                        return -EINVAL;
                }
        if (optind < argc) {
                (void) fprintf(stderr, "%s: Too many arguments\n", argv[0]);
                return -EINVAL;
        }
        *ret = options;
        return 1;
}

const char *options_config_file(const Options *options)
{
        return options->config_file ? options->config_file : SYSTEM_CONFIG_DIRECTORY "/oracxpred.conf";
}
