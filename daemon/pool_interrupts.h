/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Workers that have to be looked at soon: they were interrupted in a request that nobody wants any
 * more, and have to come back from it, or somebody asks for their stack. One that does not come
 * back is ended. Part of the pool; called by it alone.
 */
#include <stdbool.h>
#include <stdint.h>

struct pool;
struct request;
struct stack_asker;
struct worker;

/* What became of workers that ran what was not wanted any more. */
enum worker_fate {
        FATE_INTERRUPTED, /* it came back, and serves on */
        FATE_TERMINATED,  /* SIGTERM ended it */
        FATE_KILLED,      /* only SIGKILL did */
        FATES
};
const char *interrupts_fate_name(enum worker_fate fate);

/* Answers a request before its time, with `refuse`. A worker that has it skips it; one that is at
 * it is interrupted, or else ended. */
void interrupts_give_up(struct pool *pool, struct request *request, bool is_cancelled,
                        void (*refuse)(struct pool *, struct request *), uint64_t now);
/* Clients say how often there is a stack to log: so there is a limit to it. In place of what is
 * past it stands a short text. NULL for NULL. */
const char *interrupts_loggable(struct pool *pool, const char *stack, uint64_t now);
/* NULL: the asker will be told. Else why the worker's stack cannot be taken. */
const char *interrupts_ask_stack(struct pool *pool, struct worker *worker,
                                 struct stack_asker *asker, uint64_t now);

/* A worker has answered something, whether anybody waited for it or not. */
void interrupts_answered(struct pool *pool, struct worker *worker, uint64_t now);
void interrupts_exited(struct pool *pool, struct worker *worker);
/* Returns when to look again (0: never). */
uint64_t interrupts_maintain(struct pool *pool, uint64_t now);
