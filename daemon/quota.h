/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What the workers of one program may write to the log: so many lines within an interval. The rest
 * of the interval their lines are dropped and counted, and their pipes are read slowly, by turns: a
 * worker that floods waits for its pipe, but never for ever, and the daemon has little to do with
 * it.
 */
#include "common/log.h"

#include <stdbool.h>
#include <stdint.h>

struct quota {
        /* It has just run out, until then. */
        void (*exceeded)(void *userdata, uint64_t until);
        void *userdata;
        uint64_t until;     /* the end of the interval; 0: none has begun */
        uint64_t n_lines;   /* that were logged in it */
        uint64_t n_dropped; /* untold */
        uint64_t next_turn; /* to read */
};

/* Whether so many lines more may be logged; burst 0: any number. Else they count as dropped if they
 * were wanted. */
bool quota_take(struct quota *quota, uint64_t burst, uint64_t interval, unsigned n_lines,
                bool are_wanted, uint64_t now);
/* The next turn to read, for one worker. */
uint64_t quota_turn(struct quota *quota, uint64_t now);
/* Tells what was dropped in an interval that is over; returns when to look again (0: never). */
uint64_t quota_maintain(struct quota *quota, const struct log_context *context, uint64_t now);
