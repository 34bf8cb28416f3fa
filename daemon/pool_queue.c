/* SPDX-License-Identifier: MIT */
#include "pool_queue.h"

#include "common/units.h"
#include "pool.h"
#include "pool_deadlock.h"
#include "pool_outcalls.h"
#include "pool_starts.h"
#include "refuse.h"

void queue_add(struct pool *pool, struct request *request)
{
        TAILQ_INSERT_TAIL(&pool->queue, request, place);
        rota_add(&pool->rota, request);
        request->state = REQUEST_QUEUED;
        if (++pool->queue_length > pool->queue_high_water)
                pool->queue_high_water = pool->queue_length;
}

void queue_remove(struct pool *pool, struct request *request)
{
        if (!request->is_returned)
                rota_remove(&pool->rota, request);
        request->is_returned = false;
        TAILQ_REMOVE(&pool->queue, request, place);
        pool->queue_length--;
}

/* Of one that is with a worker, which has not answered it. It runs the first that it has. */
static void count_end(struct pool *pool, const struct request *request, uint64_t now)
{
        const struct ledger *ledger = &request->worker->ledger;

        if (request->ordinal == ledger_head(ledger))
                metrics_ran(&pool->metrics, request,
                            now > ledger->head_since ? now - ledger->head_since : 0, now);
        else
                metrics_waited(&pool->metrics, request, now);
}

/* Takes the request out of wherever the pool has it. */
static void release(struct pool *pool, struct request *request)
{
        if (request->worker)
                outcalls_end(request->worker, request, units_now());
        if (request->deadline)
                deadlines_remove(&pool->deadlines, request);
        if (request->state == REQUEST_QUEUED) {
                queue_remove(pool, request);
                metrics_waited(&pool->metrics, request, units_now());
        } else if (request->state == REQUEST_SENT && request->worker) {
                count_end(pool, request, units_now());
                ledger_at(&request->worker->ledger, request->ordinal)->request = NULL;
                request->worker = NULL;
        }
        request->state = REQUEST_NEW;
        request->pool = NULL;
        if (pool->is_draining)
                turn_defer(pool->around->turn, &pool->maintain);
}

void pool_withdraw(struct pool *pool, struct request *request)
{
        release(pool, request);
        pool->finished[RPC_CANCELLED]++;
}

void pool_finish(struct pool *pool, struct request *request, const struct rpc_answer *answer)
{
        release(pool, request);
        pool->finished[answer->status]++;
        request_finish(request, answer);
}

static bool set_deadline(struct pool *pool, struct request *request, uint64_t now)
{
        uint64_t limit = pool->options->request_timeout;

        if (request->timeout != 0 && (limit == 0 || request->timeout < limit))
                limit = request->timeout;
        request->deadline = limit ? now + limit : 0;
        if (request->parent)
                request->deadline = units_sooner(request->deadline, request->parent->deadline);
        if (!request->deadline)
                return true;
        if (deadlines_add(&pool->deadlines, request) < 0) {
                request->deadline = 0;
                return false;
        }
        pool_wake_at(pool, request->deadline, now);
        return true;
}

static void enqueue(struct pool *pool, struct request *request)
{
        queue_add(pool, request);
        if (pool->options->queue_timeout)
                pool_wake_at(pool, request->submitted + pool->options->queue_timeout,
                             request->submitted);
        starts_count_maximum(pool);
        if (starts_may_grow(pool))
                turn_defer(pool->around->turn, &pool->maintain);
}

/* One that may be given a request. While a worker and its replacement are both there, no more than
 * max_workers work all the same. */
static struct worker *idle_worker(const struct pool *pool)
{
        return pool->workers.count[WORKER_BUSY] < pool->options->max_workers
                       ? TAILQ_FIRST(&pool->workers.list[WORKER_IDLE])
                       : NULL;
}

static void give(struct pool *pool, struct worker *worker, struct request *request, uint64_t now)
{
        worker_send(worker, request, now);
        ahead_given(pool, worker, request, now);
        if (pool->options->slow_request_timeout)
                pool_wake_at(pool, now + pool->options->slow_request_timeout, now);
        if (recycle_is_once(worker))
                turn_defer(pool->around->turn, &pool->maintain);
}

