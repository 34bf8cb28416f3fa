/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Requests of a caller that is the test, which keeps the answers: "17:result 3|" or
 * "18:timeout {...}|" for each, by the id of the request.
 */
#include "fixture_loop.h"

#include "daemon/request.h"

#include <stdio.h>
#include <string.h>

static char answers[65536];
static unsigned n_answers;
static enum rpc_status last_status;
static struct caller caller;
static uint64_t next_serial;

static inline size_t put_answer_part(const struct rpc_part *part, char *to, size_t room)
{
        size_t length = part->length < room - 1 ? part->length : room - 1;

        if (!part->source)
                length = 0;
        else
                buffer_copy(part->source, part->offset, length, to);
        to[length] = '\0';
        return length;
}

static inline void keep_answer(struct caller *from, struct request *request,
                               const struct rpc_answer *answer)
{
        size_t length = strlen(answers), room = sizeof(answers) - length;
        const struct rpc_part *part = answer->status == RPC_OK ? &answer->result : &answer->data;

        ck_assert_ptr_eq(from, &caller);
        ck_assert_ptr_null(request->worker);
        n_answers++;
        last_status = answer->status;
        if (room < 8192)
                return;
        length += (size_t)snprintf(answers + length, room, "%.*s:%s ", (int)request->id_length,
                                   request->id, rpc_status_kind(answer->status));
        length += put_answer_part(part, answers + length, 4096);
        strcpy(answers + length, "|");
}

static inline void requests_begin(void)
{
        caller_init(&caller, keep_answer);
        answers[0] = '\0';
        n_answers = 0;
        next_serial = 0;
}

/* A request whose id is its serial. `params` may be "": there are none. */
static inline struct request *new_request(const char *function, const char *params)
{
        struct buffer source;
        char id[24];

        buffer_init(&source, &buffers);
        ck_assert_int_eq(buffer_append(&source, params, strlen(params)), 0);
        snprintf(id, sizeof(id), "%" PRIu64, ++next_serial);
        struct rpc_part part = {*params ? &source : NULL, 0, strlen(params)};
        struct request *request =
                request_new(&caller, &buffers, id, strlen(id), function, strlen(function), &part);
        ck_assert_ptr_nonnull(request);
        request->serial = next_serial;
        buffer_clear(&source);
        return request;
}

/* For requests that nobody else has. */
static inline void requests_end(void)
{
        while (!TAILQ_EMPTY(&caller.requests))
                request_free(TAILQ_FIRST(&caller.requests));
}
