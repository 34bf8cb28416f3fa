/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The server's own options as they are in force, through all reloads.
 */
#include "config.h"

#include <stdbool.h>

struct json_object;

struct settings {
        struct server_options options;
        bool is_socket_given; /* by the service manager: it is not the options' */
        bool keeps_log_level; /* the command line has set it */
};

/* Takes over those of a config, except what cannot change any more: that is logged, and added to
 * the warnings, an array. 0 or -ENOMEM. */
int settings_take(struct settings *settings, const struct config *config,
                  struct json_object *warnings);
void settings_clear(struct settings *settings);
