/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * One call, until its one answer has been written. A request belongs to its caller, always; a
 * queue or a worker only borrows it. request_finish() is the one exit, however it ended.
 */
#include "common/buffer.h"
#include "common/rpc.h"
#include "peer.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#define REQUEST_ID_MAX       256U  /* bytes of an id as it stands on the wire */
#define REQUEST_FUNCTION_MAX 1024U /* bytes of a function's name, decoded */

struct pool;
struct request;
struct run_time;
struct worker;

TAILQ_HEAD(request_list, request);
LIST_HEAD(request_firsts, request);

/* Who a request is answered to; part of a client, or of a worker that calls others itself. */
struct caller {
        struct peer peer;
        struct request_list requests; /* not yet answered */
        unsigned n_requests;
        struct request_firsts first; /* where it waits: its first request in each rota */
        size_t held; /* bytes of buffers that large params of them keep, a chunk's more for each */
        /* Takes the answer, before the request is freed. Must not submit requests. */
        void (*done)(struct caller *caller, struct request *request,
                     const struct rpc_answer *answer);
};

/* Its peer is nobody, until it is said who that is. */
void caller_init(struct caller *caller,
                 void (*done)(struct caller *, struct request *, const struct rpc_answer *));

enum request_state {
        REQUEST_NEW,      /* nobody but its caller knows it */
        REQUEST_QUEUED,   /* in its pool's queue */
        REQUEST_SENT,     /* with a worker: it may have begun */
        REQUEST_DEFERRED, /* a call of the daemon's own methods, which is answered later */
};

/* Whether a worker has begun it; of some that cannot be known. */
enum begun { BEGUN_NO, BEGUN_YES, BEGUN_UNKNOWN };

/* Where a request stands in its pool's rota: see rota.h. */
struct request_rota {
        TAILQ_ENTRY(request) place;    /* among the first ones, or behind the first of its caller */
        LIST_ENTRY(request) of_caller; /* of a first one: among its caller's */
        struct request_list behind;    /* of a first one */
};

struct request {
        struct caller *caller;
        TAILQ_ENTRY(request) of_caller;
        TAILQ_ENTRY(request) place;    /* in the pool's queue, on a worker's list, or on ... */
        struct request_list *deferred; /* ... the list of whoever will answer it */
        struct request_rota rota;
        enum request_state state;
        struct pool *pool;         /* while it is queued or sent */
        struct worker *worker;     /* while it is sent */
        void *group;               /* the caller's: the batch that it is part of */
        struct request *parent;    /* of a call by a worker: the one within which it was made */
        struct run_time *run_time; /* of its function, in its pool; NULL: it has none */
        unsigned depth;            /* how many are above it */
        bool is_notification;      /* its answer goes nowhere */
        bool is_returned;          /* it waits again, in front of all others */
        uint8_t n_taken_back;      /* how often from a worker that died before it had begun it */
        bool was_retried;          /* after the death of a worker that may have begun it */
        enum begun begun;          /* whether that one had */

        uint64_t serial;
        uint64_t received;  /* CLOCK_MONOTONIC, microseconds, as all times here */
        uint64_t submitted; /* to its pool */
        uint64_t sent;
        uint64_t ordinal;  /* while it is sent: among all that its worker was sent */
        uint64_t timeout;  /* what the caller asked for; 0: nothing */
        uint64_t deadline; /* 0: none */
        size_t heap_index; /* where the deadline stands among the pool's: in the heap, or ... */
        struct request *earlier, *later; /* ... in the list between these */

        const char *id;       /* raw JSON */
        const char *function; /* decoded; NUL-terminated besides */
        const char *params;   /* raw JSON, if they are short; else they are in large_params */
        size_t id_length;
        size_t function_length;
        size_t params_length;
        struct buffer large_params;
        size_t size; /* of all of it */
        char text[]; /* id, function and params: one allocation does for most requests */
};

/* The request is on its caller's list from here on. `params` (without a source: there are none)
 * are shared or copied. NULL: out of memory. */
struct request *request_new(struct caller *caller, struct buffer_pool *buffers, const char *id,
                            size_t id_length, const char *function, size_t function_length,
                            const struct rpc_part *params);
/* Appends the params to a buffer. 0 or -ENOMEM. */
int request_write_params(const struct request *request, struct buffer *out);

/* The outermost caller, whose credentials count. */
struct caller *request_origin(struct request *request);

/* Puts a new request on the list of whoever will finish it. It leaves the list by itself when it
 * ends, which it may do at any time: its caller may go. The list must live as long. */
void request_defer(struct request *request, struct request_list *list);
/* Lets another one finish all that are on such a list. */
void request_move_all(struct request_list *to, struct request_list *from);
/* Finishes all that are on such a list. */
void request_finish_all(struct request_list *list, const struct rpc_answer *answer);

/* Hands the answer to the caller and frees the request. It must have left queue and worker. */
void request_finish(struct request *request, const struct rpc_answer *answer);
/* For a caller that is gone: nobody is told. */
struct request *request_free(struct request *request);
