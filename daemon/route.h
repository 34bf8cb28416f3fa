/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * From a method's name to the pool that serves it, for those who may call it.
 */
#include "call.h"
#include "registry.h"

#include <stdbool.h>

#define ROUTE_DETAIL_MAX 256

struct route {
        bool is_reserved;  /* it is one of the daemon's own methods */
        struct pool *pool; /* NULL: there is no such method, for this caller */
        const char *function;
        char detail[ROUTE_DETAIL_MAX]; /* why there is none */
};

/* For a program that is leaving, is_leaving: others that are can be called, too. */
void route_find(struct route *route, const struct registry *registry, struct caller *caller,
                const struct call *call, bool is_leaving);
