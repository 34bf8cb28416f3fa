/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What is left to do at the end of a turn of the event loop: writes that were gathered, work that
 * a callback must not do on its own stack, and, after all of it, the freeing of what callbacks
 * have marked. A task stands in the queue at most once, however often it is deferred.
 */
#include <sys/queue.h>

struct event;
struct event_base;

struct turn_task;
TAILQ_HEAD(turn_tasks, turn_task);

struct turn_task {
        TAILQ_ENTRY(turn_task) link;
        void (*run)(struct turn_task *task);
        struct turn_tasks *queue; /* NULL: it stands in none */
};

struct turn {
        struct event *event;
        struct turn_tasks tasks;
        struct turn_tasks graves; /* run last: each frees the object that it is part of */
};

int turn_init(struct turn *turn, struct event_base *base);
/* Runs what is still queued, graves too. */
void turn_end(struct turn *turn);

void turn_defer(struct turn *turn, struct turn_task *task);
void turn_bury(struct turn *turn, struct turn_task *grave);
/* For an object that goes before its turn came; also where nothing was deferred. */
void turn_forget(struct turn_task *task);
