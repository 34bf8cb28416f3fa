/* SPDX-License-Identifier: MIT */
#include "pool_worker_events.h"

#include "common/units.h"
#include "pool.h"
#include "pool_deadlock.h"
#include "pool_failures.h"
#include "pool_kills.h"
#include "pool_outcalls.h"
#include "pool_queue.h"
#include "pool_retry.h"

#define RUN_TIME_WEIGHT 8 /* the moving average of run times: a new one counts an eighth */

/* A worker has answered all that it had. */
static void on_free(struct pool *pool, struct worker *worker, uint64_t now)
{
        if (worker->is_unwanted) {
                worker_stop(worker, now);
                turn_defer(pool->around->turn, &pool->maintain);
        } else if (!recycle_answered(pool, worker, now)) {
                queue_feed(pool, worker, now);
        }
        pool_resume(pool, now);
}

/* What it is like with its new options is seen now, and not when somebody has come to look at it.
 */
static void on_waits(void *userdata, struct worker *worker)
{
        struct pool *pool = userdata;

        renew_became_ready(pool, worker, units_now());
        turn_defer(pool->around->turn, &pool->maintain);
}

static void on_methods(void *userdata, struct worker *worker)
{
        struct pool *pool = userdata;
        const struct json_object *known = pool->catalogue.told;

        if (catalogue_take(&pool->catalogue, pool->options->name, worker->methods,
                           worker->takes_any) < 0)
                log_error(&pool->context, "no memory to tell of its functions: ignoring them");
        if (pool->catalogue.told != known && run_times_learn(&pool->run_times, worker->methods) < 0)
                log_warning(&pool->context,
                            "no memory for the run times of its functions: some are "
                            "not known");
}

static void on_ready(void *userdata, struct worker *worker)
{
        struct pool *pool = userdata;
        uint64_t now = units_now();

        /* Where each request needs a new one, nobody wants to read of it. */
        log_at(recycle_is_once(worker) ? LOG_DEBUG : LOG_INFO, &worker->process.context,
               "ready after %.1f ms", (double)(now - worker->process.started) / 1e3);
        on_methods(pool, worker);
        renew_became_ready(pool, worker, now);
        recycle_became_ready(pool, worker);
        failures_became_ready(pool);
        pool_resume(pool, now);
        turn_defer(pool->around->turn, &pool->maintain);
}

/* How long it has run, in microseconds: as its worker tells, which keeps no account of what stands
 * in its pipe. Without counters it may be all the time since it was sent. */
static uint64_t take_run_time(const struct worker *worker, const struct request *request,
                              uint64_t now)
{
        uint64_t since = now > request->sent ? now - request->sent : 0;

        if (!worker->has_counters)
                return since;
        uint64_t told = pages_run_time(&worker->pages, request->ordinal);
        if (request->run_time)
                run_time_record(request->run_time, told);
        return told / 1000 < since ? told / 1000 : since;
}

static void finish_answered(struct pool *pool, const struct worker *worker, struct request *request,
                            const struct rpc_answer *answer, uint64_t now)
{
        uint64_t ran = take_run_time(worker, request, now);

        pool->run_time += ((int64_t)ran - (int64_t)pool->run_time) / RUN_TIME_WEIGHT;
        metrics_ran(&pool->metrics, request, ran, now);
        pool_finish(pool, request, answer);
}

static void on_answered(void *userdata, struct worker *worker, struct request *request,
                        const struct rpc_answer *answer, uint64_t now)
{
        struct pool *pool = userdata;

        failures_answered(pool);
        if (request) {
                outcalls_end(worker, request, now);
                finish_answered(pool, worker, request, answer, now);
        }
        interrupts_answered(pool, worker, now);
        if (worker->state == WORKER_BUSY && ledger_is_empty(&worker->ledger)) {
                on_free(pool, worker, now);
        } else {
                ahead_answered(pool, worker, now);
                queue_feed_ahead(pool, now);
        }
}

static void on_skipped(void *userdata, struct worker *worker, struct request *request, uint64_t now)
{
        queue_return(userdata, request);
        on_answered(userdata, worker, NULL, NULL, now);
}

static void on_exited(void *userdata, struct worker *worker)
{
        struct pool *pool = userdata;
        uint64_t now = units_now();

        outcalls_end(worker, NULL, now);
        ahead_exited(pool, worker);
        interrupts_exited(pool, worker);
        kills_exited(worker);
        if (!renew_ended(pool, worker, now))
                failures_ended(pool, worker, now);
        retry_or_refuse(pool, worker);
        pool_resume(pool, now);
        deadlock_look_at_pool(pool);
        slots_release(&pool->slots, worker->slot);
        turn_bury(pool->around->turn, &worker->grave);
        turn_defer(pool->around->turn, &pool->maintain);
}

static void on_called(void *userdata, struct worker *worker, const struct channel_call *call)
{
        struct pool *pool = userdata;

        ahead_take_back(pool, worker); /* what it has would wait for the call */
        pool->events->called(pool->userdata, worker, call);
}

static void on_relieved(void *userdata, struct worker *worker)
{
        (void)userdata;
        deadlock_look_at_worker(worker);
}

static void on_leaving(void *userdata, struct worker *worker)
{
        struct pool *pool = userdata;

        ahead_take_back(pool, worker); /* it may take its time */
        turn_defer(pool->around->turn, &pool->maintain);
}

const struct worker_events pool_worker_events = {
        .ready = on_ready,
        .waits = on_waits,
        .methods = on_methods,
        .answered = on_answered,
        .skipped = on_skipped,
        .called = on_called,
        .relieved = on_relieved,
        .leaving = on_leaving,
        .exited = on_exited,
};
