/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The place of a program in the fleet: its pool, what the pool is to become and who waits for that.
 * Part of the fleet; called by it alone.
 */
#include "pool.h"
#include "request.h"
#include "turn.h"

#include <stdbool.h>
#include <stdint.h>

struct fleet;
struct json_object;
struct program_options;

struct berth {
        struct fleet *fleet;
        struct pool *pool;
        struct turn_task grave;
        bool is_new;                   /* of a config that is not sure yet to be taken */
        bool is_leaving;               /* it is not in the config any more */
        bool is_renewing;              /* pool_renew() has not told its end yet */
        struct json_object *entry;     /* in the report, which waits for it */
        const char *change;            /* that this is about; NULL: there is none */
        struct program_options *next;  /* what the pool is to have once it is free for it */
        struct request_list restarted; /* answered when the renewal under way ends */
        struct request_list restarts;  /* those that came later need another one */
};

/* Of a pool that berth_new() has made. */
static inline struct berth *berth_of(const struct pool *pool)
{
        return pool->userdata;
}

/* Makes a place and a pool, which the registry of the fleet has from then on. 0 or -ENOMEM. */
int berth_new(struct fleet *fleet, struct program_options *options);
/* The pool goes, too; it must have left the registry. */
struct berth *berth_free(struct berth *berth);

/* The config has these options for the program; the report of the fleet tells what comes of it. */
void berth_follow(struct berth *berth, struct program_options *options, uint64_t now);
/* The config does not have the program any more: lets it go once it has answered what it has. */
void berth_leave(struct berth *berth, uint64_t now);
/* Gives it new workers and finishes the request, at any time from now on. */
void berth_restart(struct berth *berth, struct request *request, uint64_t now);
