/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The options of the daemon itself, as jumpbootd.conf has them.
 */
#include "config_errors.h"
#include "json_node.h"
#include "options.h"

/* Sets all of them, those that are not there to their defaults. What is wrong goes to `errors`.
 * 0 or -ENOMEM. */
int config_load_server(struct server_options *server, const struct json_node *root,
                       struct config_errors *errors);
/* The state directory, unless it is set. 0 or -ENOMEM. */
int config_set_state_directory(struct server_options *server);
