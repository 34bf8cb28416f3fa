/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What the processes of a program are, by its draft: who they run as, with which limits, what they
 * execute and with which arguments and environment.
 */
#include "exposure.h"
#include "program_draft.h"

struct program_place {
        struct json_node node; /* the program's object; its name is the program's */
        const char *program_set;
        uint64_t max_response_size, max_request_size;
        const char *state_directory;
        bool allow_debug;
        struct exposure *exposure; /* is told of its files */
};

/* The table's options stand in `options` already. 0; or 1 if something is wrong, which `errors`
 * tells; or -ENOMEM. */
int program_process_build(const struct program_draft *draft, const struct program_place *place,
                          struct config_errors *errors, struct program_options *options);
