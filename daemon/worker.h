/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A process that serves requests of a program. It stands on exactly one of its pool's lists, and
 * that list is its state; only worker_set_state() moves it.
 */
#include "channel.h"
#include "deadlock_node.h"
#include "ledger.h"
#include "options.h"
#include "pages.h"
#include "process.h"
#include "request.h"
#include "stack.h"
#include "template.h"
#include "turn.h"

#include <stdbool.h>
#include <stdint.h>

struct json_object;

/* STARTING -> IDLE <-> BUSY, any -> STOPPING -> DEAD */
enum worker_state {
        WORKER_STARTING,
        WORKER_IDLE,
        WORKER_BUSY,
        WORKER_STOPPING,
        WORKER_DEAD,
        WORKER_STATES
};

/* Why a worker is to be replaced. */
enum worker_due {
        WORKER_NOT_DUE,
        WORKER_DUE_REQUESTS,
        WORKER_DUE_LIFETIME,
        WORKER_DUE_MEMORY,
        WORKER_DUE_RENEWED,
        WORKER_DUE_REASONS
};

const char *worker_state_name(enum worker_state state);

TAILQ_HEAD(worker_list, worker);

struct worker_lists {
        struct worker_list list[WORKER_STATES];
        unsigned count[WORKER_STATES];
};

/* What a worker tells its pool. */
struct worker_events {
        void (*ready)(void *pool, struct worker *worker);
        /* It waits for a debugger, before it goes on to be ready. */
        void (*waits)(void *pool, struct worker *worker);
        /* Its methods have changed since. */
        void (*methods)(void *pool, struct worker *worker);
        /* A request that the worker had got its answer; it is with nobody now. NULL: nobody waits
         * for it any more, and the answer is dropped. */
        void (*answered)(void *pool, struct worker *worker, struct request *request,
                         const struct rpc_answer *answer, uint64_t now);
        /* It has skipped a request that was not to be taken back any more; it is with nobody now.
         */
        void (*skipped)(void *pool, struct worker *worker, struct request *request, uint64_t now);
        /* It calls a program. */
        void (*called)(void *pool, struct worker *worker, const struct channel_call *call);
        /* Of its calls some are answered and others not: told at the end of the turn. */
        void (*relieved)(void *pool, struct worker *worker);
        /* It is on its way out by its own doing; pool_maintain() sees to it that it goes. */
        void (*leaving)(void *pool, struct worker *worker);
        /* The process is gone for good. What it still had is in its ledger. The pool frees
         * the worker, at the end of the turn. */
        void (*exited)(void *pool, struct worker *worker);
};

/* What is kept of a request for the log, when it has gone and its worker still has to do with it.
 */
struct subject {
        uint64_t serial;
        char function[128];
};

/* What a worker was sent is not wanted any more, and it is at it: it is interrupted, and has to
 * come back by a certain time. */
struct interruption {
        uint64_t ordinal; /* 0: there is none */
        uint64_t since, until, sent_at;
        bool is_cancelled; /* else it is past its deadline */
        bool has_begun;
        struct subject subject;
        struct stack_asker asker;
        char *text; /* the stack at that time */
};

/* A request takes long: its stack is taken. */
struct slowness {
        uint64_t told; /* the ordinal of the last one that this was told of */
        struct subject subject;
        struct stack_asker asker;
};

/* Where it stands among those that get requests ahead of their turn: see pool_ahead.h. */
struct worker_ahead {
        TAILQ_ENTRY(worker) room_link, crowd_link;
        bool has_room, is_crowded;
        uint64_t seen_started; /* what it had begun when that had changed last, which was at ... */
        uint64_t seen_at;
};

struct worker {
        TAILQ_ENTRY(worker) link;
        enum worker_state state;
        struct worker_lists *lists;
        const struct worker_events *events;
        void *pool;
        const struct surroundings *around;
        struct program_options *options;
        struct turn_task grave;

        struct process process;
        struct birth birth;
        unsigned slot;
        struct channel channel;
        struct pages pages;

        struct caller caller; /* of the calls that it makes: each waits for its answer */
        struct turn_task look;
        uint64_t called_within; /* the last ordinal that it had been sent when it called */
        struct deadlock_node deadlock;

        struct ledger ledger;
        struct worker_ahead ahead;
        bool has_counters; /* it counts what it begins and ends, and can be interrupted */
        bool takes_held;   /* answers come from the page, not over the pipe */
        uint64_t written;  /* answers that have come over the pipe, of a worker with counters */
        struct stack stack;
        struct interruption interruption;
        struct slowness slowness;
        TAILQ_ENTRY(worker) watch_link; /* on its pool's list of those to look at soon */
        bool is_watched;
        bool is_overdue;  /* it is ended because it did not come back from a request */
        bool is_unwanted; /* it leaves when it has answered what it has */
        uint64_t idle_since, busy_since, stopping_since;
        struct request_list awaiting; /* calls that wait for its end */
        uint64_t served;
        struct json_object *methods; /* as it has told */
        bool takes_any;              /* also functions that are not among them */

        /* What its pool replaces it by. */
        enum worker_due due;
        unsigned max_requests; /* how many it may serve; 0: any number */
        bool is_replacement;   /* it starts for one that is due */
        uint64_t memory;       /* bytes, as last seen */
        uint64_t memory_seen_at, memory_look_at;
};

void subject_set(struct subject *subject, const struct request *request);

/* Spawns the process, or has the template fork it. 0, or a negative errno with the reason in
 * `error`. */
int worker_new(const struct surroundings *around, struct program_options *options,
               struct template *template, unsigned slot, struct worker_lists *lists,
               const struct worker_events *events, void *pool, uint64_t now, struct worker **ret,
               char error[SPAWN_ERROR_MAX]);
/* Kills what still lives. */
struct worker *worker_free(struct worker *worker);

/* Of the request with this ordinal, that the worker has not answered: by its counters, or else, of
 * one that has ended, by what it has not read. Counters that cannot be are a fault, and end it. */
enum begun worker_has_begun(struct worker *worker, uint64_t ordinal);
/* Nobody will wait for it any more: if this says that it has not begun, it never will. */
enum begun worker_give_up(struct worker *worker, uint64_t ordinal, bool is_cancelled);

/* True: it has not begun a request and never will, though nobody has given it up. */
bool worker_take_back(struct worker *worker, uint64_t ordinal);

/* Hands it a request, for which its ledger must have room; it becomes busy. */
void worker_send(struct worker *worker, struct request *request, uint64_t now);
/* Takes the answers that it holds back, if there are any. They are answered then, whatever becomes
 * of it, and when they come over its pipe after all nobody notices. To be called where it will not
 * write them soon: when it is stuck in a request, for example. Once it has ended, or has closed
 * its pipe, that has been done. */
void worker_take_held(struct worker *worker);
/* Lets it leave: end of input, then SIGTERM and SIGKILL, each terminate_timeout after the last. */
void worker_stop(struct worker *worker, uint64_t now);
/* The one way from list to list; refuses a move that the state machine does not have. */
void worker_set_state(struct worker *worker, enum worker_state state);
