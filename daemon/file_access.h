/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Whether somebody may open a file: asked without opening it, which may have effects.
 */
#include "bootstrap/identity.h"

#include <stdbool.h>

struct file_access {
        const char *path; /* absolute */
        int flags;        /* of open(2) */
        int error;        /* what opening it would fail with; 0: nothing that is known now */
};

/* Fills in the errors, for somebody else (who NULL: the daemon itself). Only where the daemon can
 * take on other identities. 0 or a negative errno. */
int file_access_ask(const struct identity *who, struct file_access *files, size_t n);
