/* SPDX-License-Identifier: MIT */
#include "worker_answers.h"

#include "common/cleanup.h"
#include "worker.h"

#define UNREAD_REFUSALS (1024U * 1024U) /* bytes that may lie there beyond the limit of answers */

bool worker_is_waiting(const struct worker *worker)
{
        return worker->state == WORKER_BUSY && worker->caller.n_requests > 0;
}

/* In place of an answer that there is no room for. */
static int refuse_room(struct worker *worker, const char *id, size_t id_length)
{
        struct rpc_answer answer;

        rpc_answer_init(&answer, worker->around->buffers);
        rpc_answer_fail(&answer, RPC_TOO_LARGE, NULL,
                        "the worker has not read %zu bytes of answers to its calls",
                        worker->channel.to_worker.length);
        int r = channel_answer(&worker->channel, id, id_length, &answer);
        rpc_answer_clear(&answer);
        return r;
}

void worker_answer_call(struct worker *worker, const char *id, size_t id_length,
                        const struct rpc_answer *answer)
{
        struct channel *channel = &worker->channel;
        size_t unread = channel->to_worker.length, limit = worker->around->max_unread;
        int r;

        if (channel->has_ended || worker->process.is_ending)
                return;
        if (unread > limit + UNREAD_REFUSALS) {
                process_fail(&worker->process, "it does not read the answers to its calls");
                return;
        }
        if (unread > 0 && unread + answer->result.length > limit)
                r = refuse_room(worker, id, id_length);
        else
                r = channel_answer(channel, id, id_length, answer);
        if (r < 0)
                process_fail(&worker->process, "there was no memory to answer its call");
}

void worker_call_answered(struct caller *caller, struct request *request,
                          const struct rpc_answer *answer)
{
        struct worker *worker = CONTAINER_OF(caller, struct worker, caller);

        worker_answer_call(worker, request->id, request->id_length, answer);
        if (caller->n_requests > 1) /* this one is about to be freed */
                turn_defer(worker->around->turn, &worker->look);
}
