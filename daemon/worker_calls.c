/* SPDX-License-Identifier: MIT */
#include "worker_calls.h"

#include "common/cleanup.h"
#include "common/rpc.h"
#include "common/units.h"
#include "json_put.h"
#include "pool_kills.h"
#include "registry.h"

#include <string.h>

/* Lives until the stack is there. Its caller may go before that: then the list is empty. */
struct stack_call {
        struct stack_asker asker;
        struct request_list requests;
        struct buffer_pool *buffers;
        const struct program_options *options;
        pid_t pid;
};

static struct worker *find_in(const struct pool *pool, pid_t pid)
{
        struct worker *worker;

        for (enum worker_state state = WORKER_STARTING; state <= WORKER_STOPPING; state++)
                TAILQ_FOREACH (worker, &pool->workers.list[state], link)
                        if (worker->process.pid == pid)
                                return worker;
        return NULL;
}

static struct worker *find(const struct registry *registry, pid_t pid, struct pool **ret)
{
        struct worker *worker = NULL;
        struct pool *pool;

        for (size_t i = 0; !worker && i < registry->n_pools; i++) {
                *ret = registry->pools[i];
                worker = find_in(*ret, pid);
        }
        for (pool = LIST_FIRST(&registry->leaving); !worker && pool;
             pool = LIST_NEXT(pool, leaving)) {
                *ret = pool;
                worker = find_in(pool, pid);
        }
        return worker;
}

static void refuse_pid(struct rpc_answer *answer, pid_t pid)
{
        rpc_answer_fail(answer, RPC_INVALID_PARAMS, NULL,
                        "no worker has the pid %d; jumpbootd.workers lists them", (int)pid);
}

static void refuse_stack(struct rpc_answer *answer, pid_t pid, const char *why_not)
{
        rpc_answer_fail(answer, RPC_UNAVAILABLE, NULL, "the stack of worker %d cannot be taken: %s",
                        (int)pid, why_not);
}

static void on_stack(struct stack_asker *asker, const char *text, const char *why_not)
{
        struct stack_call *call = CONTAINER_OF(asker, struct stack_call, asker);
        struct rpc_answer answer;

        rpc_answer_init(&answer, call->buffers);
        if (text) {
                struct json_object *result = json_object_new_object();
                json_put_number(result, "pid", (uint64_t)call->pid);
                json_put_text(result, "program", call->options->name);
                json_put(result, "stack", rpc_json_text(text, strlen(text)));
                rpc_answer_succeed(&answer, result);
        } else {
                refuse_stack(&answer, call->pid, why_not);
        }
        request_finish_all(&call->requests, &answer);
        rpc_answer_clear(&answer);
        free(call);
}

bool worker_call_stack(const struct registry *registry, pid_t pid, struct request *request,
                       struct rpc_answer *answer)
{
        struct pool *pool;
        struct worker *worker = find(registry, pid, &pool);
        struct stack_call *call = worker ? malloc(sizeof(*call)) : NULL;
        const char *why_not = "there is no memory";

        if (!worker) {
                refuse_pid(answer, pid);
                return false;
        }
        if (call) {
                *call = (struct stack_call){
                        .asker.done = on_stack,
                        .buffers = worker->around->buffers,
                        .options = worker->options, /* the worker's, which lives longer */
                        .pid = pid,
                };
                TAILQ_INIT(&call->requests);
                why_not = pool_ask_stack(pool, worker, &call->asker, units_now());
        }
        if (!why_not) {
                request_defer(request, &call->requests);
                return true;
        }
        free(call);
        refuse_stack(answer, pid, why_not);
        return false;
}

bool worker_call_kill(const struct registry *registry, pid_t pid, struct request *request,
                      struct rpc_answer *answer)
{
        struct pool *pool;
        struct worker *worker = find(registry, pid, &pool);

        if (!worker) {
                refuse_pid(answer, pid);
                return false;
        }
        kills_await(worker, request);
        /* One that is on its way out already is waited for all the same. */
        pool_kill_worker(pool, worker, units_now());
        return true;
}
