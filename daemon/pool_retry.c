/* SPDX-License-Identifier: MIT */
#include "pool_retry.h"

#include "pool.h"
#include "pool_queue.h"
#include "refuse.h"

#define TAKEN_BACK_MAX 3

static void log_retry(const struct worker *worker, const struct request *request)
{
        struct log_context context = worker->process.context;

        context.request = request->serial;
        context.function = request->function;
        log_notice(&context, "its worker died: another one gets the request");
}

/* What has not begun goes to another worker, and nobody notices; what may be run twice, too. Some
 * times only, if it was the one that the worker was about to begin: there may be something about it
 * that none survives. What stood behind that has nothing to do with it. */
static bool may_go_back(const struct pool *pool, const struct worker *worker,
                        struct request *request, enum begun begun)
{
        if (begun == BEGUN_NO && request->ordinal != ledger_head(&worker->ledger))
                return true;
        if (begun == BEGUN_NO && request->n_taken_back < TAKEN_BACK_MAX) {
                request->n_taken_back++;
                return true;
        }
        if (!pool->options->idempotent || request->was_retried)
                return false;
        log_retry(worker, request);
        request->begun = begun;
        return request->was_retried = true;
}

/* From the last on, so that what goes back to the queue stands there in its order. */
void retry_or_refuse(struct pool *pool, struct worker *worker)
{
        for (uint64_t ordinal = worker->ledger.sent; ordinal > worker->ledger.answered; ordinal--) {
                struct ledger_entry *entry = ledger_at(&worker->ledger, ordinal);
                struct request *request = entry ? entry->request : NULL;
                if (!request)
                        continue;
                enum begun begun = worker_has_begun(worker, ordinal);
                if (may_go_back(pool, worker, request, begun))
                        queue_return(pool, request);
                else
                        refuse_died(pool, request, worker, begun);
        }
}
