/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What workers leave behind. The daemon is the subreaper of all that they start, so that a process
 * whose parent has ended becomes its child. One that has ended is reaped; one that lives is killed
 * with its group, unless it belongs to a worker that lives: it has the worker's mark in its
 * environment. What was the daemon's child before it was the daemon is left alone.
 */
#include "children.h"
#include "turn.h"

#include <stdint.h>

struct event;
struct event_base;

struct orphans {
        struct children *known;
        struct turn *turn;
        struct turn_task look;
        struct event *signal, *timer;
        const char *proc;
        unsigned n_dying; /* killed and not yet reaped */
        uint64_t looked;  /* when last */
};

/* `proc`: where /proc is. 0 or a negative errno. From here on the process is a subreaper. */
int orphans_init(struct orphans *orphans, struct event_base *base, struct turn *turn,
                 struct children *known, const char *proc);
/* Ends what there is; nobody is known any more. */
void orphans_clear(struct orphans *orphans);
/* One look, now. */
void orphans_look(struct orphans *orphans);
