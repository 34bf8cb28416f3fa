/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The way of a request through the pool: to the idle worker that was used last, else into the
 * queue, else refused; from the queue to a worker that has become free; and out again. Part of the
 * pool, which has pool_submit(), pool_resume(), pool_withdraw() and pool_finish() from here.
 */
#include <stdint.h>

struct pool;
struct request;
struct worker;

/* Gives a worker that has become free the request whose turn it is; without one it is idle. */
void queue_feed(struct pool *pool, struct worker *worker, uint64_t now);
/* Has a request wait behind those of its caller. */
void queue_add(struct pool *pool, struct request *request);
/* It waits no more, for it is answered. */
void queue_remove(struct pool *pool, struct request *request);
/* Gives busy workers what may be sent ahead of its turn. */
void queue_feed_ahead(struct pool *pool, uint64_t now);
/* Has a request that was sent to a worker wait in front of all others. */
void queue_return(struct pool *pool, struct request *request);
/* No worker will serve those that wait. */
void queue_refuse(struct pool *pool);
