/* SPDX-License-Identifier: MIT */
#include "pool_starts.h"

#include "common/units.h"
#include "pool.h"
#include "pool_failures.h"
#include "pool_worker_events.h"

static unsigned count(const struct pool *pool, enum worker_state state)
{
        return pool->workers.count[state];
}

/* Those that serve, or will. */
static unsigned living(const struct pool *pool)
{
        return count(pool, WORKER_STARTING) + count(pool, WORKER_IDLE) + count(pool, WORKER_BUSY);
}

unsigned starts_size(const struct pool *pool)
{
        const struct pool_recycle *recycle = &pool->recycle;
        unsigned uncovered = recycle_uncovered(pool), n = living(pool);
        unsigned apart = recycle->n_leaving + renew_is_starting(pool) +
                         (recycle->n_replacing < uncovered ? recycle->n_replacing : uncovered) +
                         (recycle->credit > 0 ? (unsigned)recycle->credit : 0);

        return apart < n ? n - apart : 0;
}

bool starts_has_room(const struct pool *pool, const struct program_options *options, bool is_extra)
{
        unsigned limit = pool->options->max_workers;

        if (limit < options->max_workers)
                limit = options->max_workers;
        if (is_extra && !options->uses_slot)
                limit++;
        /* One that is on its way out still counts. */
        return living(pool) + count(pool, WORKER_STOPPING) < limit &&
               (!options->uses_slot || slots_first_free(&pool->slots) < options->max_workers);
}

bool starts_may_try(const struct pool *pool)
{
        if (pool->retry_at != 0 || count(pool, WORKER_STARTING) >= pool->options->max_starting)
                return false;
        /* While it fails, one at a time. */
        return pool->back_off == 0 || count(pool, WORKER_STARTING) == 0;
}

bool starts_may_grow(const struct pool *pool)
{
        bool has_retired = pool->recycle.n_retired + pool->recycle.n_leaving > 0;

        return starts_size(pool) < pool->options->max_workers && starts_may_try(pool) &&
               starts_has_room(pool, pool->options, has_retired);
}

void starts_count_maximum(struct pool *pool)
{
        if (pool->queue_length == 1)
                pool->is_at_maximum = false;
        if (pool->is_at_maximum || pool->queue_length == 0 ||
            starts_size(pool) < pool->options->max_workers)
                return;
        pool->is_at_maximum = true;
        pool->maximum_reached++;
}

bool starts_has_surplus(const struct pool *pool)
{
        return starts_size(pool) > pool->options->min_workers &&
               count(pool, WORKER_IDLE) > pool->options->spare_workers;
}

struct worker *starts_waiting(const struct pool *pool)
{
        struct worker *worker;

        TAILQ_FOREACH (worker, &pool->workers.list[WORKER_STARTING], link)
                if (worker->process.waits_for_debugger)
                        return worker;
        return NULL;
}

bool starts_are_settled(const struct pool *pool)
{
        /* Who was late, or has failed often, may well do so for ever: nobody is to wait for that.
         */
        bool has_failed = pool->retry_at != 0 || (pool->last_error && pool->is_late) ||
                          pool->start_failures >= pool->options->restart_threshold;

        return has_failed || starts_waiting(pool) ||
               count(pool, WORKER_IDLE) + count(pool, WORKER_BUSY) >= pool->options->min_workers;
}

/* template NULL: it is spawned. */
static struct worker *start(struct pool *pool, struct program_options *options,
                            struct template *template, uint64_t now, char error[SPAWN_ERROR_MAX])
{
        unsigned slot;
        struct worker *worker;

        /* The number may be max_workers itself, of the old options or of the new ones. */
        if (slots_grow(&pool->slots, options->max_workers + 1) < 0) {
                snprintf(error, SPAWN_ERROR_MAX, "out of memory");
                return NULL;
        }
        slot = slots_first_free(&pool->slots);
        pool->starts++;
        if (worker_new(pool->around, options, template, slot, &pool->workers, &pool_worker_events,
                       pool, now, &worker, error) < 0)
                return NULL;
        slots_take(&pool->slots, slot);
        worker->process.quota = &pool->quota;
        worker->max_requests = recycle_limit(options);
        return worker;
}

struct worker *starts_trial(struct pool *pool, struct program_options *options, uint64_t now,
                            char error[SPAWN_ERROR_MAX])
{
        struct template *template;

        if (templates_trial(pool, options, now, &template, error) < 0)
                return NULL;
        return start(pool, options, template, now, error);
}

struct worker *starts_one(struct pool *pool, uint64_t now)
{
        char error[SPAWN_ERROR_MAX];
        struct template *template;
        struct worker *worker = NULL;

        if (templates_current(pool, now, &template, error) == 0)
                worker = start(pool, pool->options, template, now, error);
        if (!worker)
                failures_spawn(pool, failures_new_error(error), now);
        return worker;
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
                if (end && end <= now) {
                        process_fail(
                                &worker->process,
                                "it was not ready within startup_timeout (a main module has to "
                                "end, or to listen for requests)");
                        pool->is_late |= worker != pool->renewal.trial;
                } else {
                        soonest = units_sooner(soonest, end);
                }
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
                pool->grown_to = starts_size(pool);
        }
        return 0;
}

/* How many there should be now. */
static unsigned wanted(const struct pool *pool)
{
        const struct program_options *options = pool->options;
        unsigned busy = count(pool, WORKER_BUSY), leaving = pool->recycle.n_leaving;
        unsigned waiting = pool->around->is_held_back ? 0 : pool->queue_length;
        uint64_t n = (uint64_t)(busy > leaving ? busy - leaving : 0) + waiting;

        n += options->spare_workers;
        if (n < options->min_workers)
                n = options->min_workers;
        return n < options->max_workers ? (unsigned)n : options->max_workers;
}

static void start_wanted(struct pool *pool, uint64_t now)
{
        while (starts_size(pool) < wanted(pool) && starts_may_grow(pool)) {
                if (!starts_one(pool, now))
                        return;
                if (starts_size(pool) > pool->grown_to)
                        pool->grown_to = starts_size(pool);
                else
                        pool->respawns++;
        }
}

uint64_t starts_maintain(struct pool *pool, uint64_t now)
{
        uint64_t next = recycle_maintain(pool, now);

        next = units_sooner(next, retire_idle(pool, now));
        if (pool->retry_at <= now)
                pool->retry_at = 0;
        renew_maintain(pool, now);
        start_wanted(pool, now);
        recycle_start(pool, now);
        starts_count_maximum(pool);
        /* Those that were just started have a limit too. */
        next = units_sooner(next, end_late_starters(pool, now));
        return units_sooner(next, pool->retry_at);
}
