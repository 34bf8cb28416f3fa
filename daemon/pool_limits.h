/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The time limits of requests: deadlines, how long one may wait in the queue, and from when on one
 * that runs is slow. Part of the pool; called by it alone.
 */
#include <stdint.h>

struct pool;
struct request;
struct worker;

/* Answers what is past a limit, and tells of what is slow; returns when to look again (0: never).
 */
uint64_t limits_maintain(struct pool *pool, uint64_t now);
