/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The process that a program's workers are forked from: it comes up as they do, has imported
 * everything when it is ready, and from then on forks whatever is asked of it (births.h). What it
 * forks is a child of the daemon's, and the template has no part in it from then on.
 *
 * Some programs cannot be forked, as one that has started threads. Their template says so and ends:
 * it is unfit, and their workers are spawned.
 */
#include "births.h"
#include "options.h"
#include "pages.h"
#include "process.h"
#include "turn.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

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
        struct births births;
        uint64_t give_up_at; /* when those that are not born by then never will be */
};

/* Starts it. 0, or a negative errno with the reason in `error`. */
int template_new(const struct surroundings *around, struct program_options *options,
                 const struct template_events *events, void *owner, uint64_t now,
                 struct template **ret, char error[SPAWN_ERROR_MAX]);
/* Kills it, if it lives. */
struct template *template_free(struct template *template);

/* Has a process made, as births_add() does; by spawning it if the template is unfit. */
int template_bear(struct template *template, struct birth *birth, char error[SPAWN_ERROR_MAX]);

/* Nothing that it has borne, or is to bear, is left. */
bool template_is_alone(const struct template *template);
/* Its process has ended, and nothing comes from it any more. */
bool template_has_ended(const struct template *template);
/* Lets it leave, or with `hurry` kills it. */
void template_stop(struct template *template, bool hurry, uint64_t now);
/* Ends what takes too long; returns when to look again (0: nothing is to come). */
uint64_t template_maintain(struct template *template, uint64_t now);
