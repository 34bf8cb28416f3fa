/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What the daemon tells of each worker.
 */
#include <stdint.h>

struct json_object;
struct pool;

/* Adds an object for each of the pool's workers to an array, in the order of their slots. */
void status_add_workers(struct json_object *array, const struct pool *pool, uint64_t now);
