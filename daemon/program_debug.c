/* SPDX-License-Identifier: MIT */
#include "program_debug.h"

/* No limit of time or number ends its worker, or has another one started beside it. */
static void hold(struct program_options *options)
{
        options->min_workers = options->max_workers = 1;
        options->spare_workers = 0;
        options->start_method = START_SPAWN;
        options->uses_slot =
                true; /* the port is one worker's, too: none starts beside the old one */
        options->startup_timeout = 0;
        options->idle_timeout = 0;
        options->request_timeout = 0;
        options->queue_timeout = 0;
        options->slow_request_timeout = 0;
        options->max_requests = options->max_requests_jitter = 0;
        options->max_worker_lifetime = 0;
        options->max_worker_memory = 0;
}

int program_debug_build(const struct program_draft *draft, bool is_allowed,
                        struct config_errors *errors, struct program_options *options)
{
        const struct json_node *origins = draft->origins;

        if (options->debug_port == 0 && options->break_on_start) {
                json_node_error(&origins[DRAFT_OPTION_break_on_start], errors,
                                "break_on_start needs a debug_port");
                return 1;
        }
        if (options->debug_port == 0)
                return 0;
        if (!is_allowed) {
                json_node_error(&origins[DRAFT_OPTION_debug_port], errors,
                                "debug_port: whoever reaches this port, as every user of this "
                                "machine does, runs code as the worker; where that may be, "
                                "jumpbootd.conf says \"allow_debug\": true");
                return 1;
        }
        hold(options);
        return 0;
}
