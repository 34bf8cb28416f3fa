/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Which environment variables a program's workers see.
 */
#include "common/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

struct environment;

#define ENVIRONMENT_MARK "JUMPBOOT_WORKER" /* which every worker has, see process_environment.h */

/* One variable of the config's `env`. */
struct environment_setting {
        const char *name, *value;
};

/* NULL if a variable can have this name, else what is wrong with it. */
const char *environment_name_fault(const char *name);

/*
 * The complete block for a worker, NULL-terminated. `own` is the daemon's environment: all of it is
 * taken over, except what systemd meant for the daemon alone, unless is_clear; then HOME, LANG,
 * LOGNAME and USER are. The settings win over everything, PATH included. 0 or -ENOMEM.
 */
int environment_block(const struct environment *environment, bool is_clear, char *const *own,
                      const struct environment_setting *settings, size_t n_settings, char ***ret);
/* The names that follow keep their order. */
void environment_block_remove(char **block, const char *name);
char **environment_block_free(char **block);
static inline void environment_block_freep(char ***block)
{
        *block = environment_block_free(*block);
}
