/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A pool whose workers are replaced. The memory of workers is what the test says it is.
 */
#include "fixture_pool.h"

#include "daemon/pool_recycle.h"

static struct pool *pool;
static struct program_options *options;
static uint64_t memory;
static unsigned n_looks;

static inline uint64_t look_at_memory(pid_t pid, uint64_t limit)
{
        ck_assert_int_gt(pid, 0);
        ck_assert_uint_eq(limit, options->max_worker_memory);
        n_looks++;
        return memory;
}

static inline void recycle_setup(void)
{
        pools_begin();
        pool = NULL;
        memory = n_looks = 0;
}

static inline void recycle_teardown(void)
{
        if (pool)
                pool_stop(pool, true, units_now());
        ck_assert_uint_eq(caller.n_requests, 0);
        pool_free(pool);
        workers_end();
}

static inline void begin(unsigned min_workers, unsigned max_workers)
{
        options = new_options("calc", "echo");
        options->min_workers = min_workers;
        options->max_workers = max_workers;
        options->request_timeout = 0;
        options->max_worker_lifetime = 3600 * USEC_PER_SEC;
        pool = new_pool(options);
        pool->recycle.memory_of = look_at_memory;
        wait_idle(pool, min_workers);
}

static inline void answer(const char *function)
{
        unsigned n = n_answers;

        submit_call(pool, function, "1");
        loop_until(n_answers == n + 1);
        ck_assert_int_eq(last_status, RPC_OK);
}

/* Makes all that serve due. */
static inline void age(void)
{
        pool_maintain(pool, units_now() + options->max_worker_lifetime);
}

static inline uint64_t recycled(enum worker_due due)
{
        return pool->recycle.recycled[due];
}

/* Lets all that are due be replaced; at no time are there fewer that serve, or more in all. */
static inline void watch_replacements(unsigned n_serving, unsigned n_all, uint64_t n_recycled)
{
        uint64_t sum = 0;

        while (sum < n_recycled || count_all(pool) > count_serving(pool)) {
                ck_assert_uint_ge(count_serving(pool), n_serving);
                ck_assert_uint_le(count_all(pool), n_all);
                loop_once();
                sum = 0;
                for (enum worker_due due = WORKER_NOT_DUE; due < WORKER_DUE_REASONS; due++)
                        sum += recycled(due);
        }
        ck_assert_uint_eq(sum, n_recycled);
        ck_assert_int_eq(pool->recycle.credit, 0);
        loop_now();
        ck_assert_uint_eq(count_all(pool), count_serving(pool));
}
