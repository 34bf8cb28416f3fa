/* SPDX-License-Identifier: MIT */
#include "arguments.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "common/option_error.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sysexits.h>

#define GO_ON (-1)

enum {
        OPTION_CONFIG = 'c',
        OPTION_LOG_LEVEL = 'l',
        OPTION_HELP = 'h',
        OPTION_VERSION = 'V',
        OPTION_CHECK = 256, /* these have no letter */
        OPTION_DUMP,
        OPTION_DUMP_ENVIRONMENTS
};

static const struct option options[] = {
        {"config", required_argument, NULL, OPTION_CONFIG},
        {"check-config", no_argument, NULL, OPTION_CHECK},
        {"dump-config", no_argument, NULL, OPTION_DUMP},
        {"dump-environments", no_argument, NULL, OPTION_DUMP_ENVIRONMENTS},
        {"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
        {"help", no_argument, NULL, OPTION_HELP},
        {"version", no_argument, NULL, OPTION_VERSION},
        {0},
};

static const char help[] =
        "Usage: jumpbootd [OPTION]...\n"
        "Keeps Python programs warm and answers calls to their functions on a UNIX socket.\n"
        "It stays in the foreground; SIGTERM answers what is under way and stops it.\n"
        "\n"
        "  -c, --config FILE      read FILE instead of " JUMPBOOT_CONFIG_FILE "\n"
        "      --check-config     say whether the config is right, and stop\n"
        "      --dump-config      print the config with all defaults, as JSON, and stop\n"
        "      --dump-environments\n"
        "                         print as JSON which environments programs name, and stop\n"
        "  -l, --log-level LEVEL  log what is at least as important as LEVEL, one of\n"
        "                         " LOG_LEVELS "\n"
        "  -h, --help             print this\n"
        "  -V, --version          print the version\n"
        "\n"
        "See jumpbootd(8), jumpbootd.conf(5) and jumpbootd-protocol(7).\n";

static int print(const char *text)
{
        if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
                return EX_OK;
        fprintf(stderr, "jumpbootd: cannot write to standard output: %s\n", strerror(errno));
        return EX_IOERR;
}

static int refuse(const char *format, ...) _printf_(1, 2);
static int refuse(const char *format, ...)
{
        va_list arguments;

        fputs("jumpbootd: ", stderr);
        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
        fputs("\nTry \"jumpbootd --help\".\n", stderr);
        return EX_USAGE;
}

static int take_level(struct arguments *arguments)
{
        arguments->log_level = log_level_from_name(optarg);
        if (arguments->log_level >= 0)
                return GO_ON;
        return refuse("unknown log level \"%s\": use one of " LOG_LEVELS, optarg);
}

static int take_config(struct arguments *arguments)
{
        arguments->config = optarg;
        return *optarg ? GO_ON : refuse("--config needs a path, and this one is empty");
}

static int take_option(struct arguments *arguments, int option)
{
        switch (option) {
        case OPTION_CONFIG:
                return take_config(arguments);
        case OPTION_CHECK:
                arguments->mode = ARGUMENTS_CHECK;
                return GO_ON;
        case OPTION_DUMP:
                arguments->mode = ARGUMENTS_DUMP;
                return GO_ON;
        case OPTION_DUMP_ENVIRONMENTS:
                arguments->mode = ARGUMENTS_DUMP_ENVIRONMENTS;
                return GO_ON;
        case OPTION_LOG_LEVEL:
                return take_level(arguments);
        case OPTION_HELP:
                return print(help);
        default:
                return print("jumpbootd " PACKAGE_VERSION "\n");
        }
}

int arguments_read(int argc, char *argv[], struct arguments *arguments)
{
        char error[OPTION_ERROR_MAX];
        int option, status = GO_ON;

        *arguments = (struct arguments){.config = JUMPBOOT_CONFIG_FILE, .log_level = -1};
        opterr = 0;
        while (status == GO_ON &&
               (option = getopt_long(argc, argv, ":c:l:hV", options, NULL)) != -1) {
                if (option == ':' || option == '?')
                        return refuse("%s", option_error(error, option, argv, options));
                status = take_option(arguments, option);
        }
        if (status == GO_ON && optind < argc)
                return refuse("unexpected argument \"%s\"", argv[optind]);
        return status;
}
