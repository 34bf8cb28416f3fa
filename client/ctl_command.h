/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The table of all commands, with what is told of each.
 */
#include "ctl_session.h"

#include <stddef.h>

struct ctl_command {
        const char *name;
        const char *arguments;
        const char *summary;
        int (*run)(struct ctl_session *session, char **words, int n_words);
        const char *help;
};

/* The one of that name, or that many places from the first one; NULL: there is none. */
const struct ctl_command *ctl_command_find(const char *name);
const struct ctl_command *ctl_command_at(size_t place);
