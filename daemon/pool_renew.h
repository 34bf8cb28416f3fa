/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Bringing new options to a pool that works: one worker with them is tried, and only if it gets
 * ready they become the pool's, and all older workers are replaced. Part of the pool.
 */
#include <stdbool.h>
#include <stdint.h>

struct json_object;
struct pool;
struct program_options;
struct worker;

struct pool_renewal {
        struct program_options *options; /* those that are tried; NULL: none are */
        struct worker *trial;            /* NULL: there is no room for it yet */

        /* Of the last one that came to its end. */
        uint64_t ended_at; /* 0: there was none */
        struct json_object *error;
        uint64_t n_good, n_failed;
};

/* Starts the trial as soon as there is room for it. */
void renew_maintain(struct pool *pool, uint64_t now);
/* There is no room yet. */
bool renew_is_waiting(const struct pool *pool);
/* This worker, which serves, has to leave for the trial to have room. */
bool renew_needs(const struct pool *pool, const struct worker *worker);
/* Whether the trial, if there is one, is still starting. */
bool renew_is_starting(const struct pool *pool);

/* A worker got ready: if it was the trial, the options are the pool's from here on. */
void renew_became_ready(struct pool *pool, struct worker *worker, uint64_t now);
/* A worker has ended. True: it was the trial, and nothing has changed. */
bool renew_ended(struct pool *pool, struct worker *worker, uint64_t now);
/* Without a word, for a pool that is freed. */
void renew_clear(struct pool *pool);
