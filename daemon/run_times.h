/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * How long the functions of a program run, as its workers tell: what the next call of one of them
 * is expected to take. There is an entry for each function that a worker has named; entries stay
 * where they are as long as the table does, also over new code that has others.
 *
 * Two means are kept, and the larger one counts. The recent one rises fast and falls slowly, by an
 * eighth of what is missing, so that a function that becomes slow is known as slow at once. But a
 * process that is not alone on its CPU loses it now and then, for a few milliseconds, and most
 * calls that take long are no more than that: so a single one that takes up to
 * RUN_TIMES_PREEMPTION, with RUN_TIMES_CALM calm ones before it, counts by a 64th, 150 us at most.
 * The long one, over RUN_TIMES_LONG calls, takes everything as it is: one call in a hundred that
 * takes 100 ms makes it 1 ms, where the recent one would have forgotten it after forty.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

#define RUN_TIMES_MAX        4096U               /* functions; further ones have no entry */
#define RUN_TIMES_LONG       256U                /* calls */
#define RUN_TIMES_ENOUGH     8U                  /* calls that must have been seen */
#define RUN_TIMES_CALM       16U                 /* calls */
#define RUN_TIMES_PREEMPTION 10000000U           /* nanoseconds, as all times here */
#define RUN_TIMES_UNKNOWN    (UINT64_C(1) << 50) /* about as long as two weeks */

struct run_time {
        uint64_t recent, mean;
        unsigned n;    /* calls that were seen, up to RUN_TIMES_LONG */
        unsigned calm; /* since one took much longer than was expected */
        bool is_async;
        uint32_t hash;
        size_t length;
        char name[];
};

/* All zeros: it is empty. */
struct run_times {
        struct run_time **slot; /* a power of two of them, at most half of which are taken */
        size_t room, count;
};

void run_times_clear(struct run_times *times);
/* Makes entries for all functions in a worker's description of them, which may be anything. One
 * that is known keeps what is known of it. 0 or -ENOMEM. */
int run_times_learn(struct run_times *times, struct json_object *methods);
/* NULL: there is none of this name. */
struct run_time *run_times_find(const struct run_times *times, const char *name, size_t length);

/* A call has taken so long. */
void run_time_record(struct run_time *time, uint64_t taken);
/* A call has taken so long, and goes on. */
void run_time_surprise(struct run_time *time, uint64_t taken);
/* What the next call will take, RUN_TIMES_UNKNOWN if nobody can tell. NULL: nobody can. */
uint64_t run_time_expected(const struct run_time *time);
