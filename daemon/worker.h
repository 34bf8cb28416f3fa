/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * One bootstrapped Python process of a program. It stands on exactly one of its pool's lists, and
 * that list is its state; only worker_set_state() moves it.
 *
 * Its end has two halves, in this order: the exit is seen (and not yet reaped, so that the pid
 * stays its own), the process group is killed; then the pipes are drained without waiting, and the
 * process is reaped. A grandchild that keeps a pipe open holds nothing up.
 */
#include "bootstrap/feed.h"
#include "bootstrap/spawn.h"
#include "channel.h"
#include "common/log.h"
#include "options.h"
#include "output.h"
#include "report.h"
#include "request.h"
#include "turn.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

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

const char *worker_state_name(enum worker_state state);

TAILQ_HEAD(worker_list, worker);

struct worker_lists {
        struct worker_list list[WORKER_STATES];
        unsigned count[WORKER_STATES];
};

/* What a worker tells its pool. */
struct worker_events {
        void (*ready)(void *pool, struct worker *worker);
        /* A request that the worker had got its answer; it is with nobody now. */
        void (*answered)(void *pool, struct worker *worker, struct request *request,
                         const struct rpc_answer *answer);
        /* It is on its way out by its own doing; pool_maintain() sees to it that it goes. */
        void (*leaving)(void *pool, struct worker *worker);
        /* The process is gone for good. What it still had is on worker->requests. The pool frees
         * the worker, at the end of the turn. */
        void (*exited)(void *pool, struct worker *worker);
};

/* What workers need of the daemon around them. */
struct worker_surroundings {
        struct event_base *base;
        struct turn *turn;
        struct buffer_pool *buffers;
        uint64_t max_response_size;
        bool is_held_back;         /* too many answers wait for their clients: nothing is begun */
        struct rlimit files_limit; /* RLIMIT_NOFILE as it was, before the daemon raised its own */
};

struct worker {
        TAILQ_ENTRY(worker) link;
        enum worker_state state;
        struct worker_lists *lists;
        const struct worker_events *events;
        void *pool;
        const struct worker_surroundings *around;
        struct program_options *options;
        struct turn_task grave;
        struct log_context context; /* program, pid, slot */

        pid_t pid;
        int pidfd;
        unsigned slot;
        struct event *exit_event;
        struct feed *bootstrap, *program;
        struct channel channel;
        struct report report;
        struct output out, err;

        struct request_list requests; /* sent and not yet answered, in that order */
        uint64_t started, ready, idle_since;
        uint64_t served;
        struct json_object *methods;     /* as told when it became ready */
        struct json_object *start_error; /* the exception that it reported while starting */
        const char *fault;               /* how it broke the rules, and was killed for it */
        const char *closed;              /* the pipe that it closed */
        bool is_asked;                   /* it leaves because it was told to */
        uint64_t signal_at;              /* when a stopping one gets the next signal */
        int next_signal;
        int exit_code, exit_status; /* si_code and si_status of waitid(2) */
};

/* Spawns the process. 0, or a negative errno with the reason in `error`. */
int worker_new(const struct worker_surroundings *around, struct program_options *options,
               unsigned slot, struct worker_lists *lists, const struct worker_events *events,
               void *pool, uint64_t now, struct worker **ret, char error[SPAWN_ERROR_MAX]);
/* Kills what still lives. */
struct worker *worker_free(struct worker *worker);

/* Hands it a request; it becomes busy. */
void worker_send(struct worker *worker, struct request *request, uint64_t now);
/* Lets it leave: end of input, then SIGTERM and SIGKILL, each terminate_timeout after the last. */
void worker_stop(struct worker *worker, uint64_t now);
/* Ends it with SIGTERM to its group, and SIGKILL after terminate_timeout, unless it is on its way
 * out already. */
void worker_terminate(struct worker *worker, uint64_t now);
void worker_kill(struct worker *worker);
/* The same, for one that is at fault: `reason` (a constant) goes into its death report. */
void worker_fail(struct worker *worker, const char *reason);
/* The next signal, if it is due; returns when to look again (0: never). */
uint64_t worker_escalate(struct worker *worker, uint64_t now);

/* The one way from list to list; refuses a move that the state machine does not have. */
void worker_set_state(struct worker *worker, enum worker_state state);
