/* SPDX-License-Identifier: MIT */
#include "pool_renew.h"

#include "cgroups.h"
#include "common/cleanup.h"
#include "death.h"
#include "pool.h"
#include "pool_deadlock.h"
#include "pool_failures.h"
#include "pool_starts.h"

#include <json-c/json.h>

bool renew_is_waiting(const struct pool *pool)
{
        return pool->renewal.options && !pool->renewal.trial;
}

bool renew_is_starting(const struct pool *pool)
{
        return pool->renewal.trial && pool->renewal.trial->state == WORKER_STARTING;
}

/* Ends it and tells the result; takes the error. */
static void finish(struct pool *pool, struct json_object *error, uint64_t now)
{
        struct pool_renewal *renewal = &pool->renewal;

        templates_drop_trial(pool);
        renewal->options = program_options_unref(renewal->options);
        renewal->trial = NULL;
        renewal->ended_at = now;
        json_object_put(renewal->error);
        renewal->error = error;
        if (error)
                renewal->n_failed++;
        else
                renewal->n_good++;
        turn_defer(pool->around->turn, &pool->maintain);
        /* Whoever is told may begin another one. */
        json_object_get(error);
        pool->events->renewed(pool->userdata, pool, error);
        json_object_put(error);
}

void pool_renew_cancel(struct pool *pool, const char *reason, uint64_t now)
{
        struct worker *trial = pool->renewal.trial;

        if (!pool->renewal.options)
                return;
        if (trial)
                process_kill(&trial->process);
        finish(pool, failures_new_error(reason), now);
}

void renew_clear(struct pool *pool)
{
        pool->renewal.options = program_options_unref(pool->renewal.options);
        json_object_put(steal(pool->renewal.error));
}

static void refuse(struct pool *pool, const char *reason)
{
        struct json_object *error = failures_new_error(reason);

        pool->events->renewed(pool->userdata, pool, error);
        json_object_put(error);
}

void pool_renew(struct pool *pool, struct program_options *options, uint64_t now)
{
        if (pool->is_stopping) {
                refuse(pool, "the program is being stopped");
                return;
        }
        pool_renew_cancel(pool, "a later change of the program came before it", now);
        if (options != pool->options)
                extra_files_adopt(options->extra_files, pool->options->extra_files);
        pool->renewal.options = program_options_ref(options);
        turn_defer(pool->around->turn, &pool->maintain);
}

bool renew_needs(const struct pool *pool, const struct worker *worker)
{
        const struct program_options *options = pool->renewal.options;

        /* One that starts or stops makes room by itself, soon. */
        return renew_is_waiting(pool) && pool->workers.count[WORKER_STARTING] == 0 &&
               pool->workers.count[WORKER_STOPPING] == 0 && !starts_has_room(pool, options, true) &&
               (!options->uses_slot || worker->slot < options->max_workers);
}

/* The one that has had nothing to do for longest leaves for the trial; those that are busy, once
 * they have answered. */
static void make_room(struct pool *pool, uint64_t now)
{
        struct worker *worker = starts_waiting(pool);

        if (worker) { /* it makes no room by itself */
                process_terminate(&worker->process, now);
                return;
        }
        TAILQ_FOREACH_REVERSE(worker, &pool->workers.list[WORKER_IDLE], worker_list, link)
        if (renew_needs(pool, worker)) {
                recycle_retire(pool, worker, now);
                return;
        }
}

void renew_maintain(struct pool *pool, uint64_t now)
{
        struct pool_renewal *renewal = &pool->renewal;
        char error[SPAWN_ERROR_MAX];

        if (!renew_is_waiting(pool))
                return;
        if (!starts_has_room(pool, renewal->options, true)) {
                make_room(pool, now);
                return;
        }
        renewal->trial = starts_trial(pool, renewal->options, now, error);
        if (renewal->trial)
                return;
        log_event(LOG_EVENT_START_FAILED, LOG_ERR, &pool->context, "cannot start a worker: %s",
                  error);
        finish(pool, failures_new_error(error), now);
}

/* Workers of the old options serve until their replacements are ready; those that only start are
 * not needed for that. */
static void renew_workers(struct pool *pool, const struct worker *trial, uint64_t now)
{
        struct worker *worker, *next;

        for (worker = TAILQ_FIRST(&pool->workers.list[WORKER_STARTING]); worker; worker = next) {
                next = TAILQ_NEXT(worker, link);
                if (worker != trial) /* it may wait for a debugger */
                        process_terminate(&worker->process, now);
        }
        for (enum worker_state state = WORKER_IDLE; state <= WORKER_BUSY; state++)
                TAILQ_FOREACH (worker, &pool->workers.list[state], link)
                        if (worker != trial) {
                                worker->due = WORKER_DUE_RENEWED;
                                ahead_take_back(pool, worker);
                        }
}

void renew_became_ready(struct pool *pool, struct worker *worker, uint64_t now)
{
        struct pool_renewal *renewal = &pool->renewal;

        if (worker != renewal->trial)
                return;
        templates_adopt_trial(pool);
        program_options_unref(pool->options);
        pool->options = steal(renewal->options);
        if (pool->wanted == pool->options)
                pool_want(pool, NULL);
        pool->context.program_set = pool->options->program_set;
        pool->context.program = pool->options->name;
        const struct cgroup_limits limits = cgroup_limits_of(pool->options);
        cgroups_limit(pool->around->cgroups, pool->cgroup, &pool->context, &limits);
        if (pool->grown_to > pool->options->max_workers)
                pool->grown_to = pool->options->max_workers;
        log_notice(&pool->context, "renewed: its older workers are replaced");
        renew_workers(pool, worker, now);
        deadlock_look_at_pool(pool);
        pool->recycle.credit++;
        failures_clear(pool);
        finish(pool, NULL, now);
}

bool renew_ended(struct pool *pool, struct worker *worker, uint64_t now)
{
        if (worker != pool->renewal.trial)
                return false;
        struct json_object *error = death_start_error(&worker->process);
        pool->start_failures++;
        failures_log(worker, error, false);
        log_event(LOG_EVENT_RENEWAL_FAILED, LOG_ERR, &pool->context,
                  "it cannot be renewed: its workers stay as they are");
        finish(pool, error, now);
        return true;
}
