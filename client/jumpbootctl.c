/* SPDX-License-Identifier: MIT */
#include "common/cleanup.h"
#include "common/option_error.h"
#include "common/units.h"
#include "ctl_commands.h"
#include "ctl_near.h"

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#ifndef PACKAGE_VERSION
#error "PACKAGE_VERSION comes from the build"
#endif

struct command {
        const char *name;
        const char *arguments;
        const char *summary;
        int (*run)(struct ctl_session *session, char **words, int n_words);
        const char *help;
};

static const struct command commands[] = {
        {
                .name = "call",
                .arguments = "PROGRAM.FUNCTION [ARGUMENT ... | JSON | -]",
                .summary = "call a function and print its result",
                .run = ctl_call,
                .help = "  NAME=TEXT   an ARGUMENT that is a text: name=Ada\n"
                        "  NAME:=JSON  an ARGUMENT of any type: n:=3 on:=true list:='[1, 2]'\n"
                        "  JSON        all arguments: an object (by keyword) or an array (by "
                        "position)\n"
                        "  -           the same, read from standard input\n"
                        "\n"
                        "The result is printed as JSON, a text with its quotes; on a terminal it "
                        "is\n"
                        "indented. An exception of the function is printed as Python prints it.\n"
                        "\n"
                        "  jumpbootctl call calc.add a:=1 b:=2\n"
                        "  jumpbootctl call calc.add '[1, 2]'\n"
                        "  jumpbootctl --timeout 5s call report.make - <params.json\n",
        },
        {
                .name = "status",
                .arguments = "",
                .summary = "show the daemon and its programs, with counts and last errors",
                .run = ctl_status,
                .help = "IDLE, BUSY and MAX are workers, QUEUE the requests that wait. OK and "
                        "FAILED\n"
                        "count answers, DEATHS workers that ended when they should not have.\n",
        },
        {
                .name = "programs",
                .arguments = "",
                .summary = "list the programs",
                .run = ctl_programs,
                .help = "One line for each, with its program set, state, workers and queue.\n",
        },
        {
                .name = "methods",
                .arguments = "[PROGRAM]",
                .summary = "list the functions that can be called",
                .run = ctl_methods,
                .help = "With their parameters and the first line of their docstrings. With --json "
                        "it\n"
                        "is an OpenRPC document.\n",
        },
        {
                .name = "ping",
                .arguments = "",
                .summary = "ask the daemon for a sign of life",
                .run = ctl_ping,
                .help = "Shows its version, process id and how long it took to answer.\n",
        },
};

enum {
        OPTION_HELP = 'h',
        OPTION_VERSION = 'V',
        OPTION_SOCKET = 's',
        OPTION_TIMEOUT = 't',
        OPTION_JSON = 'j'
};

static const struct option options[] = {
        {"help", no_argument, NULL, OPTION_HELP},
        {"json", no_argument, NULL, OPTION_JSON},
        {"socket", required_argument, NULL, OPTION_SOCKET},
        {"timeout", required_argument, NULL, OPTION_TIMEOUT},
        {"version", no_argument, NULL, OPTION_VERSION},
        {0},
};

static const struct command *find_command(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
                if (strcmp(commands[i].name, name) == 0)
                        return &commands[i];
        return NULL;
}

static int no_such_command(const char *name)
{
        struct ctl_near near = {.wanted = name};

        for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
                ctl_near_try(&near, commands[i].name);
        if (near.name)
                return ctl_usage_error("%s: there is no such command; did you mean \"%s\"?", name,
                                       near.name);
        return ctl_usage_error("%s: there is no such command", name);
}

