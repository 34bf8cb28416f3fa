/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What is wanted of the journal: the options of `logs`, as they stand on the command line.
 */
#include <getopt.h>
#include <stdbool.h>

/* The letters, and the values of long forms that have none. */
#define CTL_LOGS_LETTERS "D:fo:p:u:"
enum {
        CTL_LOGS_OPTION_LINES = 2000,
        CTL_LOGS_OPTION_SINCE,
        CTL_LOGS_OPTION_UNTIL,
        CTL_LOGS_OPTION_WORKER,
};

/* For the table of getopt_long(3). */
#define CTL_LOGS_OPTIONS                                                                           \
        {"directory", required_argument, NULL, 'D'}, {"follow", no_argument, NULL, 'f'},           \
                {"lines", required_argument, NULL, CTL_LOGS_OPTION_LINES},                         \
                {"output", required_argument, NULL, 'o'},                                          \
                {"priority", required_argument, NULL, 'p'},                                        \
                {"since", required_argument, NULL, CTL_LOGS_OPTION_SINCE},                         \
                {"unit", required_argument, NULL, 'u'},                                            \
                {"until", required_argument, NULL, CTL_LOGS_OPTION_UNTIL},                         \
        {                                                                                          \
                "worker", required_argument, NULL, CTL_LOGS_OPTION_WORKER                          \
        }

struct ctl_logs {
        const char *option; /* the last that was given; NULL: none */
        bool follow;
        const char *lines; /* a number, or "all" */
        const char *since, *until;
        const char *priority;  /* the name of a level, or what else journalctl(1) takes */
        const char *worker;    /* a pid */
        const char *output;    /* journalctl's form of output */
        const char *unit;      /* NULL: jumpbootd.service */
        const char *directory; /* NULL: the journal of this machine */
};

/* Takes one of its options that getopt_long(3) has found; false: it is not one of them. */
bool ctl_logs_take(struct ctl_logs *logs, int option, const char *value);
