/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Pools of fake workers.
 */
#include "fixture_request.h"
#include "fixture_worker.h"

#include "daemon/pool.h"

#include <json-c/json.h>

static unsigned n_changed;

static inline void on_pool_changed(void *userdata, struct pool *pool)
{
        (void)userdata;
        (void)pool;
        n_changed++;
}

/* "ok|" or "error: its message|" for each renewal that came to its end. */
static char renewals[1024];

static inline void on_pool_renewed(void *userdata, struct pool *pool, struct json_object *error)
{
        size_t length = strlen(renewals);

        (void)userdata;
        (void)pool;
        snprintf(renewals + length, sizeof(renewals) - length, "%s%s|", error ? "error: " : "ok",
                 error ? json_object_get_string(json_object_object_get(error, "message")) : "");
}

static const struct pool_events pool_events = {
        .changed = on_pool_changed,
        .renewed = on_pool_renewed,
};

static inline void pools_begin(void)
{
        workers_begin();
        requests_begin();
        n_changed = 0;
        renewals[0] = '\0';
}

/* Takes over the caller's reference of the options. */
static inline struct pool *new_pool(struct program_options *options)
{
        struct pool *pool;

        ck_assert_int_eq(pool_new(&around, options, &pool_events, NULL, &pool), 0);
        program_options_unref(options);
        return pool;
}

static inline unsigned count_workers(const struct pool *pool, enum worker_state state)
{
        return pool->workers.count[state];
}

/* All processes of it, those that are on their way out too. */
static inline unsigned count_all(const struct pool *pool)
{
        unsigned n = 0;

        for (enum worker_state state = WORKER_STARTING; state <= WORKER_STOPPING; state++)
                n += count_workers(pool, state);
        return n;
}

static inline unsigned count_serving(const struct pool *pool)
{
        return count_workers(pool, WORKER_IDLE) + count_workers(pool, WORKER_BUSY);
}

/* How workers start that are started from now on. */
static inline void set_mode(struct program_options *options, const char *mode)
{
        free(options->arguments[0]);
        options->arguments[0] = strdup(mode);
}

static inline struct worker *first_worker(const struct pool *pool, enum worker_state state)
{
        return TAILQ_FIRST(&pool->workers.list[state]);
}

/* Waits until so many are idle. */
static inline void wait_idle(const struct pool *pool, unsigned n)
{
        loop_until(count_workers(pool, WORKER_IDLE) == n);
}

/* Waits until it has read all that it was sent. A signal that comes just before the shell waits for
 * that is not seen until it comes. */
static inline void wait_read(const struct worker *worker)
{
        uint64_t end = units_now() + LOOP_DEADLINE;

        while (channel_has_unread(&worker->channel)) {
                ck_assert_uint_lt(units_now(), end);
                loop_now();
                usleep(1000); /* of this nobody tells */
        }
}

static inline void submit_call(struct pool *pool, const char *function, const char *params)
{
        struct request *request = new_request(function, params);

        request->received = units_now();
        pool_submit(pool, request, request->received);
}
