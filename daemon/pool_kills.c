/* SPDX-License-Identifier: MIT */
#include "pool_kills.h"

#include "common/rpc.h"
#include "death.h"
#include "json_put.h"
#include "pool.h"

bool pool_kill_worker(struct pool *pool, struct worker *worker, uint64_t now)
{
        if (worker->process.is_ending)
                return false;
        log_notice(&worker->process.context, "ending it, as was asked for");
        worker->is_unwanted = true;
        worker_take_held(worker); /* what it runs comes after these */
        uint64_t head = ledger_head(&worker->ledger);
        struct request *request = head ? ledger_at(&worker->ledger, head)->request : NULL;
        if (worker->state == WORKER_STARTING)
                process_terminate(&worker->process, now);
        else if (worker->state == WORKER_IDLE)
                worker_stop(worker, now);
        else if (request)
                pool_cancel(pool, request, now);
        ahead_take_back(pool, worker);
        turn_defer(pool->around->turn, &pool->maintain);
        return true;
}

void kills_await(struct worker *worker, struct request *request)
{
        request_defer(request, &worker->awaiting);
}

void kills_exited(struct worker *worker)
{
        char text[DEATH_TEXT_MAX];
        struct rpc_answer answer;

        if (TAILQ_EMPTY(&worker->awaiting))
                return;
        struct json_object *result = json_object_new_object();
        json_put_number(result, "pid", (uint64_t)worker->process.pid);
        json_put_text(result, "program", worker->options->name);
        json_put_text(result, "end", death_text(&worker->process, text));
        rpc_answer_init(&answer, worker->around->buffers);
        rpc_answer_succeed(&answer, result);
        request_finish_all(&worker->awaiting, &answer);
        rpc_answer_clear(&answer);
}