static void print_help(void)
{
        printf("Usage: jumpbootctl [OPTION ...] COMMAND [ARGUMENT ...]\n"
               "Calls Python functions that jumpbootd keeps ready, and shows how it is doing.\n\n");
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
                printf("  %-10s %s\n", commands[i].name, commands[i].summary);
        printf("\n"
               "  -s, --socket PATH       the daemon's socket [$JUMPBOOT_SOCKET, else\n"
               "                          " JUMPBOOT_DEFAULT_SOCKET "]\n"
               "  -t, --timeout DURATION  wait no longer: 250ms, 30s, 5m [call: as long as the\n"
               "                          program's own limit; else 10s]; 0: without end\n"
               "  -j, --json              one line of JSON, for machines\n"
               "  -h, --help              this, or more about a COMMAND\n"
               "  -V, --version\n"
               "\n"
               "Exit status: 0 if the call succeeded, 1 if it failed, 64 if the command line\n"
               "is wrong, 69 if the daemon cannot be reached, 75 if nothing was run and the\n"
               "call can be tried again. See jumpbootctl(1).\n");
}

static void print_command_help(const struct command *command)
{
        printf("Usage: jumpbootctl [OPTION ...] %s%s%s\n%c%s.\n\n%s", command->name,
               *command->arguments ? " " : "", command->arguments, command->summary[0] - 'a' + 'A',
               command->summary + 1, command->help);
}

static int parse_timeout(const char *text, int *ret_ms)
{
        uint64_t usec, ms;

        if (units_parse_duration(text, &usec) < 0)
                return ctl_usage_error("--timeout %s: a duration is a number with a unit: 250ms, "
                                       "30s, 5m, or 0: without end",
                                       text);
        ms = usec / USEC_PER_MSEC + (usec % USEC_PER_MSEC > 0);
        *ret_ms = ms < INT_MAX ? (int)ms : INT_MAX;
        return CTL_SUCCESS;
}

struct wishes {
        bool help, version;
};

static int take_option(int option, struct ctl_session *session, struct wishes *wishes)
{
        switch (option) {
        case OPTION_HELP:
                wishes->help = true;
                break;
        case OPTION_JSON:
                session->json = true;
                break;
        case OPTION_SOCKET:
                if (!*optarg)
                        return ctl_usage_error("--socket needs a path, and this one is empty");
                session->socket = optarg;
                break;
        case OPTION_TIMEOUT:
                return parse_timeout(optarg, &session->timeout_ms);
        case OPTION_VERSION:
                wishes->version = true;
                break;
        }
        return CTL_SUCCESS;
}

static int parse_options(int argc, char **argv, struct ctl_session *session, struct wishes *wishes)
{
        char error[OPTION_ERROR_MAX];
        int option, r = CTL_SUCCESS;

        opterr = 0;
        while (r == CTL_SUCCESS &&
               (option = getopt_long(argc, argv, ":hjs:t:V", options, NULL)) >= 0) {
                if (option == ':' || option == '?')
                        return ctl_usage_error("%s", option_error(error, option, argv, options));
                r = take_option(option, session, wishes);
        }
        return r;
}

static int run(int argc, char **argv, struct ctl_session *session)
{
        struct wishes wishes = {0};
        const struct command *command = NULL;
        int r = parse_options(argc, argv, session, &wishes);

        if (r != CTL_SUCCESS)
                return r;
        if (wishes.version) {
                printf("jumpbootctl %s\n", PACKAGE_VERSION);
                return CTL_SUCCESS;
        }
        if (optind < argc && strcmp(argv[optind], "help") == 0) {
                wishes.help = true;
                optind++;
        }
        if (optind < argc && !(command = find_command(argv[optind])))
                return no_such_command(argv[optind]);
        if (wishes.help) {
                if (command)
                        print_command_help(command);
                else
                        print_help();
                return CTL_SUCCESS;
        }
        if (!command)
                return ctl_usage_error("which command?");
        return command->run(session, argv + optind + 1, argc - optind - 1);
}

/* What could not be printed was not told to anybody. */
static int close_output(int status)
{
        if (!ferror(stdout) && fflush(stdout) == 0)
                return status;
        fprintf(stderr, "jumpbootctl: cannot write to standard output: %s\n", strerror(errno));
        return status == CTL_SUCCESS ? EX_IOERR : status;
}

int main(int argc, char **argv)
{
        struct ctl_session session = {.started = units_now(), .timeout_ms = CTL_NO_WISH};
        int status;

        setlocale(LC_CTYPE, "");
        status = run(argc, argv, &session);
        ctl_session_clear(&session);
        return close_output(status);
}
