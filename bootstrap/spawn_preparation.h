/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * All that a child needs on its way to exec, made before the fork: its descriptors, its arguments.
 */
#include "spawn.h"

/* What is prepared for one child. */
struct spawn_preparation {
        int *descriptors; /* duplicates for the child, all numbers above those it will use */
        int count;
        int report[2];
        char *primary;
        char (*numbers)[12];
        const char **arguments;
};

/* An initializer with nothing in it. */
#define SPAWN_PREPARATION_NONE                                                                     \
        {                                                                                          \
                .report = { -1, -1 }                                                               \
        }

/* Makes all of it; the daemon's ends of the pipes go to *spawned. 0, or a negative errno with what
 * failed in `error`. */
int spawn_prepare(struct spawn_preparation *preparation, const struct spawn_options *options,
                  struct spawned *spawned, char error[static SPAWN_ERROR_MAX]);
/* Also of one that could not be made. */
void spawn_preparation_clear(struct spawn_preparation *preparation);
