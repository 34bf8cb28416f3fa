/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The replacing of workers that have served, lived or grown for long enough, or are older than the
 * program. Such a worker is marked as due and serves on; another one is started for it, for which
 * there may be one more than max_workers; when that is ready, the first of the due ones that has
 * nothing to do leaves. Part of the pool; called by it alone.
 *
 * Two kinds of programs are dealt with otherwise. With max_requests 1 no worker may ever get a
 * second request, and leaves as soon as it has answered. One whose workers use their numbers has
 * never more than max_workers: where all run, a due one leaves first.
 */
#include "worker.h"

#include <stdbool.h>
#include <stdint.h>

struct pool;

#define RECYCLE_MEMORY_INTERVAL      (1 * USEC_PER_SEC)  /* between two looks at one that works */
#define RECYCLE_MEMORY_IDLE_INTERVAL (30 * USEC_PER_SEC) /* at one that does not */

struct pool_recycle {
        uint64_t (*memory_of)(pid_t pid, uint64_t limit);
        int credit; /* replacements that got ready, less the due ones that left for them */
        /* As they were when all workers were looked at last. */
        unsigned n_due;       /* of those that serve */
        unsigned n_replacing; /* that start for a due one */
        unsigned n_leaving;   /* that have their one and only request */
        unsigned n_retired;   /* that are on their way out for having been due */
        uint64_t recycled[WORKER_DUE_REASONS];
};

/* Marks what is due, and lets leave what may; returns when to look again (0: nothing to come). */
uint64_t recycle_maintain(struct pool *pool, uint64_t now);
/* Starts replacements. */
void recycle_start(struct pool *pool, uint64_t now);
/* How many due ones have no replacement, neither a ready one nor one that starts. */
unsigned recycle_uncovered(const struct pool *pool);

/* A worker that starts: how many requests it may serve, max_requests and a random part of
 * max_requests_jitter. */
unsigned recycle_limit(const struct program_options *options);
void recycle_became_ready(struct pool *pool, struct worker *worker);
/* A worker has answered all that it had. True: it leaves now, and gets nothing more. */
bool recycle_answered(struct pool *pool, struct worker *worker, uint64_t now);
/* When the memory of an idle worker has to be looked at; 0: never. */
uint64_t recycle_next_look(const struct worker *worker);
/* It may serve one request only. */
static inline bool recycle_is_once(const struct worker *worker)
{
        return worker->max_requests == 1;
}

/* Lets a worker leave that is due, or that has to make room. */
void recycle_retire(struct pool *pool, struct worker *worker, uint64_t now);
/* "max_requests", "renewed"...: the reason as status tells it. */
const char *recycle_reason(enum worker_due due);
