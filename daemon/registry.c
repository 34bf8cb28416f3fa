/* SPDX-License-Identifier: MIT */
#include "registry.h"

#include "common/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NEAR_DISTANCE 2 /* slips of the pen between a name and the one that was meant */

static int compare(const char *name, size_t length, const struct pool *pool)
{
        const char *other = pool->options->name;
        size_t other_length = strlen(other);
        /* The name is a client's, and may have a zero in it. */
        int order = memcmp(name, other, length < other_length ? length : other_length);

        return order != 0 ? order : (length > other_length) - (length < other_length);
}

/* Where the name stands, or where it would have to stand. */
static size_t position(const struct registry *registry, const char *name, size_t length)
{
        size_t low = 0, high = registry->n_pools;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (compare(name, length, registry->pools[middle]) > 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

struct pool *registry_find(const struct registry *registry, const char *name, size_t length)
{
        size_t at = position(registry, name, length);

        if (at < registry->n_pools && compare(name, length, registry->pools[at]) == 0)
                return registry->pools[at];
        return NULL;
}

struct pool *registry_find_leaving(const struct registry *registry, const char *name, size_t length)
{
        struct pool *pool;

        LIST_FOREACH(pool, &registry->leaving, leaving)
        if (!pool->is_stopping && compare(name, length, pool) == 0)
                return pool;
        return NULL;
}

const char *registry_nearest(const struct registry *registry, struct caller *caller,
                             const char *name)
{
        unsigned nearest = NEAR_DISTANCE + 1;
        const char *found = NULL;

        for (size_t i = 0; i < registry->n_pools; i++) {
                const char *other = registry->pools[i]->options->name;
                unsigned distance = text_distance(name, other);
                if (distance < nearest && distance < strlen(other) &&
                    pool_allows(registry->pools[i], caller)) {
                        nearest = distance;
                        found = other;
                }
        }
        return found;
}

int registry_add(struct registry *registry, struct pool *pool)
{
        const char *name = pool->options->name;
        size_t at = position(registry, name, strlen(name));
        struct pool **pools =
                reallocarray(registry->pools, registry->n_pools + 1, sizeof(struct pool *));

        if (!pools)
                return -ENOMEM;
        memmove(pools + at + 1, pools + at, (registry->n_pools - at) * sizeof(struct pool *));
        pools[at] = pool;
        registry->pools = pools;
        registry->n_pools++;
        return 0;
}

void registry_remove(struct registry *registry, struct pool *pool)
{
        size_t at = position(registry, pool->options->name, strlen(pool->options->name));

        registry->n_pools--;
        memmove(registry->pools + at, registry->pools + at + 1,
                (registry->n_pools - at) * sizeof(struct pool *));
        LIST_INSERT_HEAD(&registry->leaving, pool, leaving);
}

void registry_forget(struct pool *pool)
{
        LIST_REMOVE(pool, leaving);
}

void registry_clear(struct registry *registry)
{
        for (size_t i = 0; i < registry->n_pools; i++)
                pool_free(registry->pools[i]);
        free(registry->pools);
        *registry = (struct registry){0};
}
