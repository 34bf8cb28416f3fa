/* SPDX-License-Identifier: MIT */
#include "refuse.h"

#include "death.h"
#include "pool.h"

#include <json-c/json.h>
#include <math.h>

#define UNFINISHED_MAX 256U /* bytes that are shown */

static void finish_with(struct pool *pool, struct request *request, enum rpc_status status,
                        struct json_object *data, const char *detail)
{
        struct rpc_answer answer;

        rpc_answer_init(&answer, pool->around->buffers);
        rpc_answer_fail(&answer, status, data, detail ? "%s" : NULL, detail);
        pool_finish(pool, request, &answer);
        rpc_answer_clear(&answer);
}

/* What an error tells of a request's beginning, by this worker or one before. */
static struct json_object *new_started(const struct request *request, enum begun begun)
{
        if (begun == BEGUN_NO || request->begun == BEGUN_YES)
                begun = request->begun;
        if (begun == BEGUN_UNKNOWN)
                return json_object_new_string("unknown");
        return json_object_new_boolean(begun == BEGUN_YES);
}

/* It stands behind others of its worker. */
static bool is_behind(const struct request *request)
{
        return request->state == REQUEST_SENT &&
               request->ordinal != ledger_head(&request->worker->ledger);
}

/* Of a request that is answered without its worker. */
static enum begun give_up(const struct request *request, bool is_cancelled)
{
        if (request->state != REQUEST_SENT)
                return BEGUN_NO;
        enum begun begun = worker_give_up(request->worker, request->ordinal, is_cancelled);
        if (is_behind(request))
                ledger_at(&request->worker->ledger, request->ordinal)->is_skipped =
                        begun == BEGUN_NO;
        return begun;
}

void refuse_cancelled(struct pool *pool, struct request *request)
{
        struct json_object *data = json_object_new_object();

        json_object_object_add(data, "started", new_started(request, give_up(request, true)));
        finish_with(pool, request, RPC_CANCELLED, data, NULL);
}

void refuse_shutting_down(struct pool *pool, struct request *request)
{
        struct json_object *data = json_object_new_object();

        json_object_object_add(data, "started", new_started(request, give_up(request, true)));
        finish_with(pool, request, RPC_SHUTTING_DOWN, data, NULL);
}

/* When a caller that was refused may find room: a guess, from how fast the queue moves. */
static double retry_after(const struct pool *pool)
{
        unsigned workers = pool->workers.count[WORKER_BUSY] + pool->workers.count[WORKER_IDLE];
        double usec = (double)pool->run_time * pool->queue_length / (workers ? workers : 1);

        return ceil(fmin(fmax(usec / 1e6, 0.1), 60) * 10) / 10;
}

void refuse_overloaded(struct pool *pool, struct request *request)
{
        struct json_object *data = json_object_new_object();

        struct json_object *seconds = json_object_new_double(retry_after(pool));
        json_object_set_serializer(seconds, json_object_double_to_json_string, (void *)"%.1f",
                                   NULL);
        json_object_object_add(data, "retry_after", seconds);
        finish_with(pool, request, RPC_OVERLOADED, data, NULL);
}

void refuse_unavailable(struct pool *pool, struct request *request)
{
        struct json_object *data = json_object_new_object();

        json_object_object_add(data, "error", json_object_get(pool->last_error));
        json_object_object_add(data, "started", new_started(request, BEGUN_NO));
        finish_with(pool, request, RPC_UNAVAILABLE, data, NULL);
}

/* What a program that writes its answers by itself has begun to write, of this request only: what
 * it may have forgotten is the end of the line. Whether there is anything. */
static bool add_unfinished(struct json_object *data, const struct worker *worker)
{
        const struct ledger *ledger = &worker->ledger;
        char text[UNFINISHED_MAX];
        size_t length = channel_unfinished(&worker->channel, text, sizeof(text));

        if (length == 0 || worker->has_counters || ledger->sent - ledger->answered != 1)
                return false;
        json_object_object_add(data, "unfinished", rpc_json_text(text, length));
        return true;
}

void refuse_timeout(struct pool *pool, struct request *request)
{
        struct json_object *data = json_object_new_object();
        enum begun begun = give_up(request, false);
        bool runs = request->state == REQUEST_SENT && !(begun == BEGUN_NO && is_behind(request));
        const char *detail = NULL;

        if (runs && add_unfinished(data, request->worker))
                detail =
                        "the program has begun to write a line to Pipe_out, and no newline ends it";
        json_object_object_add(data, "stage", json_object_new_string(runs ? "run" : "queue"));
        json_object_object_add(data, "started", new_started(request, begun));
        finish_with(pool, request, RPC_TIMEOUT, data, detail);
}

void refuse_died(struct pool *pool, struct request *request, const struct worker *worker,
                 enum begun begun)
{
        struct json_object *data = death_data(&worker->process);
        char text[DEATH_TEXT_MAX], detail[DEATH_TEXT_MAX + 64];

        json_object_object_add(data, "started", new_started(request, begun));
        add_unfinished(data, worker);
        snprintf(detail, sizeof(detail), "worker %d %s", (int)worker->process.pid,
                 death_text(&worker->process, text));
        finish_with(pool, request, RPC_WORKER_DIED, data, detail);
}

void refuse_deadlock(struct pool *pool, struct request *request)
{
        struct json_object *data = json_object_new_object();

        json_object_object_add(data, "reason", json_object_new_string("deadlock"));
        finish_with(pool, request, RPC_CALL_REFUSED, data,
                    "it would wait for ever: all workers that could run it wait, themselves or "
                    "through others, for calls like this one");
}

void refuse_out_of_memory(struct pool *pool, struct request *request)
{
        finish_with(pool, request, RPC_INTERNAL_ERROR, NULL, "out of memory");
}
