/* SPDX-License-Identifier: MIT */
#include "dispatch.h"

#include "call.h"
#include "cancel.h"
#include "common/cleanup.h"
#include "common/units.h"
#include "pool.h"
#include "registry.h"
#include "route.h"
#include "worker_answers.h"

#include <json-c/json.h>
#include <string.h>

#define SERIAL_MAX  24U
#define RETRY_AFTER 0.5 /* seconds */

struct outcall {
        struct registry *registry;
        struct worker *worker;
        const struct channel_call *line;
        struct call call;
        struct request *parent;
};

static void refuse_with(struct outcall *outcall, enum rpc_status status, struct json_object *data,
                        const char *detail)
{
        struct rpc_answer answer;

        rpc_answer_init(&answer, outcall->worker->around->buffers);
        rpc_answer_fail(&answer, status, data, "%s", detail);
        worker_answer_call(outcall->worker, outcall->call.id, outcall->call.id_length, &answer);
        rpc_answer_clear(&answer);
}

static void refuse(struct outcall *outcall, enum rpc_status status, const char *detail)
{
        refuse_with(outcall, status, NULL, detail);
}

static void refuse_call(struct outcall *outcall, const char *reason, const char *detail)
{
        struct json_object *data = json_object_new_object();

        json_object_object_add(data, "reason", json_object_new_string(reason));
        refuse_with(outcall, RPC_CALL_REFUSED, data, detail);
}

/* The request under way with that request_id, or the only one; 0: there is none, or no telling. */
static uint64_t find_parent(struct worker *worker, const struct channel_call *line)
{
        const struct envelope_span *within = &line->within;
        struct ledger *ledger = &worker->ledger;
        char text[SERIAL_MAX + 1];

        if (within->type == ENVELOPE_ABSENT)
                return ledger->sent - ledger->answered == 1 ? ledger->sent : 0;
        if (within->type != ENVELOPE_STRING || within->length < 3 || within->length > SERIAL_MAX)
                return 0;
        buffer_copy(line->source, within->offset + 1, within->length - 2, text);
        text[within->length - 2] = '\0';
        if (strspn(text, "0123456789") != within->length - 2)
                return 0;
        return ledger_find(ledger, strtoull(text, NULL, 10));
}

/* Finds out within which request it was made. False: it is refused. */
static bool take_parent(struct outcall *outcall)
{
        struct worker *worker = outcall->worker;
        uint64_t ordinal = find_parent(worker, outcall->line);

        if (ordinal) {
                outcall->parent = ledger_at(&worker->ledger, ordinal)->request;
                if (!outcall->parent)
                        refuse(outcall, RPC_CANCELLED,
                               "the request within which the call is made has ended");
        } else if (ledger_is_empty(&worker->ledger)) {
                refuse_call(outcall, "outside",
                            "a call is made within a request, and the worker has none");
        } else {
                refuse(outcall, RPC_INVALID_REQUEST,
                       outcall->line->within.type == ENVELOPE_ABSENT
                               ? "\"for\" is missing: the worker has more than one request, and "
                                 "the call is made within one of them"
                               : "\"for\" is the request_id of a request that the worker has");
        }
        return outcall->parent != NULL;
}

/* The buffers are full, and it has a large call under way already: so those in flight make room,
 * and no worker can have a part in it that grows. Another one is not left in the pipe, where its
 * answer would wait behind it. */
static bool is_too_much(const struct worker *worker, const struct channel_call *line)
{
        const struct surroundings *around = worker->around;

        return worker->caller.held > 0 && line->length >= BUFFER_SHARE_MIN &&
               buffer_pool_moving(around->buffers) > around->max_buffered;
}

static void refuse_overloaded_buffers(struct outcall *outcall)
{
        struct json_object *data = json_object_new_object();

        json_object_object_add(data, "retry_after", json_object_new_double(RETRY_AFTER));
        refuse_with(outcall, RPC_OVERLOADED, data,
                    "max_buffered is reached, and the worker has large calls under way");
}

static bool is_under_way(const struct worker *worker, const struct call *call)
{
        const struct request *request;

        TAILQ_FOREACH (request, &worker->caller.requests, of_caller)
                if (request->id_length == call->id_length &&
                    memcmp(request->id, call->id, call->id_length) == 0)
                        return true;
        return false;
}

