/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Where the environments are that jumpbootctl makes, and which of them are finished: each is a
 * folder in the store, by its name, and has the marker from its last step on. Whatever has none is
 * half made, or being made.
 */
#include <stdbool.h>

#define ENV_STORE_FOLDER "envs" /* in the state directory */
#define ENV_STORE_MARKER "jumpboot-environment.json"
#define ENV_NAME_MAX     64U

/* Whether an environment can have this name. */
bool env_name_is_right(const char *name);
#define ENV_NAME_RULE                                                                              \
        "a name begins with a letter or a digit, and goes on with letters, digits, '.', '_' and "  \
        "'-', at most 64 in all"

/* The folder of the store; to be freed. NULL: no memory. */
char *env_store_path(const char *state_directory);
/* Whether the folder of an environment has the marker. */
bool env_store_has(const char *store, const char *name);
/* The finished one whose name a slip or two may have made this one; to be freed. NULL: none. */
char *env_store_nearest(const char *store, const char *name);
