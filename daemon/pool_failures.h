/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What a pool does about workers that fail to start, or die before they have answered anything: it
 * tries again at growing distances, and tells why. Part of the pool; called by it alone.
 */
#include <stdbool.h>
#include <stdint.h>

struct json_object;
struct pool;
struct worker;

#define FAILURES_BACK_OFF_MIN (1 * USEC_PER_SEC)
#define FAILURES_BACK_OFF_MAX (60 * USEC_PER_SEC)

/* A worker could not even be spawned. Takes the error. */
void failures_spawn(struct pool *pool, struct json_object *error, uint64_t now);
/* A worker became ready: what failed before is forgiven, unless its like have died right after. */
void failures_became_ready(struct pool *pool);
/* A worker has answered: all is forgiven. */
void failures_answered(struct pool *pool);
/* A worker ended: logged, counted, and a failure if it has answered nothing. */
void failures_ended(struct pool *pool, struct worker *worker, uint64_t now);
/* Forgives all, for what reason ever. */
void failures_clear(struct pool *pool);

/* The error of a worker that could not be spawned, in the shape that other start errors have. */
struct json_object *failures_new_error(const char *message);
/* Tells of a start that failed; `is_repeated`: for the same reason as the one before. */
void failures_log(const struct worker *worker, struct json_object *error, bool is_repeated);
