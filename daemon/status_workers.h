/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What the daemon tells of each worker.
 */
#include <stdint.h>

struct json_object;
struct pool;
struct worker;

/* Adds an object for each of the pool's workers to an array, in the order of their slots. */
void status_add_workers(struct json_object *array, const struct pool *pool, uint64_t now);
/* Adds what a worker that waits for a debugger waits for. */
void status_put_debugger(struct json_object *object, const struct worker *worker);
