/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Pools of fake workers.
 */
#include "fixture_request.h"
#include "fixture_worker.h"

#include "daemon/pool.h"

static unsigned n_changed;

static inline void on_pool_changed(void *userdata, struct pool *pool)
{
        (void)userdata;
        (void)pool;
        n_changed++;
}

static const struct pool_events pool_events = {on_pool_changed};

static inline void pools_begin(void)
{
        workers_begin();
        requests_begin();
        n_changed = 0;
}

/* Takes over the caller's reference of the options. */
static inline struct pool *new_pool(struct program_options *options)
{
        struct pool *pool;

        ck_assert_int_eq(pool_new(&around, options, &pool_events, NULL, &pool), 0);
        program_options_unref(options);
        return pool;
}

static inline unsigned count_workers(const struct pool *pool, enum worker_state state)
{
        return pool->workers.count[state];
}

static inline struct worker *first_worker(const struct pool *pool, enum worker_state state)
{
        return TAILQ_FIRST(&pool->workers.list[state]);
}

/* Waits until so many are idle. */
static inline void wait_idle(const struct pool *pool, unsigned n)
{
        loop_until(count_workers(pool, WORKER_IDLE) == n);
}

static inline void submit_call(struct pool *pool, const char *function, const char *params)
{
        struct request *request = new_request(function, params);

        request->received = units_now();
        pool_submit(pool, request, request->received);
}
