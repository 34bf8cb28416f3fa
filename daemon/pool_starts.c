/* SPDX-License-Identifier: MIT */
#include "pool_starts.h"

#include "common/units.h"
#include "pool.h"
#include "pool_failures.h"

static unsigned count(const struct pool *pool, enum worker_state state)
{
        return pool->workers.count[state];
}

/* Those that serve, or will. */
static unsigned living(const struct pool *pool)
{
        return count(pool, WORKER_STARTING) + count(pool, WORKER_IDLE) + count(pool, WORKER_BUSY);
}

bool starts_may_grow(const struct pool *pool)
{
        return living(pool) < pool->options->max_workers &&
               count(pool, WORKER_STARTING) < pool->options->max_starting && pool->retry_at == 0;
}

bool starts_has_surplus(const struct pool *pool)
{
        return living(pool) > pool->options->min_workers &&
               count(pool, WORKER_IDLE) > pool->options->spare_workers;
}

bool starts_are_settled(const struct pool *pool)
{
        return pool->retry_at != 0 ||
               count(pool, WORKER_IDLE) + count(pool, WORKER_BUSY) >= pool->options->min_workers;
}

static void start_one(struct pool *pool, uint64_t now)
{
        char error[SPAWN_ERROR_MAX];
        unsigned slot = slots_first_free(&pool->slots);
        struct worker *worker;

        pool->starts++;
        if (worker_new(pool->around, pool->options, slot, &pool->workers, &pool_worker_events, pool,
                       now, &worker, error) == 0)
                slots_take(&pool->slots, slot);
        else
                failures_spawn(pool, failures_new_error(error), now);
}

/* Ends those that take too long to become ready; returns when the next one does. */
static uint64_t end_late_starters(struct pool *pool, uint64_t now)
{
        struct worker *worker, *next;
        uint64_t soonest = 0;

        for (worker = TAILQ_FIRST(&pool->workers.list[WORKER_STARTING]); worker; worker = next) {
                uint64_t limit = worker->options->startup_timeout;
                uint64_t end = limit ? worker->process.started + limit : 0;
                next = TAILQ_NEXT(worker, link);
                if (end && end <= now)
                        process_fail(&worker->process, "it was not ready within startup_timeout");
                else
                        soonest = units_sooner(soonest, end);
        }
        return soonest;
}

static uint64_t retire_idle(struct pool *pool, uint64_t now)
{
        uint64_t limit = pool->options->idle_timeout;
        struct worker *worker;

        while (limit && starts_has_surplus(pool)) {
                worker = TAILQ_LAST(&pool->workers.list[WORKER_IDLE], worker_list);
                if (worker->idle_since + limit > now)
                        return worker->idle_since + limit;
                log_debug(&worker->process.context,
                          "retiring it: idle for longer than idle_timeout");
                worker_stop(worker, now);
        }
        return 0;
}

/* How many there should be now. */
static unsigned wanted(const struct pool *pool)
{
        const struct program_options *options = pool->options;
        unsigned waiting = pool->around->is_held_back ? 0 : pool->queue_length;
        uint64_t n = (uint64_t)count(pool, WORKER_BUSY) + waiting + options->spare_workers;

        if (n < options->min_workers)
                n = options->min_workers;
        return n < options->max_workers ? (unsigned)n : options->max_workers;
}

static void start_wanted(struct pool *pool, uint64_t now)
{
        /* One that is on its way out still counts: there are never more than max_workers. */
        unsigned stopping = count(pool, WORKER_STOPPING);

        while (living(pool) < wanted(pool) && starts_may_grow(pool) &&
               living(pool) + stopping < pool->options->max_workers) {
                /* While it fails, one at a time. */
                if (pool->back_off && count(pool, WORKER_STARTING) > 0)
                        return;
                start_one(pool, now);
        }
}

uint64_t starts_maintain(struct pool *pool, uint64_t now)
{
        uint64_t next = retire_idle(pool, now);

        if (pool->retry_at <= now)
                pool->retry_at = 0;
        if (pool->retry_at == 0)
                start_wanted(pool, now);
        /* Those that were just started have a limit too. */
        next = units_sooner(next, end_late_starters(pool, now));
        return units_sooner(next, pool->retry_at);
}
