/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * One connection: lines in, requests out to the pools, answers back in the order in which they
 * are ready. What it reads next follows from its state, in one place: client_update().
 *
 * A client that has gone stays as a husk until the requests that workers had begun have ended.
 */
#include "ahead.h"
#include "batch.h"
#include "call.h"
#include "common/buffer.h"
#include "common/envelope.h"
#include "registry.h"
#include "request.h"
#include "turn.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct client;
struct event_base;

TAILQ_HEAD(client_list, client);

/* What became of a call of one of the daemon's own methods. */
enum control_outcome {
        CONTROL_UNKNOWN,  /* there is no such method */
        CONTROL_ANSWERED, /* the answer is filled in */
        CONTROL_DEFERRED, /* the request was deferred, and is answered later */
};

/* What clients need of the daemon around them; shared by all. */
struct client_surroundings {
        struct event_base *base;
        struct turn *turn;
        struct buffer_pool *buffers;
        struct registry *registry;
        struct client_list clients; /* with a connection */
        struct client_list husks;
        size_t n_clients;
        size_t n_requests;                  /* in flight, of all clients */
        uint64_t refused[RPC_STATUS_COUNT]; /* ended before they reached a pool */
        unsigned max_requests;              /* of one client */
        size_t max_request_size;
        size_t max_buffered;
        size_t unsent; /* bytes of answers that clients have not taken yet */
        struct batch_room batched;
        size_t max_unsent; /* of both together, past which no further request is begun */
        /* A call of one of the daemon's own methods. */
        enum control_outcome (*control)(void *userdata, const struct call *call,
                                        struct request *request, struct rpc_answer *answer);
        void (*gone)(void *userdata); /* a connection has ended, or a husk */
        void (*held)(void *userdata); /* max_buffered or max_unsent is reached */
        void *userdata;
};

struct client {
        TAILQ_ENTRY(client) link;
        struct client_surroundings *around;
        struct caller caller;
        int fd; /* -1: a husk */
        struct event *event;
        short events; /* what it waits for */
        struct turn_task flush, grave;
        struct envelope envelope;
        struct buffer in, out;
        struct ahead *ahead;   /* of one that was at its limit, until `in` is empty */
        size_t dropped;        /* bytes of the line being read that were not kept */
        struct call *oversize; /* who sent a line that is too long to be kept */
        bool is_failed;        /* out of memory in the middle of something: drop it */
        bool is_eof;           /* it will send no more */
        bool is_gone;          /* it has hung up: only its notifications are still wanted */
        bool is_held;          /* not reading: it holds much, and all together are over the limit */
        bool is_exempt;        /* reading in spite of that, to the end of its line */
        bool was_exempt;       /* what has come of that line may still be there */
        uint64_t exempted;     /* since when */
        size_t unsent;         /* what of `out` is counted in the sum of all */
        size_t taken;          /* bytes that it has taken since ... */
        uint64_t moved;        /* ... it last took a good part of its answers, or all */
};

/* Takes the descriptor, also where it fails. */
int client_new(struct client_surroundings *around, int fd, struct client **ret);
/* Closes the connection and drops what is queued; frees at the end of the turn, or as a husk. */
void client_drop(struct client *client);
/* Frees at once, with its requests: they must have left the pools. */
struct client *client_free(struct client *client);

/* Ends what is to be answered later, of all clients: the daemon stops. */
void clients_refuse_deferred(struct client_surroundings *around);
/* No more is read than what it has sent already. */
void client_shut(struct client *client);
/* Decides anew whether it is held. */
void client_look_again(struct client *client);
/* Counts what its `out` holds; whoever changes that calls it. */
void client_count_unsent(struct client *client);
/* Answers of more bytes than that wait for clients. */
bool clients_have_unsent(const struct client_surroundings *around, size_t max);
/* It holds a part of a line. */
bool client_is_amid_line(const struct client *client);
