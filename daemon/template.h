/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The process that a program's workers are forked from: it comes up as they do, has imported
 * everything when it is ready, and from then on forks whatever is asked of it over its control
 * socket. What it forks is a child of the daemon's, which the kernel confirms before the pid is
 * used; the template has no part in it from then on.
 *
 * Some programs cannot be forked, as one that has started threads. Their template says so and ends:
 * it is unfit, and their workers are spawned.
 */
#include "options.h"
#include "pages.h"
#include "process.h"
#include "turn.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct json_object;
struct template;

enum template_state {
        TEMPLATE_STARTING,
        TEMPLATE_READY,
        TEMPLATE_UNFIT, /* its process ends, or has ended */
        TEMPLATE_ENDED,
};

struct template_events {
        /* Whoever keeps the time has to call template_maintain(). */
        void (*changed)(void *owner);
        /* It has ended, and is not to be used any more; an unfit one does not tell. */
        void (*ended)(void *owner, struct template *template);
};

enum birth_state {
        BIRTH_WAITING, /* for the template to be ready */
        BIRTH_ASKED,
        BIRTH_BORN,
};

/* The birth of one process; part of its owner. */
struct birth {
        TAILQ_ENTRY(birth) link;
        struct template *template; /* NULL: it comes from none */
        struct process *process;
        enum birth_state state;
        struct json_object *methods; /* as the template told them; NULL: it comes from none */
        /* Its time has come: is to call template_fork(), or to spawn the process if it has no
         * template. 0, or a negative errno with the reason in `error`. */
        int (*begin)(struct birth *birth, char error[SPAWN_ERROR_MAX]);
};

TAILQ_HEAD(birth_list, birth);

struct template
{
        TAILQ_ENTRY(template) link;
        enum template_state state;
        const struct template_events *events;
        void *owner;
        struct program_options *options;
        struct turn_task grave;

        struct process process;
        struct pages pages;
        int control;
        struct event *control_event;
        uint64_t give_up_at; /* when those that are not born by then never will be */

        struct birth_list births; /* of all that live */
        unsigned n_asked;
        unsigned n_refused; /* one after the other */
        struct json_object *methods;
};

/* Starts it. 0, or a negative errno with the reason in `error`. */
int template_new(const struct surroundings *around, struct program_options *options,
                 const struct template_events *events, void *owner, uint64_t now,
                 struct template **ret, char error[SPAWN_ERROR_MAX]);
/* Kills it, if it lives; what it has not yet borne must have been freed before. */
struct template *template_free(struct template *template);

/* Has a process made: begun now, or when the template is ready. If it fails later than this call,
 * the process ends as one that never was. 0, or a negative errno with the reason in `error`. */
int template_bear(struct template *template, struct birth *birth, char error[SPAWN_ERROR_MAX]);
/* To be called in `begin`: asks for the fork. `ends` gets the daemon's ends of the pipes, of which
 * the process keeps its own. */
int template_fork(struct birth *birth, const int *page_fds, struct spawned *ends,
                  char error[SPAWN_ERROR_MAX]);
/* Whether the process is there; looks whether it is just being told. */
bool birth_is_over(struct birth *birth);
/* For the owner's destructor. */
void birth_clear(struct birth *birth);

/* Nothing that it has borne, or is to bear, is left. */
bool template_is_alone(const struct template *template);
/* Its process has ended, or never was. */
bool template_has_exited(const struct template *template);
/* Lets it leave, or with `hurry` kills it. */
void template_stop(struct template *template, bool hurry, uint64_t now);
/* Ends what takes too long; returns when to look again (0: nothing is to come). */
uint64_t template_maintain(struct template *template, uint64_t now);
