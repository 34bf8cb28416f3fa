/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The Python side of jumpbootctl env as it is built into the binary. embed.sh writes the
 * definitions from the folder envtool/ when the project is built.
 */
#include <stddef.h>

struct env_tool_module {
        const char *name;
        const char *text;
        size_t length;
};

/* What is run: python3 -I -c TEXT DESCRIPTOR. */
extern const char env_tool_main[];
extern const size_t env_tool_main_length;

extern const struct env_tool_module env_tool_modules[];
extern const size_t env_tool_modules_count;
