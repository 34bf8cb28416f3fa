/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The command line of jumpbootd.
 */

enum arguments_mode {
        ARGUMENTS_SERVE,
        ARGUMENTS_CHECK,
        ARGUMENTS_DUMP,
        ARGUMENTS_DUMP_ENVIRONMENTS,
};

struct arguments {
        const char *config;
        enum arguments_mode mode;
        int log_level; /* -1: as the config says */
};

/* Fills in the arguments. -1: go on; else the exit status, and all has been said. */
int arguments_read(int argc, char *argv[], struct arguments *arguments);
