/* SPDX-License-Identifier: MIT */
#include "pool_outcalls.h"

#include "pool.h"

void outcalls_end(struct worker *worker, const struct request *within, uint64_t now)
{
        struct request *call, *next;

        for (call = TAILQ_FIRST(&worker->caller.requests); call; call = next) {
                next = TAILQ_NEXT(call, of_caller);
                if (!within || call->parent == within)
                        pool_cancel(call->pool, call, now);
        }
}
