/* SPDX-License-Identifier: MIT */
#include "pool_limits.h"

#include "common/cleanup.h"
#include "common/units.h"
#include "pool.h"
#include "pool_interrupts.h"
#include "refuse.h"

/* Answers what is past its deadline. */
static uint64_t expire(struct pool *pool, uint64_t now)
{
        struct request *request;

        while ((request = deadlines_first(&pool->deadlines)) && request->deadline <= now) {
                if (request->state == REQUEST_QUEUED)
                        refusals_count(pool, request, REFUSAL_WAITED, now);
                interrupts_give_up(pool, request, false, refuse_timeout, now);
        }
        return request ? request->deadline : 0;
}

/* Answers what has waited for too long. What came back from a worker that died may. The others that
 * came back stand in front, and not in the order in which they came first. */
static uint64_t expire_queue(struct pool *pool, uint64_t now)
{
        uint64_t limit = pool->options->queue_timeout;
        struct request *request, *next;
        uint64_t soonest = 0;

        if (limit == 0)
                return 0;
        for (request = TAILQ_FIRST(&pool->queue); request; request = next) {
                next = TAILQ_NEXT(request, place);
                if (request->n_taken_back > 0 || request->was_retried)
                        continue;
                if (request->submitted + limit > now) {
                        soonest = units_sooner(soonest, request->submitted + limit);
                        if (!request->is_returned)
                                return soonest;
                        continue;
                }
                refusals_count(pool, request, REFUSAL_WAITED, now);
                refuse_timeout(pool, request);
        }
        return soonest;
}

static void log_slow(const struct worker *worker, const char *text, const char *why_not)
{
        struct log_context context = worker->process.context;
        char limit[UNITS_TEXT_MAX];

        context.request = worker->slowness.subject.serial;
        context.function = worker->slowness.subject.function;
        log_event(LOG_EVENT_REQUEST_SLOW, LOG_WARNING, &context,
                  "slow: it has run for longer than slow_request_timeout, %s%s%s",
                  units_format_duration(limit, worker->options->slow_request_timeout),
                  text ? "\n" : "; no stack: ", text ? text : why_not);
}

static void on_stack(struct stack_asker *asker, const char *text, const char *why_not)
{
        struct worker *worker = CONTAINER_OF(asker, struct worker, slowness.asker);

        log_slow(worker, interrupts_loggable(worker->pool, text, units_now()), why_not);
}

static void tell_slow(struct pool *pool, struct worker *worker, const struct request *request,
                      uint64_t now)
{
        struct slowness *slowness = &worker->slowness;

        slowness->told = request->ordinal;
        if (slowness->asker.stack)
                return; /* that of an earlier one has not come yet */
        subject_set(&slowness->subject, request);
        slowness->asker.done = on_stack;
        const char *why_not = interrupts_ask_stack(pool, worker, &slowness->asker, now);
        if (why_not)
                log_slow(worker, NULL, why_not);
}

/* What runs is the first that a worker has. */
static uint64_t look_for_slow(struct pool *pool, uint64_t now)
{
        uint64_t limit = pool->options->slow_request_timeout, next = 0;
        struct worker *worker;

        if (limit == 0)
                return 0;
        TAILQ_FOREACH (worker, &pool->workers.list[WORKER_BUSY], link) {
                uint64_t head = ledger_head(&worker->ledger);
                const struct request *request =
                        head ? ledger_at(&worker->ledger, head)->request : NULL;
                if (!request || worker->slowness.told == head)
                        continue;
                if (worker->ledger.head_since + limit <= now)
                        tell_slow(pool, worker, request, now);
                else
                        next = units_sooner(next, worker->ledger.head_since + limit);
        }
        return next;
}

uint64_t limits_maintain(struct pool *pool, uint64_t now)
{
        uint64_t next = expire(pool, now);

        next = units_sooner(next, expire_queue(pool, now));
        next = units_sooner(next, look_for_slow(pool, now));
        next = units_sooner(next, refusals_maintain(pool, now));
        return units_sooner(next, interrupts_maintain(pool, now));
}
