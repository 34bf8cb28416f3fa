/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Requests that are sent to a worker before it has answered what it has, so that neither waits for
 * the other. What stands before such a request in the worker's pipe is expected to take less than
 * prefetch_time, by how long the called functions ran before. It is done only where no worker is
 * idle, and never to a worker that has other things to come: it waits for a call of its own, is
 * interrupted, due to be replaced, or asked to leave.
 *
 * Where it turns out otherwise, what has surely not begun is taken back, to the front of the queue
 * in its old order: at once if the worker begins to wait or is to leave, and by a look now and then
 * if one of its requests goes on for too long. Part of the pool; called by it alone.
 */
#include "worker.h"

#include <stdint.h>

struct pool;

struct pool_ahead {
        struct worker_list roomy;   /* those that may be sent one more, in turn */
        struct worker_list crowded; /* those that have, or had a moment ago, several */
        uint64_t n_sent, n_taken_back;
};

void ahead_init(struct pool_ahead *ahead);

/* A busy worker that this request may be sent to; NULL: it has to wait. */
struct worker *ahead_find(struct pool *pool, const struct request *request, uint64_t now);
/* A worker, idle or busy, has been given a request. */
void ahead_given(struct pool *pool, struct worker *worker, struct request *request, uint64_t now);
/* A worker has answered one of its requests, and has others. */
void ahead_answered(struct pool *pool, struct worker *worker, uint64_t now);
/* A worker has ended. */
void ahead_exited(struct pool *pool, struct worker *worker);

/* Takes back what the worker has not begun, but for the first that it has. */
void ahead_take_back(struct pool *pool, struct worker *worker);
/* Takes back this one. False: it may have begun, or is the next to. */
bool ahead_take_one_back(struct pool *pool, struct request *request);
/* Looks at those that have several; returns when to look again (0: none has). */
uint64_t ahead_maintain(struct pool *pool, uint64_t now);
/* How many requests stand behind others with workers. */
unsigned ahead_count(const struct pool *pool);
