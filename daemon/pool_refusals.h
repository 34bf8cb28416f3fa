/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What the log tells of requests that found no worker: the first of them at once, the others by
 * number, at the end of each interval.
 */
#include <stdint.h>

struct pool;
struct request;

#define REFUSALS_INTERVAL (10 * USEC_PER_SEC)

enum refusal {
        REFUSAL_FULL,   /* the queue was */
        REFUSAL_WAITED, /* in the queue until its time was over */
        REFUSALS
};

struct refusals {
        uint64_t since; /* of the interval; 0: there is none */
        uint64_t n;     /* untold */
};

/* A request is about to be refused. */
void refusals_count(struct pool *pool, const struct request *request, enum refusal kind,
                    uint64_t now);
/* Tells what is due; returns when to look again (0: never). */
uint64_t refusals_maintain(struct pool *pool, uint64_t now);
