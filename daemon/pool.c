/* SPDX-License-Identifier: MIT */
#include "pool.h"

#include "cgroups.h"
#include "common/cleanup.h"
#include "common/units.h"
#include "memory.h"
#include "pool_interrupts.h"
#include "pool_limits.h"
#include "pool_queue.h"
#include "pool_starts.h"
#include "refuse.h"

#include <errno.h>
#include <event2/event.h>
#include <json-c/json.h>

static unsigned count(const struct pool *pool, enum worker_state state)
{
        return pool->workers.count[state];
}

bool pool_has_workers(const struct pool *pool)
{
        return count(pool, WORKER_STARTING) + count(pool, WORKER_IDLE) + count(pool, WORKER_BUSY) +
                               count(pool, WORKER_STOPPING) >
                       0 ||
               templates_are_there(pool);
}

bool pool_is_unavailable(const struct pool *pool)
{
        return pool->retry_at != 0 && count(pool, WORKER_IDLE) + count(pool, WORKER_BUSY) == 0;
}

bool pool_is_failing(const struct pool *pool)
{
        return pool->last_error &&
               (pool_is_unavailable(pool) ||
                count(pool, WORKER_IDLE) + count(pool, WORKER_BUSY) < pool->options->min_workers);
}

void pool_wake_at(struct pool *pool, uint64_t when, uint64_t now)
{
        if (when == 0 || (pool->timer_at != 0 && pool->timer_at <= when))
                return;
        uint64_t wait = when > now ? when - now : 0;
        struct timeval delay = {(time_t)(wait / USEC_PER_SEC), (suseconds_t)(wait % USEC_PER_SEC)};
        pool->timer_at = when;
        event_add(pool->timer, &delay);
}

void pool_cancel(struct pool *pool, struct request *request, uint64_t now)
{
        interrupts_give_up(pool, request, true, refuse_cancelled, now);
}

bool pool_take_back(struct pool *pool, struct request *request)
{
        return ahead_take_one_back(pool, request);
}

const char *pool_ask_stack(struct pool *pool, struct worker *worker, struct stack_asker *asker,
                           uint64_t now)
{
        return interrupts_ask_stack(pool, worker, asker, now);
}

static bool is_drained(const struct pool *pool, uint64_t now)
{
        return (pool->drained_by != 0 && pool->drained_by <= now) || pool_count_requests(pool) == 0;
}

void pool_maintain(struct pool *pool, uint64_t now)
{
        struct worker *worker;
        uint64_t next = limits_maintain(pool, now);

        next = units_sooner(next, ahead_maintain(pool, now));
        next = units_sooner(next, templates_maintain(pool, now));
        next = units_sooner(next, quota_maintain(&pool->quota, &pool->context, now));
        if (pool->is_draining && !pool->is_stopping && is_drained(pool, now))
                pool_stop(pool, false, now);
        if (!pool->is_stopping)
                next = units_sooner(next, starts_maintain(pool, now));
        TAILQ_FOREACH (worker, &pool->workers.list[WORKER_STOPPING], link)
                next = units_sooner(next, process_escalate(&worker->process, now));
        if (pool_is_unavailable(pool))
                queue_refuse(pool);
        if (pool->is_draining && !pool->is_stopping)
                next = units_sooner(next, pool->drained_by);
        /* Whoever was busy and has gone has left its turn to another. */
        pool_resume(pool, now);
        pool_wake_at(pool, next, now);
        if ((!pool->is_settled && starts_are_settled(pool)) ||
            (pool->is_stopping && !pool_has_workers(pool))) {
                pool->is_settled = true;
                pool->events->changed(pool->userdata, pool);
        }
}

static void on_timer(evutil_socket_t fd, short what, void *userdata)
{
        struct pool *pool = userdata;

        (void)fd;
        (void)what;
        pool->timer_at = 0;
        pool_maintain(pool, units_now());
}

static void on_turn(struct turn_task *task)
{
        pool_maintain(CONTAINER_OF(task, struct pool, maintain), units_now());
}

static void stop_worker(struct worker *worker, bool hurry, uint64_t now)
{
        if (hurry)
                process_kill(&worker->process);
        else if (worker->state == WORKER_IDLE)
                worker_stop(worker, now);
        else if (worker->state != WORKER_STOPPING)
                process_terminate(&worker->process, now);
}

void pool_drain(struct pool *pool, uint64_t now)
{
        uint64_t limit = pool->options->graceful_timeout;

        pool->is_draining = true;
        pool->drained_by = limit ? now + limit : 0;
        turn_defer(pool->around->turn, &pool->maintain);
}

/* One that it still has. */
static struct request *first_left(const struct pool *pool)
{
        struct request *request = TAILQ_FIRST(&pool->queue);
        struct worker *worker;

