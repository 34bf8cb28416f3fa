/* SPDX-License-Identifier: MIT */
#include "status_workers.h"

#include "common/cleanup.h"
#include "common/rpc.h"
#include "json_put.h"
#include "memory.h"
#include "pool.h"

#include <stdlib.h>
#include <string.h>

static uint64_t time_of(const struct worker *worker)
{
        switch (worker->state) {
        case WORKER_STARTING:
                return worker->process.started;
        case WORKER_IDLE:
                return worker->idle_since;
        case WORKER_BUSY:
                return worker->busy_since;
        default:
                return worker->stopping_since;
        }
}

static void put_age(struct json_object *object, const char *key, uint64_t since, uint64_t now)
{
        json_put_seconds(object, key, now > since ? now - since : 0);
}

/* What it runs now: the first that it was sent of what it has not answered. One that is being
 * interrupted still runs what was answered to its caller long ago. */
static void put_function(struct json_object *object, struct worker *worker, uint64_t now)
{
        const struct subject *subject = &worker->interruption.subject;
        const struct request *request = ledger_first_request(&worker->ledger);
        const char *function = request ? request->function : NULL;
        uint64_t serial = request ? request->serial : 0;

        if (worker->interruption.ordinal) {
                function = subject->function;
                serial = subject->serial;
        }
        json_put(object, "function", function ? rpc_json_text(function, strlen(function)) : NULL);
        if (!function)
                return;
        json_put_number(object, "request", serial);
        put_age(object, "function_age", worker->ledger.head_since, now);
        json_put(object, "is_interrupted",
                 json_object_new_boolean(worker->interruption.ordinal != 0));
}

/* The calls that it waits for: what they call, and which worker has them. */
static void put_calls(struct json_object *object, const struct worker *worker, uint64_t now)
{
        struct json_object *calls = json_object_new_array();
        const struct request *call;

        TAILQ_FOREACH (call, &worker->caller.requests, of_caller) {
                struct json_object *entry = json_object_new_object();
                _cleanup_free_ char *method = NULL;

                if (asprintf(&method, "%s.%s", call->pool->options->name, call->function) < 0)
                        method = NULL;
                json_put(entry, "method", method ? rpc_json_text(method, strlen(method)) : NULL);
                json_put_number(entry, "request", call->serial);
                put_age(entry, "age", call->received, now);
                json_put(entry, "pid",
                         call->worker ? json_object_new_int(call->worker->process.pid) : NULL);
                json_object_array_add(calls, entry);
        }
        json_put(object, "calls", calls);
}

void status_put_debugger(struct json_object *object, const struct worker *worker)
{
        char text[64];

        snprintf(text, sizeof(text), "a debugger on port %u", worker->options->debug_port);
        json_put_text(object, "waits_for", text);
}

static struct json_object *new_worker(const struct pool *pool, struct worker *worker, uint64_t now)
{
        struct json_object *object = json_object_new_object();

        json_put_text(object, "program", pool->options->name);
        json_put_number(object, "pid", (uint64_t)worker->process.pid);
        json_put_number(object, "slot", worker->slot);
        json_put_text(object, "state", worker_state_name(worker->state));
        put_age(object, "since", time_of(worker), now);
        put_age(object, "age", worker->process.started, now);
        json_put_number(object, "served", worker->served);
        json_put_number(object, "memory", memory_resident(worker->process.pid));
        json_put(object, "due",
                 worker->due ? json_object_new_string(recycle_reason(worker->due)) : NULL);
        if (worker->process.waits_for_debugger)
                status_put_debugger(object, worker);
        put_function(object, worker, now);
        put_calls(object, worker, now);
        return object;
}

static int compare(const void *a, const void *b)
{
        const struct worker *x = *(struct worker *const *)a, *y = *(struct worker *const *)b;

        return x->slot < y->slot ? -1 : x->slot > y->slot;
}

void status_add_workers(struct json_object *array, const struct pool *pool, uint64_t now)
{
        size_t n = 0, total = 0;
        _cleanup_free_ struct worker **workers = NULL;
        struct worker *worker;

        for (enum worker_state state = WORKER_STARTING; state <= WORKER_STOPPING; state++)
                total += pool->workers.count[state];
        workers = reallocarray(NULL, total + 1, sizeof(struct worker *));
        for (enum worker_state state = WORKER_STARTING; workers && state <= WORKER_STOPPING;
             state++)
                TAILQ_FOREACH (worker, &pool->workers.list[state], link)
                        workers[n++] = worker;
        if (n > 0)
                qsort(workers, n, sizeof(struct worker *), compare);
        for (size_t i = 0; i < n; i++)
                json_object_array_add(array, new_worker(pool, workers[i], now));
}
