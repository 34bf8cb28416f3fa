/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The templates that a pool's workers are forked from: one for the options that it has, one for
 * those that it tries, and older ones, which leave when the last of their workers has left. Part of
 * the pool.
 */
#include "bootstrap/spawn.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct pool;
struct program_options;
struct template;

TAILQ_HEAD(template_list, template);

struct pool_templates {
        struct template_list all;
        struct template *current; /* NULL: it is not there, or not yet wanted */
        struct template *trial;
};

void templates_init(struct pool *pool);
/* Kills them, when the workers have gone. */
void templates_clear(struct pool *pool);

/* What the pool's next worker, or a trial with these options, is to be forked from: started if it
 * is not there. NULL: it is to be spawned. 0, or a negative errno with the reason in `error`. */
int templates_current(struct pool *pool, uint64_t now, struct template **ret,
                      char error[SPAWN_ERROR_MAX]);
int templates_trial(struct pool *pool, struct program_options *options, uint64_t now,
                    struct template **ret, char error[SPAWN_ERROR_MAX]);
/* The trial's options are the pool's from now on. */
void templates_adopt_trial(struct pool *pool);
void templates_drop_trial(struct pool *pool);

/* Ends what takes too long, and what is not needed any more; returns when to look again. */
uint64_t templates_maintain(struct pool *pool, uint64_t now);
/* Their workers are to be killed, or have been told to leave. */
void templates_stop(struct pool *pool, bool hurry, uint64_t now);
bool templates_are_there(const struct pool *pool);
