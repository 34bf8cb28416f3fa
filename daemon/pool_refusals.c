/* SPDX-License-Identifier: MIT */
#include "pool_refusals.h"

#include "common/units.h"
#include "pool.h"

#include <inttypes.h>

static const struct {
        enum log_event event;
        const char *one, *many;
} texts[REFUSALS] = {
        [REFUSAL_FULL] = {LOG_EVENT_QUEUE_FULL, "refused: the queue is full",
                          "requests that were refused since, the queue being full"},
        [REFUSAL_WAITED] = {LOG_EVENT_QUEUE_TIMEOUT,
                            "timed out in the queue: no worker became free",
                            "requests that timed out in the queue since"},
};

void refusals_count(struct pool *pool, const struct request *request, enum refusal kind,
                    uint64_t now)
{
        struct refusals *refusals = &pool->refusals[kind];
        struct log_context context = pool->context;

        if (refusals->since != 0) {
                refusals->n++;
                return;
        }
        refusals->since = now;
        pool_wake_at(pool, now + REFUSALS_INTERVAL, now);
        context.request = request->serial;
        context.function = request->function;
        log_event(texts[kind].event, LOG_WARNING, &context, "%s (%u wait)", texts[kind].one,
                  pool->queue_length);
}

uint64_t refusals_maintain(struct pool *pool, uint64_t now)
{
        uint64_t next = 0;

        for (enum refusal kind = 0; kind < REFUSALS; kind++) {
                struct refusals *refusals = &pool->refusals[kind];
                if (refusals->since == 0)
                        continue;
                if (now >= refusals->since + REFUSALS_INTERVAL) {
                        if (refusals->n > 0)
                                log_event(texts[kind].event, LOG_WARNING, &pool->context,
                                          "%s: %" PRIu64, texts[kind].many, refusals->n);
                        refusals->since = refusals->n > 0 ? now : 0;
                        refusals->n = 0;
                }
                if (refusals->since != 0)
                        next = units_sooner(next, refusals->since + REFUSALS_INTERVAL);
        }
        return next;
}