        if (request)
                return request;
        for (enum worker_state state = WORKER_STARTING; state <= WORKER_STOPPING; state++)
                TAILQ_FOREACH (worker, &pool->workers.list[state], link)
                        if ((request = ledger_first_request(&worker->ledger)))
                                return request;
        return NULL;
}

void pool_stop(struct pool *pool, bool hurry, uint64_t now)
{
        struct request *request;

        pool->is_stopping = true;
        pool_renew_cancel(pool, "the program is being stopped", now);
        /* Each may take calls by another worker of the pool with it, which changes its lists, and
         * has what stood behind them wait again. */
        while ((request = first_left(pool)))
                refuse_shutting_down(pool, request);
        for (enum worker_state state = WORKER_STARTING; state <= WORKER_STOPPING; state++) {
                struct worker *worker, *next;
                for (worker = TAILQ_FIRST(&pool->workers.list[state]); worker; worker = next) {
                        next = TAILQ_NEXT(worker, link);
                        stop_worker(worker, hurry, now);
                }
        }
        templates_stop(pool, hurry, now);
        turn_defer(pool->around->turn, &pool->maintain);
}

/* Its workers print too much. */
static void on_exceeded(void *userdata, uint64_t until)
{
        struct pool *pool = userdata;
        char interval[UNITS_TEXT_MAX];

        log_event(LOG_EVENT_OUTPUT_LIMITED, LOG_WARNING, &pool->context,
                  "its workers wrote %u lines within %s: dropping what they write",
                  pool->options->log_rate_limit_burst,
                  units_format_duration(interval, pool->options->log_rate_limit_interval));
        pool_wake_at(pool, until, units_now());
}

int pool_new(const struct surroundings *around, struct program_options *options,
             const struct pool_events *events, void *userdata, struct pool **ret)
{
        _cleanup_(pool_freep) struct pool *pool = calloc(1, sizeof(*pool));

        if (!pool)
                return -ENOMEM;
        pool->around = around;
        pool->events = events;
        pool->userdata = userdata;
        pool->maintain.run = on_turn;
        pool->recycle.memory_of = memory_of;
        pool->quota.exceeded = on_exceeded;
        pool->quota.userdata = pool;
        pool->options = program_options_ref(options);
        pool->context = (struct log_context){
                .program_set = options->program_set,
                .program = options->name,
        };
        const struct cgroup_limits limits = cgroup_limits_of(options);
        pool->cgroup = cgroups_join(around->cgroups, &pool->context, &limits);
        catalogue_init(&pool->catalogue, around->buffers);
        TAILQ_INIT(&pool->queue);
        rota_init(&pool->rota);
        TAILQ_INIT(&pool->watched);
        ahead_init(&pool->ahead);
        templates_init(pool);
        for (enum worker_state state = 0; state < WORKER_STATES; state++)
                TAILQ_INIT(&pool->workers.list[state]);
        pool->timer = event_new(around->base, -1, 0, on_timer, pool);
        if (!pool->timer || slots_grow(&pool->slots, options->max_workers + 1) < 0)
                return -ENOMEM;
        turn_defer(around->turn, &pool->maintain);
        *ret = steal(pool);
        return 0;
}

void pool_want(struct pool *pool, struct program_options *options)
{
        struct program_options *before = pool->wanted;

        pool->wanted = options ? program_options_ref(options) : NULL;
        program_options_unref(before);
}

bool pool_allows(const struct pool *pool, struct caller *caller)
{
        return program_options_allow(pool->options, caller) &&
               (!pool->wanted || program_options_allow(pool->wanted, caller));
}

size_t pool_count_requests(const struct pool *pool)
{
        const struct worker *worker;
        size_t n = pool->queue_length;

        for (enum worker_state state = 0; state < WORKER_STATES; state++)
                TAILQ_FOREACH (worker, &pool->workers.list[state], link)
                        n += ledger_count_requests(&worker->ledger);
        return n;
}

struct pool *pool_free(struct pool *pool)
{
        if (!pool)
                return NULL;
        for (enum worker_state state = 0; state < WORKER_STATES; state++)
                while (!TAILQ_EMPTY(&pool->workers.list[state]))
                        worker_free(TAILQ_FIRST(&pool->workers.list[state]));
        templates_clear(pool);
        cgroups_leave(pool->around->cgroups, pool->cgroup);
        quota_maintain(&pool->quota, &pool->context, UINT64_MAX);
        turn_forget(&pool->maintain);
        if (pool->timer)
                event_free(pool->timer);
        deadlines_clear(&pool->deadlines);
        json_object_put(pool->last_error);
        catalogue_clear(&pool->catalogue);
        run_times_clear(&pool->run_times);
        program_options_unref(pool->options);
        program_options_unref(pool->wanted);
        renew_clear(pool);
        slots_clear(&pool->slots);
        free(pool);
        return NULL;
}
