/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A program with a `debug_port`: it has one worker, which nothing but its end disturbs, since
 * somebody may look at it for hours.
 */
#include "program_draft.h"

/* Changes the options accordingly. 0; or 1 if it is not allowed, which `errors` tells. */
int program_debug_build(const struct program_draft *draft, bool is_allowed,
                        struct config_errors *errors, struct program_options *options);
