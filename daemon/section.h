/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The objects of a config file in which options stand, and which options stand in each.
 */
#include "json_node.h"

#include <stdbool.h>

enum section {
        SECTION_SERVER = 1 << 0,          /* jumpbootd.conf */
        SECTION_SERVER_DEFAULTS = 1 << 1, /* its "defaults" */
        SECTION_SET = 1 << 2,             /* a program set */
        SECTION_SET_DEFAULTS = 1 << 3,    /* its "defaults" */
        SECTION_PROGRAM = 1 << 4,         /* one of its "programs" */
};

bool section_has(enum section section, const char *name);
/* Says that the member `node` is no option there, and which one was meant or where it stands. */
void section_unknown(enum section section, const struct json_node *node,
                     struct config_errors *errors);

/* Whether a node is an object; says so if not. */
bool section_is_object(const struct json_node *node, const char *what,
                       struct config_errors *errors);
