/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * How many workers a pool has: growing on demand, keeping spare ones, and
 * letting idle ones go. Part of the pool; called by it alone.
 */
#include "bootstrap/spawn.h"

#include <stdbool.h>
#include <stdint.h>

struct pool;
struct program_options;
struct worker;

/* Starts and retires workers; returns when to look again (0: nothing is to come). */
uint64_t starts_maintain(struct pool *pool, uint64_t now);

/* Starts one worker. NULL: it cannot be started, which is told and counted. */
struct worker *starts_one(struct pool *pool, uint64_t now);
/* The same with other options; why it cannot be started stands in `error`, and is the caller's. */
struct worker *starts_trial(struct pool *pool, struct program_options *options, uint64_t now,
                            char error[SPAWN_ERROR_MAX]);

/* How many workers it has, those apart that come and go for one another. */
unsigned starts_size(const struct pool *pool);
/* There is room for one more worker with these options. `is_extra`: also if it is one more than
 * max_workers. */
bool starts_has_room(const struct pool *pool, const struct program_options *options, bool is_extra);
/* Another one may start now: not too many do, and their like do not fail. */
bool starts_may_try(const struct pool *pool);
/* A request has been queued: whether a worker could be started for it. */
bool starts_may_grow(const struct pool *pool);
/* Counts the times that requests wait though it has max_workers. */
void starts_count_maximum(struct pool *pool);
/* There are more workers than have to be. */
bool starts_has_surplus(const struct pool *pool);
/* The worker that waits for a debugger, if there is one. */
struct worker *starts_waiting(const struct pool *pool);
/* The first workers are up, one waits for a debugger, or it is known that they do not come up. */
bool starts_are_settled(const struct pool *pool);
