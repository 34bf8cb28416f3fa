/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The answers of a pool to requests that get no result of their worker: each ends the request, and
 * says why, with what the caller may want to know. Part of the pool; called by it alone.
 */
#include "worker.h"

struct pool;
struct request;
struct worker;

/* The queue is full: with when to come again. */
void refuse_overloaded(struct pool *pool, struct request *request);
/* The workers fail to start: with the last error. */
void refuse_unavailable(struct pool *pool, struct request *request);
/* It is past its deadline: with where it was by then. */
void refuse_timeout(struct pool *pool, struct request *request);
/* Its caller does not want it any more. */
void refuse_cancelled(struct pool *pool, struct request *request);
void refuse_shutting_down(struct pool *pool, struct request *request);
/* The worker that had it has ended: with how. */
void refuse_died(struct pool *pool, struct request *request, const struct worker *worker,
                 enum begun begun);
/* A call by a worker would wait for itself. */
void refuse_deadlock(struct pool *pool, struct request *request);
void refuse_out_of_memory(struct pool *pool, struct request *request);
