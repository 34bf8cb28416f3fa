/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What the processes of a program are, by its draft: who they run as, with which limits, what they
 * execute and with which arguments and environment.
 */
#include "program_draft.h"

/* `node` is the program's object; the table's options stand in `options` already. 0; or 1 if
 * something is wrong, which `errors` tells; or -ENOMEM. */
int program_process_build(const struct program_draft *draft, const struct json_node *node,
                          struct config_errors *errors, struct program_options *options);
