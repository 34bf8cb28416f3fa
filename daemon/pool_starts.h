/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * How many workers a pool has: growing on demand, keeping spare ones, letting idle ones go, and
 * holding back after failures to start. Part of the pool; called by it alone.
 */
#include <stdbool.h>
#include <stdint.h>

struct pool;
struct worker;
struct worker_events;

#define STARTS_BACK_OFF_MIN (1 * USEC_PER_SEC)
#define STARTS_BACK_OFF_MAX (60 * USEC_PER_SEC)

extern const struct worker_events pool_worker_events;

/* Starts and retires workers; returns when to look again (0: nothing is to come). */
uint64_t starts_maintain(struct pool *pool, uint64_t now);
/* A worker became ready: what failed before is forgiven, unless its like have died right after. */
void starts_became_ready(struct pool *pool);
/* A worker has answered: all is forgiven. */
void starts_answered(struct pool *pool);
/* A worker ended: logged, counted, and a failure if it never became ready. */
void starts_ended(struct pool *pool, struct worker *worker, uint64_t now);

/* Another worker could be started for those who wait. */
bool starts_may_grow(const struct pool *pool);
/* There are more workers than have to be. */
bool starts_has_surplus(const struct pool *pool);
/* The first workers are up, or it is known that they do not come up. */
bool starts_are_settled(const struct pool *pool);
