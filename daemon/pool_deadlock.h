/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Calls by workers that would wait for themselves. Part of the pool; called by it alone.
 *
 * A worker with calls under way waits until one of them is answered: then it may do anything. A
 * call that waits in a queue is served once fewer than max_workers of that pool work. So it never
 * is if max_workers of them are stuck, and a worker is stuck if each of its calls is with a worker,
 * or in the queue of a pool, that is; and so is whoever made the call that it runs, for whom it is
 * cancelled as soon as that one ends. The largest set of those for which this holds is what is
 * looked for. It can come to be by a call that begins to wait; by an answer that leaves its worker
 * with other calls; and by a lower max_workers. Each time those of its calls that wait in queues
 * are refused, by which it ceases to be.
 *
 * Whoever makes the call, directly or through others, cannot help it: it would have to end, and the
 * call ends with it. So they count as stuck, whatever other calls they have.
 *
 * What a worker will do with what has been handed to it ahead of its turn is not looked at: one
 * that waits must not be given any more (worker_is_waiting()).
 */
#include "deadlock_node.h"

#include <stdbool.h>

struct pool;
struct request;
struct worker;

/* Whether a call that waits in this pool's queue, or is about to, can never be served. */
bool deadlock_is_certain(struct pool *pool, const struct request *call);
/* A worker has got an answer to one of its calls, and has others. */
void deadlock_look_at_worker(struct worker *worker);
/* The pool may run fewer workers than before, or what one of them had waits again. */
void deadlock_look_at_pool(struct pool *pool);
