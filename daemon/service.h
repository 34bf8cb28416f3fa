/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What the service manager is told of the daemon, and when: that it is ready, reloads, stops; how
 * it is, in one line, when that is news; that it gets on with what takes long; and that its loop
 * turns. Without a service manager this does nothing, and has no timer.
 *
 * What takes long may take longer than the manager allows as long as something happens:
 * - a start or reload: a worker gets ready or fails, or one that starts has used its CPU. A start
 *   that just hangs is left to the manager's timeout;
 * - the end: as long as its own limits (shutdown_timeout, terminate_timeout) let it.
 * Each extension is for a few seconds only, so that a loop that does not turn any more is found.
 */
#include "common/units.h"
#include "summary.h"

#include <stdbool.h>
#include <stdint.h>

#define SERVICE_TICK      (1 * USEC_PER_SEC)  /* while it starts, reloads or stops */
#define SERVICE_EXTENSION (8 * USEC_PER_SEC)  /* until when it tells more then */
#define SERVICE_PATIENCE  (10 * USEC_PER_SEC) /* without anything happening */
#define SERVICE_INTERVAL  (2 * USEC_PER_SEC)  /* between two lines about what changes */
#define SERVICE_RETRY     (100 * USEC_PER_MSEC)

struct event;
struct event_base;

struct service {
        struct event *timer;
        void (*look)(void *userdata, struct summary *ret);
        void *userdata;
        bool has_manager;
        bool is_silent; /* the manager cannot be told anything, which was logged */
        enum summary_phase phase;
        bool is_word_due; /* the manager does not know yet */
        char text[SUMMARY_MAX];
        char told[SUMMARY_MAX];   /* what it knows */
        uint64_t look_at;         /* when to look for news; 0: whenever somebody asks for it */
        uint64_t moved, moved_at; /* what the last summary said, and since when */
        uint64_t until;           /* how long it may take to stop; 0: without end */
        uint64_t watchdog, ping_at;
};

/* `look` tells how the daemon is. 0 or -ENOMEM. */
int service_init(struct service *service, struct event_base *base,
                 void (*look)(void *userdata, struct summary *ret), void *userdata);
void service_clear(struct service *service);

/* The daemon is at something else now. `until`: when it will have stopped, as far as that can be
 * said; else 0. */
void service_enter(struct service *service, enum summary_phase phase, uint64_t until, uint64_t now);
/* There may be news: for whoever has a timer anyway. */
void service_look(struct service *service, uint64_t now);
/* Does what is due, and gives the sign of life: for the timer alone, which shows that the loop
 * comes to its timers. Returns when to look again (0: never). */
uint64_t service_maintain(struct service *service, uint64_t now);

/* The daemon ends, since it cannot start: why, and the errno that fits. */
void service_tell_failure(int error, const char *reason);
