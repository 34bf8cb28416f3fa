/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * "Did you mean": of some names, the one that a slip or two may have made another name of.
 */
#include <stddef.h>

struct ctl_near {
        const char *wanted; /* what was written */
        const char *name;   /* the nearest so far, NULL: none is near; it is the caller's */
        unsigned distance;  /* of that */
};

void ctl_near_try(struct ctl_near *near, const char *name);
