/* SPDX-License-Identifier: MIT */
#include "calls.h"

#include "batch.h"
#include "call.h"
#include "cancel.h"
#include "client.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/units.h"
#include "route.h"

#include <json-c/json.h>
#include <string.h>

/* What is the first to wait for the client begins to wait now. */
static void begin_output(struct client *client)
{
        if (!buffer_is_empty(&client->out))
                return;
        client->moved = units_now();
        client->taken = 0;
}

static void write_answer(struct client *client, const struct request *request,
                         const struct rpc_answer *answer)
{
        struct batch *batch = request->group;
        bool is_there = client->fd >= 0 && !client->is_gone;
        bool is_wanted = is_there && !request->is_notification;
        int r = 0;

        begin_output(client);
        if (batch) {
                if (is_wanted)
                        r = batch_add_answer(batch, answer, request->id, request->id_length);
                int ended = batch_end(batch, is_there ? &client->out : NULL);
                r = r < 0 ? r : ended;
        } else if (is_wanted) {
                r = rpc_answer_write(answer, request->id, request->id_length, &client->out);
                if (r == 0)
                        r = buffer_append(&client->out, "\n", 1);
        }
        if (r < 0) {
                log_error(NULL, "dropping a client: no memory for its answer");
                client->is_failed = true;
        }
        client_count_unsent(client);
}

void calls_done(struct caller *caller, struct request *request, const struct rpc_answer *answer)
{
        struct client *client = CONTAINER_OF(caller, struct client, caller);

        log_debug(
                (&(struct log_context){.request = request->serial, .function = request->function}),
                "answered: %s", rpc_status_kind(answer->status));
        client->around->n_requests--;
        if (request->state == REQUEST_DEFERRED)
                client->around->refused[answer->status]++;
        write_answer(client, request, answer);
        if (client->fd >= 0)
                turn_defer(client->around->turn, &client->flush);
        else if (client->caller.n_requests == 1) /* this one, which is about to be freed */
                turn_bury(client->around->turn, &client->grave);
}

static const struct rpc_part no_params;

static void refuse_with(struct client *client, struct request *request, enum rpc_status status,
                        struct json_object *data, const char *detail)
{
        struct rpc_answer answer;

        rpc_answer_init(&answer, client->around->buffers);
        rpc_answer_fail(&answer, status, data, detail ? "%s" : NULL, detail);
        client->around->refused[status]++;
        request_finish(request, &answer);
        rpc_answer_clear(&answer);
}

static void refuse(struct client *client, struct request *request, enum rpc_status status,
                   const char *detail)
{
        refuse_with(client, request, status, NULL, detail);
}

/* Its cancel stands behind it in the client's buffer. */
static void refuse_cancelled_ahead(struct client *client, struct request *request)
{
        struct json_object *data = json_object_new_object();

        json_object_object_add(data, "started", json_object_new_boolean(false));
        refuse_with(client, request, RPC_CANCELLED, data, NULL);
}

static struct request *make_request(struct client *client, const struct call *call,
                                    const char *function, const struct rpc_part *params,
                                    struct batch *batch)
{
        size_t length = (size_t)(call->method + call->method_length - function);
        struct request *request = request_new(&client->caller, client->around->buffers, call->id,
                                              call->id_length, function, length, params);

        if (!request) {
                log_error(NULL, "dropping a client: no memory for its request");
                client->is_failed = true;
                turn_defer(client->around->turn, &client->flush);
                return NULL;
        }
        request->group = batch;
        if (batch)
                batch->pending++;
        request->is_notification = call->is_notification;
        request->serial = ++client->around->registry->last_serial;
        request->received = units_now();
        request->timeout = call->timeout;
        client->around->n_requests++;
        return request;
}

static void refuse_call(struct client *client, struct call *call, struct batch *batch,
                        enum rpc_status status, const char *detail)
{
        call->method_length = 0;
        struct request *request = make_request(client, call, call->method, &no_params, batch);

        if (request)
                refuse(client, request, status, detail);
}

static void control(struct client *client, struct call *call, struct batch *batch)
{
        struct client_surroundings *around = client->around;
        struct request *request = make_request(client, call, call->method, &no_params, batch);
        struct rpc_answer answer;

        if (!request)
                return;
        rpc_answer_init(&answer, around->buffers);
        switch (around->control(around->userdata, call, request, &answer)) {
        case CONTROL_ANSWERED:
                around->refused[answer.status]++;
                request_finish(request, &answer);
                break;
        case CONTROL_DEFERRED:
                break;
        case CONTROL_UNKNOWN:
                refuse(client, request, RPC_METHOD_NOT_FOUND, "jumpbootd has no such method");
        }
        rpc_answer_clear(&answer);
}

