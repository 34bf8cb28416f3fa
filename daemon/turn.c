/* SPDX-License-Identifier: MIT */
#include "turn.h"

#include <errno.h>
#include <event2/event.h>

static void take_off(struct turn_task *task)
{
        TAILQ_REMOVE(task->queue, task, link);
        task->queue = NULL;
}

/* The next one: graves come behind every task, also those that were deferred meanwhile. */
static struct turn_task *first(struct turn *turn)
{
        return TAILQ_FIRST(TAILQ_EMPTY(&turn->tasks) ? &turn->graves : &turn->tasks);
}

static void run_all(struct turn *turn)
{
        struct turn_task *task;

        while ((task = first(turn))) {
                take_off(task);
                task->run(task);
        }
}

static void on_turn(evutil_socket_t fd, short what, void *userdata)
{
        (void)fd;
        (void)what;
        run_all(userdata);
}

int turn_init(struct turn *turn, struct event_base *base)
{
        TAILQ_INIT(&turn->tasks);
        TAILQ_INIT(&turn->graves);
        turn->event = event_new(base, -1, 0, on_turn, turn);
        return turn->event ? 0 : -ENOMEM;
}

void turn_end(struct turn *turn)
{
        if (!turn->event)
                return;
        run_all(turn);
        event_free(turn->event);
        turn->event = NULL;
}

/* The event lands behind all that is active now: its callback is the last of this pass. */
static void push(struct turn *turn, struct turn_tasks *tasks, struct turn_task *task)
{
        if (task->queue)
                return;
        if (!first(turn))
                event_active(turn->event, EV_TIMEOUT, 0);
        task->queue = tasks;
        TAILQ_INSERT_TAIL(tasks, task, link);
}

void turn_defer(struct turn *turn, struct turn_task *task)
{
        push(turn, &turn->tasks, task);
}

void turn_bury(struct turn *turn, struct turn_task *grave)
{
        push(turn, &turn->graves, grave);
}

void turn_forget(struct turn_task *task)
{
        if (task->queue)
                take_off(task);
}
