/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The workers of one program, and the queue of those who wait for one.
 *
 * A request goes to the idle worker that was used last, else, if that is short, behind others to
 * one that is busy, else into the queue, else it is refused. Those that wait are served in turn
 * among their callers, and those of one caller first come, first served. Everything that time
 * decides - deadlines, how many workers there should be, when to try again after failures - is
 * decided in one place: pool_maintain().
 */
#include "catalogue.h"
#include "common/rpc.h"
#include "deadlines.h"
#include "death.h"
#include "metrics.h"
#include "options.h"
#include "pool_ahead.h"
#include "pool_interrupts.h"
#include "pool_recycle.h"
#include "pool_refusals.h"
#include "pool_renew.h"
#include "pool_templates.h"
#include "quota.h"
#include "request.h"
#include "rota.h"
#include "run_times.h"
#include "slots.h"
#include "turn.h"
#include "worker.h"

#include <stdbool.h>
#include <stdint.h>

LIST_HEAD(pool_list, pool);

struct pool_events {
        /* It has got its first min_workers, or knows that it will not; or has lost its last
         * worker after pool_stop(). */
        void (*changed)(void *userdata, struct pool *pool);
        /* What pool_renew() has come to. NULL: all is well; else why its workers did not start, and
         * nothing has changed. Borrowed. */
        void (*renewed)(void *userdata, struct pool *pool, struct json_object *error);
        /* One of its workers calls a program. */
        void (*called)(void *userdata, struct worker *worker, const struct channel_call *call);
};

struct pool {
        LIST_ENTRY(pool) leaving; /* its place in the registry, once it is to be drained */
        const struct surroundings *around;
        const struct pool_events *events;
        void *userdata;
        struct program_options *options;
        struct program_options *wanted; /* those of the config, if they are not in force */
        struct log_context context;
        struct cgroup *cgroup; /* of all its processes; NULL: there is none */

        struct worker_lists workers;
        struct slots slots;
        struct pool_recycle recycle;
        struct pool_ahead ahead;
        struct run_times run_times; /* of its functions */
        struct pool_renewal renewal;
        struct pool_templates templates;
        struct request_list queue; /* all that wait: what came back, then as they came */
        struct rota rota;          /* in what order they are served that have not come back */
        unsigned queue_length, queue_high_water;
        struct deadlock_node deadlock;
        struct deadlines deadlines;
        struct worker_list watched; /* those that have to be looked at soon */
        uint64_t stacks_since;      /* stacks that were logged since then */
        unsigned n_stacks;
        struct refusals refusals[REFUSALS];
        struct quota quota; /* of what its workers print */
        struct turn_task maintain;
        struct event *timer;
        uint64_t timer_at; /* 0: not armed */
        bool is_stopping;
        bool is_draining;    /* it stops as soon as nothing waits or runs, or ... */
        uint64_t drained_by; /* ... at this time; 0: whenever that is */
        bool is_settled;     /* its first workers came up, or failed to */

        /* Failures to start. */
        unsigned failures;   /* since failing_since */
        bool is_late;        /* a worker was not ready within startup_timeout */
        bool is_dying_young; /* the last worker died ready, but before its first answer */
        uint64_t failing_since, retry_at, back_off;
        struct json_object *last_error; /* of the last failed start; NULL after a good one */

        struct catalogue catalogue; /* what the last worker that started can do */
        uint64_t finished[RPC_STATUS_COUNT];
        uint64_t starts, start_failures, deaths;
        uint64_t death_causes[DEATH_CAUSES];
        uint64_t respawns;        /* starts that did not make it larger, but replaced somebody */
        unsigned grown_to;        /* its size, as if nobody had died since */
        uint64_t maximum_reached; /* times that requests began to wait though it had max_workers */
        bool is_at_maximum;
        uint64_t fates[FATES]; /* of workers that ran what was not wanted any more */
        uint64_t run_time;     /* a moving average, microseconds */
        struct metrics metrics;
};

int pool_new(const struct surroundings *around, struct program_options *options,
             const struct pool_events *events, void *userdata, struct pool **ret);
/* Ends what still runs, at once; its requests must have been finished or withdrawn. */
struct pool *pool_free(struct pool *pool);
static inline void pool_freep(struct pool **pool)
{
        *pool = pool_free(*pool);
}

/* Takes a request over until it is finished. It may be finished, with a refusal, on return. */
void pool_submit(struct pool *pool, struct request *request, uint64_t now);
/* Has a sent request wait in the queue again, if its worker has surely not begun it. False: it may
 * have. */
bool pool_take_back(struct pool *pool, struct request *request);
/* Takes a queued request out again, for a caller that has gone. */
void pool_withdraw(struct pool *pool, struct request *request);
/* Answers a queued or sent request with `cancelled`; a worker that has it is treated as one whose
 * request is past its deadline. */
void pool_cancel(struct pool *pool, struct request *request, uint64_t now);
/* Ends one worker: what it runs is cancelled and interrupted, then it leaves, or is made to. False:
 * it is on its way out already. */
bool pool_kill_worker(struct pool *pool, struct worker *worker, uint64_t now);
/* Takes a worker's Python stack while it runs on. NULL: the asker is told soon, in a second at the
 * latest. Else why it cannot be taken. */
const char *pool_ask_stack(struct pool *pool, struct worker *worker, struct stack_asker *asker,
                           uint64_t now);
/* Ends a request that the pool holds. */
void pool_finish(struct pool *pool, struct request *request, const struct rpc_answer *answer);

/* Workers are not held back any more: gives the idle ones what waits. */
void pool_resume(struct pool *pool, uint64_t now);
/* Sees to it that pool_maintain() is called at that time (0: never), or earlier. */
void pool_wake_at(struct pool *pool, uint64_t when, uint64_t now);
/* Does what is due and arms the timer for what will be. */
void pool_maintain(struct pool *pool, uint64_t now);
/* Tries a worker with these options (new ones, or its own) beside those that serve. Once it is
 * ready, the options are the pool's, and the older workers are replaced one after the other; if it
 * fails, nothing changes. The event `renewed` tells which, once: from within this call if the pool
 * is stopping. One that is still under way is given up, and told so first. Memory that its workers
 * share goes on with new options which have the same. */
void pool_renew(struct pool *pool, struct program_options *options, uint64_t now);
/* Gives that up, and tells why, if it is under way. */
void pool_renew_cancel(struct pool *pool, const char *reason, uint64_t now);
/* Stops it when all that it has is answered, or after graceful_timeout. It gets nothing more. */
void pool_drain(struct pool *pool, uint64_t now);
/* Refuses what waits or runs, and lets the workers go: hurried ones are killed at once. */
void pool_stop(struct pool *pool, bool hurry, uint64_t now);
/* Or has templates of them. */
bool pool_has_workers(const struct pool *pool);

/* These options are what the config has, though they are not in force (yet): whom they shut out is
 * shut out at once. NULL: those in force are. */
void pool_want(struct pool *pool, struct program_options *options);
/* Whether this caller may call it, and see it. */
bool pool_allows(const struct pool *pool, struct caller *caller);

/* Those that it holds: in the queue, and with workers. */
size_t pool_count_requests(const struct pool *pool);

/* No worker serves it, and a new one is not tried yet. */
bool pool_is_unavailable(const struct pool *pool);
/* The last start has failed, and fewer workers serve than there should be at least. */
bool pool_is_failing(const struct pool *pool);
