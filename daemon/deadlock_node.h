/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What the search for deadlocks keeps in a pool and in a worker: see pool_deadlock.h.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

/* A worker or a pool while it is looked at. */
struct deadlock_node {
        TAILQ_ENTRY(deadlock_node) link;
        bool is_pool;
        bool is_found;
        bool is_stuck; /* by what is known so far */
        bool is_given; /* it is stuck: that is what the search starts from */
};
