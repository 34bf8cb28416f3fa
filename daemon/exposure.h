/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Which of the files that a config and its programs come from, or of the folders on the way to
 * them, others than root could change: everybody, or the users that workers run as. Whoever takes
 * over a worker could then decide what the daemon runs after the next load.
 */
#include "config_errors.h"
#include "options.h"

struct exposure {
        char **paths;
        size_t n;
};

/* An absolute path; a link counts with what it leads to. 0 or -ENOMEM. */
int exposure_add(struct exposure *exposure, const char *path);
/* One warning for each user, and one for everybody. 0 or -ENOMEM. */
int exposure_warn(struct exposure *exposure, struct program_options *const *programs,
                  size_t n_programs, struct config_errors *errors);
void exposure_clear(struct exposure *exposure);
