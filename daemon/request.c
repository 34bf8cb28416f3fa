/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <stdlib.h>
#include <string.h>

void caller_init(struct caller *caller,
                 void (*done)(struct caller *, struct request *, const struct rpc_answer *))
{
        peer_init(&caller->peer, -1);
        TAILQ_INIT(&caller->requests);
        caller->n_requests = 0;
        LIST_INIT(&caller->first);
        caller->held = 0;
        caller->done = done;
}

/* What is shared keeps whole chunks, of which it may fill a small part. */
static size_t held_by(const struct request *request)
{
        size_t length = request->large_params.length;

        return length ? length + BUFFER_CHUNK_SIZE : 0;
}

static int share_params(struct request *request, const struct rpc_part *params)
{
        int r = buffer_share(&request->large_params, params->source, params->offset,
                             params->length);

        request->caller->held += held_by(request);
        return r;
}

/* Takes the params over: inline, where room was made for them. */
static int take_params(struct request *request, const struct rpc_part *params, bool is_inline)
{
        char *room = request->text + request->id_length + request->function_length + 1;

        request->params_length = params->length;
        if (!is_inline)
                return share_params(request, params);
        buffer_copy(params->source, params->offset, params->length, room);
        request->params = room;
        return 0;
}

struct request *request_new(struct caller *caller, struct buffer_pool *buffers, const char *id,
                            size_t id_length, const char *function, size_t function_length,
                            const struct rpc_part *params)
{
        bool is_inline = params->source && params->length < BUFFER_SHARE_MIN;
        size_t room = id_length + function_length + 1 + (is_inline ? params->length : 0);
        struct request *request = buffer_block_new(buffers, sizeof(*request) + room);

        if (!request)
                return NULL;
        *request = (struct request){
                .caller = caller,
                .size = sizeof(*request) + room,
                .id = request->text,
                .id_length = id_length,
                .function = request->text + id_length,
                .function_length = function_length,
        };
        buffer_init(&request->large_params, buffers);
        memcpy(request->text, id, id_length);
        memcpy(request->text + id_length, function, function_length);
        request->text[id_length + function_length] = '\0';
        TAILQ_INSERT_TAIL(&caller->requests, request, of_caller);
        caller->n_requests++;
        if (params->source && take_params(request, params, is_inline) < 0)
                return request_free(request);
        return request;
}

struct caller *request_origin(struct request *request)
{
        while (request->parent)
                request = request->parent;
        return request->caller;
}

int request_write_params(const struct request *request, struct buffer *out)
{
        if (request->params)
                return buffer_append(out, request->params, request->params_length);
        return buffer_share(out, &request->large_params, 0, request->large_params.length);
}

struct request *request_free(struct request *request)
{
        if (!request)
                return NULL;
        if (request->state == REQUEST_DEFERRED)
                TAILQ_REMOVE(request->deferred, request, place);
        TAILQ_REMOVE(&request->caller->requests, request, of_caller);
        request->caller->n_requests--;
        request->caller->held -= held_by(request);
        buffer_clear(&request->large_params);
        buffer_block_free(request->large_params.pool, request, request->size);
        return NULL;
}

void request_defer(struct request *request, struct request_list *list)
{
        TAILQ_INSERT_TAIL(list, request, place);
        request->deferred = list;
        request->state = REQUEST_DEFERRED;
}

void request_move_all(struct request_list *to, struct request_list *from)
{
        struct request *request;

        while ((request = TAILQ_FIRST(from))) {
                TAILQ_REMOVE(from, request, place);
                request_defer(request, to);
        }
}

void request_finish_all(struct request_list *list, const struct rpc_answer *answer)
{
        while (!TAILQ_EMPTY(list))
                request_finish(TAILQ_FIRST(list), answer);
}

void request_finish(struct request *request, const struct rpc_answer *answer)
{
        request->caller->done(request->caller, request, answer);
        request_free(request);
}
