/* SPDX-License-Identifier: MIT */
#include "pool_deadlock.h"

#include "common/cleanup.h"
#include "pool.h"
#include "refuse.h"
#include "worker_answers.h"

TAILQ_HEAD(nodes, deadlock_node);

static struct pool *pool_of(struct deadlock_node *node)
{
        return CONTAINER_OF(node, struct pool, deadlock);
}

static struct worker *worker_of(struct deadlock_node *node)
{
        return CONTAINER_OF(node, struct worker, deadlock);
}

/* Nobody has told it anything that it could go on with. */
static bool is_waiting(const struct worker *worker)
{
        return worker_is_waiting(worker) && !worker->look.queue;
}

/* It may be able to give somebody to a request. What is refused soon is served, too. */
static bool is_open(const struct pool *pool)
{
        return pool->workers.count[WORKER_BUSY] < pool->options->max_workers || pool->is_stopping ||
               pool_is_unavailable(pool);
}

static void find(struct nodes *nodes, struct deadlock_node *node, bool is_pool, bool is_stuck)
{
        if (node->is_found)
                return;
        *node = (struct deadlock_node){.is_pool = is_pool, .is_found = true, .is_stuck = is_stuck};
        TAILQ_INSERT_TAIL(nodes, node, link);
}

static void find_pool(struct nodes *nodes, struct pool *pool)
{
        find(nodes, &pool->deadlock, true, !is_open(pool));
}

static void find_worker(struct nodes *nodes, struct worker *worker)
{
        find(nodes, &worker->deadlock, false, is_waiting(worker));
}

/* Who has it: a pool in its queue, or a worker. NULL: nobody any more. */
static struct deadlock_node *holder_of(const struct request *call)
{
        if (call->state == REQUEST_QUEUED)
                return &call->pool->deadlock;
        return call->state == REQUEST_SENT && call->worker ? &call->worker->deadlock : NULL;
}

static void find_holder(struct nodes *nodes, const struct request *call)
{
        if (call->state == REQUEST_QUEUED)
                find_pool(nodes, call->pool);
        else if (call->state == REQUEST_SENT && call->worker)
                find_worker(nodes, call->worker);
}

/* Who made the call that the worker runs; NULL: a client did. Its end would end this one's work. */
static struct worker *caller_of(struct worker *worker)
{
        const struct request *request = ledger_first_request(&worker->ledger);

        return request && request->parent ? request->parent->worker : NULL;
}

/* What may set this one free. */
static void expand(struct nodes *nodes, struct deadlock_node *node)
{
        const struct request *call;
        struct worker *worker;

        if (!node->is_stuck || node->is_given)
                return;
        if (node->is_pool) {
                TAILQ_FOREACH (worker, &pool_of(node)->workers.list[WORKER_BUSY], link)
                        find_worker(nodes, worker);
        } else {
                TAILQ_FOREACH (call, &worker_of(node)->caller.requests, of_caller)
                        find_holder(nodes, call);
                if ((worker = caller_of(worker_of(node))))
                        find_worker(nodes, worker);
        }
}

static bool pool_stays_stuck(const struct pool *pool)
{
        const struct worker *worker;
        unsigned n_stuck = 0;

        TAILQ_FOREACH (worker, &pool->workers.list[WORKER_BUSY], link)
                n_stuck += worker->deadlock.is_stuck;
        return n_stuck >= pool->options->max_workers;
}

static bool worker_stays_stuck(struct worker *worker)
{
        const struct worker *above = caller_of(worker);
        const struct request *call;

        if (above && !above->deadlock.is_stuck)
                return false;

        TAILQ_FOREACH (call, &worker->caller.requests, of_caller) {
                const struct deadlock_node *holder = holder_of(call);
                if (!holder || !holder->is_stuck)
                        return false;
        }
        return true;
}

/* Sets one free that is not stuck any more, since others are not. */
static bool set_free(struct deadlock_node *node)
{
        if (!node->is_stuck || node->is_given)
                return false;
        node->is_stuck = node->is_pool ? pool_stays_stuck(pool_of(node))
                                       : worker_stays_stuck(worker_of(node));
        return !node->is_stuck;
}

/* Leaves those as stuck that are. What depends on others was found before them: so going backwards
 * gets nearly all of it done at once. */
static void settle(struct nodes *nodes)
{
        struct deadlock_node *node;
        bool has_changed = true;

        TAILQ_FOREACH (node, nodes, link)
                expand(nodes, node);
        while (has_changed) {
                has_changed = false;
                TAILQ_FOREACH_REVERSE(node, nodes, nodes, link)
                has_changed |= set_free(node);
        }
}

static void forget(struct nodes *nodes)
{
        struct deadlock_node *node;

        TAILQ_FOREACH (node, nodes, link)
                node->is_found = false;
}

static void give(struct nodes *nodes, struct worker *worker)
{
        find(nodes, &worker->deadlock, false, true);
        worker->deadlock.is_given = true;
}

/* One that cannot wait for calls, or has none, is enough in nearly all cases. */
static bool has_able_worker(const struct pool *pool)
{
        const struct worker *worker;
        unsigned n_able = 0, n_busy = pool->workers.count[WORKER_BUSY];

        TAILQ_FOREACH (worker, &pool->workers.list[WORKER_BUSY], link)
                if (!is_waiting(worker) && n_busy - ++n_able < pool->options->max_workers)
                        return true;
        return false;
}

bool deadlock_is_certain(struct pool *pool, const struct request *call)
{
        struct nodes nodes = TAILQ_HEAD_INITIALIZER(nodes);

        if (is_open(pool) || has_able_worker(pool))
                return false;
        for (const struct request *above = call->parent; above; above = above->parent)
                if (above->worker)
                        give(&nodes, above->worker);
        find_pool(&nodes, pool);
        settle(&nodes);
        bool is_certain = pool->deadlock.is_stuck;
        forget(&nodes);
        return is_certain;
}

/* Refuses what waits in queues of what this worker has called, directly or through others. */
static void refuse_waiting(struct worker *worker)
{
        struct request *call, *next;

        for (call = TAILQ_FIRST(&worker->caller.requests); call; call = next) {
                next = TAILQ_NEXT(call, of_caller);
                if (call->state == REQUEST_QUEUED)
                        refuse_deadlock(call->pool, call);
                else if (call->state == REQUEST_SENT && call->worker)
                        refuse_waiting(call->worker);
        }
}

/* One of its calls runs, or can. */
static bool has_able_holder(const struct worker *worker)
{
        const struct request *call;

        TAILQ_FOREACH (call, &worker->caller.requests, of_caller)
                if (call->state == REQUEST_SENT
                            ? !call->worker || !is_waiting(call->worker)
                            : is_open(call->pool) || has_able_worker(call->pool))
                        return true;
        return false;
}

void deadlock_look_at_worker(struct worker *worker)
{
        struct nodes nodes = TAILQ_HEAD_INITIALIZER(nodes);

        if (!is_waiting(worker) || has_able_holder(worker))
                return;
        find_worker(&nodes, worker);
        settle(&nodes);
        bool is_stuck = worker->deadlock.is_stuck;
        forget(&nodes);
        if (is_stuck)
                refuse_waiting(worker);
}

void deadlock_look_at_pool(struct pool *pool)
{
        struct request *call, *next;

        if (is_open(pool) || has_able_worker(pool))
                return;
        for (call = TAILQ_FIRST(&pool->queue); call; call = next) {
                next = TAILQ_NEXT(call, place);
                if (call->parent && deadlock_is_certain(pool, call))
                        refuse_deadlock(pool, call);
        }
}
