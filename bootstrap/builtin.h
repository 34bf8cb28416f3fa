/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The Python side as it is built into the binary. embed.sh writes the definitions from primary.py,
 * secondary.py and the folder jumpboot/ when the project is built.
 */
#include <stddef.h>

struct builtin_module {
        const char *name;
        const char *text;
        size_t length;
};

/* The first stage; BUILTIN_PRIMARY_FD in it stands for the number of the bootstrap pipe. */
#define BUILTIN_PRIMARY_FD "{{BOOTSTRAP_FD}}"
extern const char builtin_primary[];
extern const size_t builtin_primary_length;

/* The second stage, read from the bootstrap pipe. */
extern const char builtin_secondary[];
extern const size_t builtin_secondary_length;

/* The modules of the package that programs import, in the order of their names. */
extern const struct builtin_module builtin_package[];
extern const size_t builtin_package_count;
