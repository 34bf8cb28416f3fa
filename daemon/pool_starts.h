/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * How many workers a pool has: growing on demand, keeping spare ones, and
 * letting idle ones go. Part of the pool; called by it alone.
 */
#include <stdbool.h>
#include <stdint.h>

struct pool;
struct worker_events;

extern const struct worker_events pool_worker_events;

/* Starts and retires workers; returns when to look again (0: nothing is to come). */
uint64_t starts_maintain(struct pool *pool, uint64_t now);

/* Another worker could be started for those who wait. */
bool starts_may_grow(const struct pool *pool);
/* There are more workers than have to be. */
bool starts_has_surplus(const struct pool *pool);
/* The first workers are up, or it is known that they do not come up. */
bool starts_are_settled(const struct pool *pool);
