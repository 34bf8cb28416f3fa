/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The environment of one process of a program: what all of them have, and what it alone has: its
 * slot, where the program asks for it, and JUMPBOOT_WORKER=DAEMON_PID.NUMBER, by which it and all
 * that it starts can be found.
 */
#include "options.h"

#include <stdint.h>

/* NULL-terminated, in one piece, to be freed before the options; slot -1: it has none, and no
 * variable that would name it. NULL: out of memory. */
char **process_environment_new(const struct program_options *options, int slot, uint64_t number);
/* The part of it that not all of the program's processes have. */
char **process_environment_own(char **environment, const struct program_options *options);