static void refuse_overload(struct pool *pool, struct request *request, uint64_t now)
{
        refusals_count(pool, request, REFUSAL_FULL, now);
        refuse_overloaded(pool, request);
}

/* An idle one; or, where nobody waits before this request, one that may get it ahead. */
static struct worker *worker_for(struct pool *pool, const struct request *request, uint64_t now)
{
        if (pool->around->is_held_back)
                return NULL;
        struct worker *worker = idle_worker(pool);
        return worker || !TAILQ_EMPTY(&pool->queue) ? worker : ahead_find(pool, request, now);
}

void pool_submit(struct pool *pool, struct request *request, uint64_t now)
{
        if (pool->options->prefetch_time)
                request->run_time = run_times_find(&pool->run_times, request->function,
                                                   request->function_length);
        struct worker *worker = worker_for(pool, request, now);

        request->pool = pool;
        request->submitted = now;
        if (pool->is_stopping)
                refuse_shutting_down(pool, request);
        else if (pool_is_unavailable(pool))
                refuse_unavailable(pool, request);
        else if (!worker && request->parent && deadlock_is_certain(pool, request))
                refuse_deadlock(pool, request);
        else if (!worker && pool->queue_length >= pool->options->max_queue_size)
                refuse_overload(pool, request, now);
        else if (!set_deadline(pool, request, now))
                refuse_out_of_memory(pool, request);
        else if (worker)
                give(pool, worker, request, now);
        else
                enqueue(pool, request);
}

static bool is_late(const struct request *request, uint64_t now)
{
        return request->deadline != 0 && request->deadline <= now;
}

/* What came back waits in front of all others. */
static struct request *first_in_turn(const struct pool *pool)
{
        struct request *request = TAILQ_FIRST(&pool->queue);

        return request && !request->is_returned ? rota_next(&pool->rota) : request;
}

/* The request whose turn it is, if any may be begun. */
static struct request *next_request(struct pool *pool, uint64_t now)
{
        struct request *request;

        /* The timer may be late: what need not be answered any more is not begun. */
        while ((request = first_in_turn(pool)) && is_late(request, now)) {
                refusals_count(pool, request, REFUSAL_WAITED, now);
                refuse_timeout(pool, request);
        }
        return pool->around->is_held_back ? NULL : request;
}

static void take_out(struct pool *pool, struct request *request)
{
        if (!request->is_returned)
                rota_serve(&pool->rota, request);
        request->is_returned = false;
        TAILQ_REMOVE(&pool->queue, request, place);
        pool->queue_length--;
}

void queue_feed_ahead(struct pool *pool, uint64_t now)
{
        struct request *request;
        struct worker *worker;

        while ((request = next_request(pool, now)) && (worker = ahead_find(pool, request, now))) {
                take_out(pool, request);
                give(pool, worker, request, now);
        }
}

void queue_return(struct pool *pool, struct request *request)
{
        if (request->worker)
                ledger_at(&request->worker->ledger, request->ordinal)->request = NULL;
        request->worker = NULL;
        TAILQ_INSERT_HEAD(&pool->queue, request, place);
        request->state = REQUEST_QUEUED;
        request->is_returned = true;
        pool->queue_length++;
}

void queue_feed(struct pool *pool, struct worker *worker, uint64_t now)
{
        struct request *request = next_request(pool, now);

        if (request) {
                take_out(pool, request);
                give(pool, worker, request, now);
        } else if (worker->state == WORKER_BUSY) {
                worker->idle_since = now;
                worker_set_state(worker, WORKER_IDLE);
                if (pool->options->idle_timeout && starts_has_surplus(pool))
                        pool_wake_at(pool, now + pool->options->idle_timeout, now);
                pool_wake_at(pool, recycle_next_look(worker), now);
        }
}

void pool_resume(struct pool *pool, uint64_t now)
{
        struct worker *worker;

        while (!TAILQ_EMPTY(&pool->queue) && !pool->around->is_held_back &&
               (worker = idle_worker(pool)))
                queue_feed(pool, worker, now);
        queue_feed_ahead(pool, now);
}

void queue_refuse(struct pool *pool)
{
        struct request *request;

        while ((request = TAILQ_FIRST(&pool->queue)))
                refuse_unavailable(pool, request);
}