/* What is wrong with it, whatever it calls. True: it was refused. */
static bool is_refused(struct outcall *outcall, const char *wrong)
{
        struct worker *worker = outcall->worker;
        const struct surroundings *around = worker->around;
        char detail[128];

        if (wrong) {
                refuse(outcall, RPC_INVALID_REQUEST, wrong);
        } else if (outcall->line->length > around->max_request_size) {
                snprintf(detail, sizeof(detail), "a call has at most %zu bytes",
                         around->max_request_size);
                refuse(outcall, RPC_TOO_LARGE, detail);
        } else if (is_under_way(worker, &outcall->call)) {
                /* Under its own id it would be taken for the answer to the other one. */
                snprintf(detail, sizeof(detail), "a call with the request_id %.*s is under way",
                         (int)(outcall->call.id_length < 64 ? outcall->call.id_length : 64),
                         outcall->call.id);
                outcall->call.id_length =
                        (size_t)(stpcpy(outcall->call.id, "null") - outcall->call.id);
                refuse(outcall, RPC_INVALID_REQUEST, detail);
        } else if (worker->caller.n_requests >= DISPATCH_CALLS_MAX) {
                snprintf(detail, sizeof(detail), "a worker has at most %u calls under way",
                         DISPATCH_CALLS_MAX);
                refuse_call(outcall, "limit", detail);
        } else if (is_too_much(worker, outcall->line)) {
                refuse_overloaded_buffers(outcall);
        } else if (!take_parent(outcall)) {
                return true;
        } else if (outcall->parent->depth >= around->max_call_depth) {
                snprintf(detail, sizeof(detail),
                         "calls are within each other at most %u levels deep: max_call_depth",
                         around->max_call_depth);
                refuse_call(outcall, "depth", detail);
        } else {
                return false;
        }
        return true;
}

/* The params as they go to a function: what is neither an object nor an array is its only argument.
 * 0 or -ENOMEM. */
static int take_params(const struct call *call, struct buffer *wrapped, struct rpc_part *params)
{
        const struct envelope_span *data = &call->params;
        int r = 0;

        *params = (struct rpc_part){call->source, data->offset, data->length};
        if (data->type == ENVELOPE_ABSENT) {
                params->source = NULL;
        } else if (data->type != ENVELOPE_OBJECT && data->type != ENVELOPE_ARRAY) {
                r = buffer_append(wrapped, "[", 1);
                if (r == 0)
                        r = buffer_share(wrapped, call->source, data->offset, data->length);
                if (r == 0)
                        r = buffer_append(wrapped, "]", 1);
                *params = (struct rpc_part){wrapped, 0, wrapped->length};
        }
        return r;
}

static struct request *make_request(struct outcall *outcall, const char *function)
{
        const struct call *call = &outcall->call;
        struct buffer_pool *buffers = outcall->worker->around->buffers;
        size_t length = (size_t)(call->method + call->method_length - function);
        struct request *request = NULL;
        struct rpc_part params;
        struct buffer wrapped;

        buffer_init(&wrapped, buffers);
        if (take_params(call, &wrapped, &params) == 0)
                request = request_new(&outcall->worker->caller, buffers, call->id, call->id_length,
                                      function, length, &params);
        buffer_clear(&wrapped);
        return request;
}

static void submit(struct outcall *outcall, const struct route *route)
{
        struct request *request = make_request(outcall, route->function);

        if (!request) {
                refuse(outcall, RPC_INTERNAL_ERROR, "out of memory");
                return;
        }
        request->parent = outcall->parent;
        request->depth = outcall->parent->depth + 1;
        request->serial = ++outcall->registry->last_serial;
        request->received = units_now();
        request->timeout = outcall->call.timeout;
        pool_submit(route->pool, request, request->received);
}

static void cancel(struct outcall *outcall)
{
        struct cancel_id id;

        if (!cancel_read(&outcall->call, &id))
                cancel_apply(&id, &outcall->worker->caller, units_now());
}

void dispatch_call(struct registry *registry, struct worker *worker,
                   const struct channel_call *line)
{
        const struct pool *own = worker->pool;
        struct outcall outcall = {.registry = registry, .worker = worker, .line = line};
        const char *wrong = call_read_command(&outcall.call, line->source, &line->id,
                                              &line->command, &line->data, &line->timeout);
        struct route route;

        if (cancel_is_meant(&outcall.call)) {
                cancel(&outcall);
                return;
        }
        if (is_refused(&outcall, wrong))
                return;
        route_find(&route, registry, request_origin(outcall.parent), &outcall.call,
                   own->is_draining);
        if (route.is_reserved)
                refuse(&outcall, RPC_FORBIDDEN, "programs cannot call the daemon's own methods");
        else if (!route.pool)
                refuse(&outcall, RPC_METHOD_NOT_FOUND, route.detail);
        else
                submit(&outcall, &route);
}
