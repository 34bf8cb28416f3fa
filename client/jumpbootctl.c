/* SPDX-License-Identifier: MIT */
#include "common/cleanup.h"
#include "common/option_error.h"
#include "common/units.h"
#include "ctl_command.h"
#include "ctl_commands.h"
#include "ctl_env_options.h"
#include "ctl_near.h"

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#ifndef PACKAGE_VERSION
#error "PACKAGE_VERSION comes from the build"
#endif

#define DELAY_DEFAULT USEC_PER_SEC
#define DELAY_MIN     (100 * USEC_PER_MSEC)

enum {
        OPTION_HELP = 'h',
        OPTION_VERSION = 'V',
        OPTION_SOCKET = 's',
        OPTION_TIMEOUT = 't',
        OPTION_JSON = 'j',
        OPTION_DELAY = 'd',
        OPTION_NUMBER = 'n',
        OPTION_COUNT = 256,
};

static const struct option options[] = {
        {"count", required_argument, NULL, OPTION_COUNT},
        {"delay", required_argument, NULL, OPTION_DELAY},
        {"help", no_argument, NULL, OPTION_HELP},
        {"json", no_argument, NULL, OPTION_JSON},
        {"socket", required_argument, NULL, OPTION_SOCKET},
        {"timeout", required_argument, NULL, OPTION_TIMEOUT},
        {"version", no_argument, NULL, OPTION_VERSION},
        CTL_ENV_OPTIONS,
        CTL_LOGS_OPTIONS,
        {0},
};

static int no_such_command(const char *name)
{
        struct ctl_near near = {.wanted = name};
        const struct ctl_command *command;

        for (size_t i = 0; (command = ctl_command_at(i)); i++)
                ctl_near_try(&near, command->name);
        if (near.name)
                return ctl_usage_error("%s: there is no such command; did you mean \"%s\"?", name,
                                       near.name);
        return ctl_usage_error("%s: there is no such command", name);
}

static void print_help(void)
{
        const struct ctl_command *command;

        printf("Usage: jumpbootctl [OPTION ...] COMMAND [ARGUMENT ...]\n"
               "Calls Python functions that jumpbootd keeps ready, and shows how it is doing.\n\n");
        for (size_t i = 0; (command = ctl_command_at(i)); i++)
                printf("  %-10s %s\n", command->name, command->summary);
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

static void print_command_help(const struct ctl_command *command)
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

/* Seconds as top(1) has them, or a duration. */
static int parse_delay(const char *text, struct ctl_session *session)
{
        char *end;
        double seconds = strtod(text, &end);
        int r = units_parse_duration(text, &session->delay);

        if (r < 0)
                session->delay = end != text && !*end && seconds > 0 && seconds < 1e9
                                         ? (uint64_t)(seconds * USEC_PER_SEC)
                                         : 0;
        if (session->delay >= DELAY_MIN)
                return CTL_SUCCESS;
        return ctl_usage_error("--delay %s: it is seconds, or a number with a unit: 0.5, 2, 500ms; "
                               "at least 0.1",
                               text);
}

static int parse_count(const char *text, struct ctl_session *session)
{
        char *end;
        unsigned long count = strtoul(text, &end, 10);

        if (*text < '0' || *text > '9' || *end || count == 0 || count > UINT_MAX)
                return ctl_usage_error("--count %s: it is a number, at least 1", text);
        session->count = (unsigned)count;
        return CTL_SUCCESS;
}

struct wishes {
        bool help, version;
        const char *for_top; /* an option that only top has */
        const char *number;  /* --count of top, --lines of logs */
};

static int take_option_of_top(int option, struct ctl_session *session, struct wishes *wishes)
{
        wishes->for_top = option == OPTION_DELAY ? "--delay" : "--count";
        return option == OPTION_DELAY ? parse_delay(optarg, session) : parse_count(optarg, session);
}

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
        case OPTION_NUMBER:
                wishes->number = optarg;
                break;
        case OPTION_VERSION:
                wishes->version = true;
                break;
        default:
                if (option >= CTL_ENV_OPTION_FIRST && option < CTL_ENV_OPTION_END)
                        return ctl_env_options_take(session->env_options, option, optarg);
                if (ctl_logs_take(&session->logs, option, optarg))
                        return CTL_SUCCESS;
                return take_option_of_top(option, session, wishes);
        }
        return CTL_SUCCESS;
}

static int parse_options(int argc, char **argv, struct ctl_session *session, struct wishes *wishes)
{
        char error[OPTION_ERROR_MAX];
        int option, r = CTL_SUCCESS;

        opterr = 0;
        while (r == CTL_SUCCESS &&
               (option = getopt_long(argc, argv, ":d:hjn:s:t:V" CTL_LOGS_LETTERS, options, NULL)) >=
                       0) {
                if (option == ':' || option == '?')
                        return ctl_usage_error("%s", option_error(error, option, argv, options));
                r = take_option(option, session, wishes);
        }
        return r;
}

/* What was wished for is the command's own. */
static int check_wishes(const struct ctl_command *command, struct wishes *wishes,
                        struct ctl_session *session)
{
        if (wishes->number && command->run == ctl_logs)
                session->logs.lines = wishes->number;
        else if (wishes->number)
                wishes->for_top = "--count";
        if (wishes->for_top && command->run != ctl_top)
                return ctl_usage_error("%s: it takes no %s, top does", command->name,
                                       wishes->for_top);
        if (session->logs.option && command->run != ctl_logs)
                return ctl_usage_error("%s: it takes no %s, logs does", command->name,
                                       session->logs.option);
        if (command->run != ctl_env && ctl_env_options_any(session->env_options))
                return ctl_usage_error("%s: it takes no %s, env does", command->name,
                                       ctl_env_options_any(session->env_options));
        return wishes->number && command->run == ctl_top ? parse_count(wishes->number, session)
                                                         : CTL_SUCCESS;
}

static int run(int argc, char **argv, struct ctl_session *session)
{
        struct wishes wishes = {0};
        const struct ctl_command *command = NULL;
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
        if (optind < argc && !(command = ctl_command_find(argv[optind])))
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
        r = check_wishes(command, &wishes, session);
        if (r != CTL_SUCCESS)
                return r;
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
        struct ctl_env_options env_options = {0};
        struct ctl_session session = {
                .started = units_now(),
                .timeout_ms = CTL_NO_WISH,
                .delay = DELAY_DEFAULT,
                .env_options = &env_options,
        };
        int status;

        setlocale(LC_CTYPE, "");
        status = run(argc, argv, &session);
        ctl_session_clear(&session);
        ctl_env_options_clear(&env_options);
        return close_output(status);
}