/* A notification of that kind is never answered, not even one that is wrong. */
static void cancel(struct client *client, struct call *call, struct batch *batch)
{
        struct cancel_id id;
        const char *wrong = cancel_read(call, &id);
        struct request *request;
        struct rpc_answer answer;

        if (!wrong)
                cancel_apply(&id, &client->caller, units_now());
        if (call->is_notification)
                return;
        if (wrong) {
                refuse_call(client, call, batch, RPC_INVALID_PARAMS, wrong);
                return;
        }
        call->method_length = 0;
        request = make_request(client, call, call->method, &no_params, batch);
        if (!request)
                return;
        rpc_answer_init(&answer, client->around->buffers);
        rpc_answer_succeed(&answer, NULL);
        client->around->refused[answer.status]++;
        request_finish(request, &answer);
        rpc_answer_clear(&answer);
}

static void submit(struct client *client, struct call *call, const char *function,
                   struct pool *pool, struct batch *batch)
{
        struct rpc_part params = {
                .source = call->params.type == ENVELOPE_ABSENT ? NULL : call->source,
                .offset = call->params.offset,
                .length = call->params.length,
        };
        struct request *request = make_request(client, call, function, &params, batch);

        if (!request)
                return;
        if (!call->is_notification && ahead_is_cancelled(client->ahead, call->id, call->id_length))
                refuse_cancelled_ahead(client, request);
        else
                pool_submit(pool, request, request->received);
}

static void take_message(struct client *client, const struct envelope_message *message,
                         struct batch *batch)
{
        struct route route;
        struct call call;
        const char *wrong = call_read(&call, message, &client->in);

        if (client->is_gone && !call.is_notification)
                return;
        if (wrong) {
                refuse_call(client, &call, batch, RPC_INVALID_REQUEST, wrong);
                return;
        }
        if (cancel_is_meant(&call)) {
                cancel(client, &call, batch);
                return;
        }
        route_find(&route, client->around->registry, &client->caller, &call, false);
        if (route.is_reserved)
                control(client, &call, batch);
        else if (route.pool)
                submit(client, &call, route.function, route.pool, batch);
        else
                refuse_call(client, &call, batch, RPC_METHOD_NOT_FOUND, route.detail);
}

/* An answer to a line as a whole. */
static void refuse_line(struct client *client, enum rpc_status status, const char *detail)
{
        struct call call = {.id = "null", .id_length = 4};

        if (client->is_gone)
                return;
        refuse_call(client, client->oversize ? client->oversize : &call, NULL, status, detail);
}

static void take_batch(struct client *client)
{
        const struct envelope *envelope = &client->envelope;

        if (envelope->n_elements == 0 || envelope->batch_overflow) {
                char detail[128] = "a batch has at least one element";
                if (envelope->batch_overflow)
                        snprintf(detail, sizeof(detail), "a batch has at most %zu elements",
                                 envelope->max_elements);
                refuse_line(client, RPC_INVALID_REQUEST, detail);
                return;
        }
        struct batch *batch = batch_new(client->around->buffers, &client->around->batched);
        if (!batch) {
                refuse_line(client, RPC_INTERNAL_ERROR, "out of memory");
                return;
        }
        for (size_t i = 0; i < envelope->n_elements && !client->is_failed; i++)
                take_message(client, &envelope->elements[i], batch);
        if (batch_end(batch, &client->out) < 0)
                client->is_failed = true;
        client_count_unsent(client);
        turn_defer(client->around->turn, &client->flush);
}

void calls_take_line(struct client *client)
{
        const struct envelope *envelope = &client->envelope;
        char detail[256];

        if (client->oversize) {
                snprintf(detail, sizeof(detail), "a request has at most %zu bytes",
                         client->around->max_request_size);
                refuse_line(client, RPC_TOO_LARGE, detail);
        } else if (envelope->error != ENVELOPE_OK) {
                snprintf(detail, sizeof(detail), "at byte %zu: %s", envelope->error_offset,
                         envelope_error_text(envelope));
                refuse_line(client, RPC_PARSE_ERROR, detail);
        } else if (envelope->is_batch) {
                take_batch(client);
        } else if (!envelope->is_blank) {
                take_message(client, &envelope->message, NULL);
        }
}
