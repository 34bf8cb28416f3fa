/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Which Python a program's workers run, and which environment variables they see.
 */
#include "common/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

enum environment_kind {
        ENVIRONMENT_SYSTEM = 0, /* no environment named: /usr/bin/python3 */
        ENVIRONMENT_PYTHON,     /* an interpreter */
        ENVIRONMENT_VENV,       /* the folder of a venv */
        ENVIRONMENT_PREFIX,     /* the folder of a conda environment, or of any installation */
};

#define ENVIRONMENT_MARK          "JUMPBOOT_WORKER" /* which every worker has, see below */
#define ENVIRONMENT_SYSTEM_PYTHON "/usr/bin/python3"
#define ENVIRONMENT_ERROR_MAX     512

struct environment {
        char *python;         /* absolute; links are kept, for they lead Python to its venv */
        char *folder;         /* that of a venv or prefix; NULL: neither */
        char *bin;            /* its folder of commands, first on PATH */
        const char *variable; /* that tells programs of it: VIRTUAL_ENV or CONDA_PREFIX */
};

/*
 * Finds the interpreter; path is absolute (unused for ENVIRONMENT_SYSTEM). 0; or 1 with what is
 * wrong in `error`; or -ENOMEM. A failed one needs no clearing.
 */
int environment_find(enum environment_kind kind, const char *path, struct environment *ret,
                     char error[static ENVIRONMENT_ERROR_MAX]);
void environment_clear(struct environment *environment);

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
