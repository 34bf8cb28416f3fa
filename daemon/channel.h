/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The two pipes that requests and answers of a worker go through. Requests are gathered and written
 * once a turn; answers are scanned as they come, and told with where their parts lie.
 */
#include "common/buffer.h"
#include "common/envelope.h"
#include "common/rpc.h"
#include "turn.h"

#include <stdbool.h>
#include <stdint.h>

struct event;
struct event_base;
struct request;

/* One answer line. Its parts lie in the channel's input until the callback returns. A null in the
 * place of an id is none; nor is one that stands beside an error or a result. */
struct channel_answer {
        struct rpc_part id;     /* as it stands there; programs may leave it out */
        uint64_t serial;        /* what it says; 0: it is no serial */
        struct rpc_part result; /* an answer has either this one ... */
        struct rpc_part error;  /* ... or this one: a string or an object */
        struct rpc_part kind;
        struct rpc_part data;
        struct rpc_part traceback;
};

/* One line by which the worker calls another program. */
struct channel_call {
        const struct buffer *source; /* the channel's input, in which the spans lie */
        size_t length;               /* of the line */
        struct envelope_span id, command, data, timeout, within;
};

struct channel_events {
        void (*answered)(void *userdata, const struct channel_answer *answer);
        void (*called)(void *userdata, const struct channel_call *call);
        /* The line that it writes is too long: `broken` was told just before. What it is an answer
         * to, if that has been seen already; else 0. */
        void (*too_large)(void *userdata, uint64_t serial);
        /* The end, told once; nothing is read or written from then on. Either the worker broke the
         * rules, as `reason` says, or it closed a pipe, as it does when it exits. */
        void (*broken)(void *userdata, const char *reason);
        void (*closed)(void *userdata, const char *reason);
};

struct channel {
        const struct channel_events *events;
        void *userdata;
        struct turn *turn;
        struct turn_task flush;
        struct event *read_event, *write_event;
        struct event *refusal_event; /* the worker's end of PipeIn is gone */
        int in_fd, out_fd;           /* the worker's PipeIn and PipeOut */
        struct buffer to_worker, from_worker;
        struct envelope envelope;
        size_t max_answer, max_call; /* the longest lines */
        bool marks_positional;       /* it asks which arrays hold arguments one by one */
        bool is_closing;             /* close PipeIn once everything is written */
        bool has_ended;              /* broken or closed */
        bool is_scanning;            /* an event is being told: nothing else can be taken now */
};

/* Takes the descriptors, also where it fails. 0 or -ENOMEM. */
int channel_init(struct channel *channel, struct event_base *base, struct turn *turn,
                 struct buffer_pool *buffers, int in_fd, int out_fd, uint64_t max_response_size,
                 uint64_t max_request_size, const struct channel_events *events, void *userdata);
void channel_clear(struct channel *channel);

/* Sends the request at the end of this turn. 0 or -ENOMEM: half of it may lie there then, and the
 * channel is of no further use. */
int channel_send(struct channel *channel, const struct request *request);
/* Sends the answer to a call of the worker's, at the end of this turn. `id` is raw JSON. The same
 * goes for what it returns. */
int channel_answer(struct channel *channel, const char *id, size_t id_length,
                   const struct rpc_answer *answer);
/* Ends the worker's input behind what has been sent: its sign to leave. */
void channel_close_input(struct channel *channel);
/* Part of what was sent has never been read: the last request has surely not begun. Also true to
 * the end of a process that has ended, whose pipe still holds what it left. */
bool channel_has_unread(const struct channel *channel);
/* The beginning of the line that has come in part: how many bytes were copied. */
size_t channel_unfinished(const struct channel *channel, char *text, size_t size);
/* Takes the answers that are there and does not wait: for a process that has ended. A grandchild
 * may still hold the pipe, and write to it for ever: what a pipe can hold is enough. */
void channel_drain(struct channel *channel);
/* Takes these lines as if they had come over the pipe, whatever part of one stands there, and even
 * if that has been closed. 0 or -ENOMEM. */
int channel_take(struct channel *channel, const void *lines, size_t length);
