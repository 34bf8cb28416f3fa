/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * All pools, found by their program's name.
 */
#include "pool.h"

#include <stddef.h>

struct registry {
        struct pool **pools; /* sorted by name */
        size_t n_pools;
        uint64_t last_serial;     /* that a request has got */
        struct pool_list leaving; /* those that nobody finds any more, while they still answer */
};

/* Takes the pool. 0 or -ENOMEM (the pool is still the caller's then). */
int registry_add(struct registry *registry, struct pool *pool);
/* Nobody finds it any more: it is leaving. */
void registry_remove(struct registry *registry, struct pool *pool);
/* One that is leaving has gone. The pool is the caller's from here on. */
void registry_forget(struct pool *pool);
struct pool *registry_find(const struct registry *registry, const char *name, size_t length);
/* The same among those that are leaving and have not been stopped. */
struct pool *registry_find_leaving(const struct registry *registry, const char *name,
                                   size_t length);
/* The program whose name is the nearest to this one, if any is near that this caller may call;
 * NULL: none is. */
const char *registry_nearest(const struct registry *registry, struct caller *caller,
                             const char *name);
/* Frees the pools too. */
void registry_clear(struct registry *registry);
