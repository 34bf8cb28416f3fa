/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Which Python a program's workers run: an interpreter, or an environment with one. Nothing of it
 * is executed to find out: a config may be loaded by who must not run what it names.
 */
#include "common/cleanup.h"

enum environment_kind {
        ENVIRONMENT_SYSTEM = 0, /* no environment named: /usr/bin/python3 */
        ENVIRONMENT_PYTHON,     /* an interpreter */
        ENVIRONMENT_VENV,       /* the folder of a venv */
        ENVIRONMENT_PREFIX,     /* the folder of a conda environment, or of any installation */
        ENVIRONMENT_NAMED,      /* one that jumpbootctl has made, in the store (env_store.h) */
};

#define ENVIRONMENT_SYSTEM_PYTHON "/usr/bin/python3"
#define ENVIRONMENT_ERROR_MAX     1024

struct environment {
        char *python;         /* absolute; links are kept, for they lead Python to its venv */
        char *folder;         /* that of a venv or prefix; NULL: neither */
        char *bin;            /* its folder of commands, first on PATH */
        char *packages;       /* its folder of packages; NULL: not known */
        const char *variable; /* that tells programs of it: VIRTUAL_ENV or CONDA_PREFIX */
};

/*
 * Finds the interpreter; path is absolute (unused for ENVIRONMENT_SYSTEM). 0; or 1 with what is
 * wrong in `error`; or -ENOMEM. A failed one needs no clearing.
 */
int environment_find(enum environment_kind kind, const char *path, struct environment *ret,
                     char error[static ENVIRONMENT_ERROR_MAX]);
void environment_clear(struct environment *environment);
