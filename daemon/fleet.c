/* SPDX-License-Identifier: MIT */
#include "fleet.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "common/units.h"
#include "dispatch.h"
#include "json_put.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What the fleet knows of a program besides its pool. */
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

static struct berth *berth_of(const struct pool *pool)
{
        return pool->userdata;
}

/* The pool must have left the registry. */
static struct berth *berth_free(struct berth *berth)
{
        if (!berth)
                return NULL;
        pool_free(berth->pool);
        program_options_unref(berth->next);
        turn_forget(&berth->grave);
        free(berth);
        return NULL;
}

static void berth_freep(struct berth **berth)
{
        *berth = berth_free(*berth);
}

static void settle_later(struct fleet *fleet)
{
        if (fleet->n_pending == 0)
                turn_defer(fleet->around->turn, &fleet->settle);
}

static void put_outcome(struct json_object *object, struct json_object *error)
{
        json_put(object, "ok", json_object_new_boolean(!error));
        if (error)
                json_put(object, "error", json_object_get(error));
}

/* The program has become what the config wants, or it is known why not. */
static void settle_entry(struct berth *berth, struct json_object *error)
{
        struct fleet *fleet = berth->fleet;

        if (!berth->entry)
                return;
        put_outcome(berth->entry, error);
        berth->entry = NULL;
        berth->change = NULL;
        fleet->report.failed += error != NULL;
        fleet->n_pending--;
        settle_later(fleet);
}

static void answer_restarts(struct berth *berth, struct request_list *requests,
                            struct json_object *error)
{
        struct json_object *result;
        struct rpc_answer answer;

        if (TAILQ_EMPTY(requests))
                return;
        result = json_object_new_object();
        put_outcome(result, error);
        rpc_answer_init(&answer, berth->fleet->around->buffers);
        rpc_answer_succeed(&answer, result);
        request_finish_all(requests, &answer);
        rpc_answer_clear(&answer);
}

/* The options that it has, will have, or is to have in the end. */
static const struct program_options *aim_of(const struct berth *berth)
{
        const struct pool *pool = berth->pool;

        if (berth->next)
                return berth->next;
        return pool->renewal.options ? pool->renewal.options : pool->options;
}

/* Begins what waits for the pool, if anything does: other options, or the same ones again. */
static void renew(struct berth *berth, uint64_t now)
{
        _cleanup_(program_options_unrefp) struct program_options *options = NULL;

        if (berth->pool->is_stopping || (!berth->next && TAILQ_EMPTY(&berth->restarts)))
                return;
        options = steal(berth->next);
        if (!options)
                options = program_options_ref(berth->pool->options);
        berth->is_renewing = true;
        request_move_all(&berth->restarted, &berth->restarts);
        pool_renew(berth->pool, options, now);
}

static void renew_when_free(struct berth *berth, uint64_t now)
{
        if (!berth->is_renewing)
                renew(berth, now);
}

static void on_renewed(void *userdata, struct pool *pool, struct json_object *error)
{
        struct berth *berth = userdata;

        (void)pool;
        if (berth->is_leaving)
                return;
        berth->is_renewing = false;
        answer_restarts(berth, &berth->restarted, error);
        /* Other options that wait are what the report is about. */
        if (!berth->next)
                settle_entry(berth, error);
        renew(berth, units_now());
}

static void bury(struct turn_task *grave)
{
        struct berth *berth = CONTAINER_OF(grave, struct berth, grave);

        log_info(&berth->pool->context, "its last worker has left");
        registry_forget(berth->pool);
        berth_free(berth);
}

static void on_changed(void *userdata, struct pool *pool)
{
        struct berth *berth = userdata;
        struct fleet *fleet = berth->fleet;

        if (!pool->is_stopping) {
                if (!berth->is_renewing)
                        settle_entry(berth, pool_is_failing(pool) ? pool->last_error : NULL);
        } else if (!pool_has_workers(pool)) {
                if (berth->is_leaving)
                        turn_bury(fleet->around->turn, &berth->grave);
                fleet->events->emptied(fleet->userdata);
        }
}

static void on_called(void *userdata, struct worker *worker, const struct channel_call *call)
{
        struct berth *berth = userdata;

        dispatch_call(&berth->fleet->registry, worker, call);
}

static const struct pool_events pool_events = {
        .changed = on_changed,
        .renewed = on_renewed,
        .called = on_called,
};

static int add_new(struct fleet *fleet, struct program_options *options)
{
        _cleanup_(berth_freep) struct berth *berth = calloc(1, sizeof(*berth));

        if (!berth)
                return -ENOMEM;
        berth->fleet = fleet;
        berth->is_new = true;
        berth->grave.run = bury;
        TAILQ_INIT(&berth->restarted);
        TAILQ_INIT(&berth->restarts);
        int r = pool_new(fleet->around, options, &pool_events, berth, &berth->pool);
        if (r == 0)
                r = registry_add(&fleet->registry, berth->pool);
        if (r == 0)
                steal(berth);
        return r;
}

/* Ends what has not begun, or has been stopped. */
static void free_pool(struct fleet *fleet, struct pool *pool)
{
        struct berth *berth = berth_of(pool);

        if (!berth->is_leaving)
                registry_remove(&fleet->registry, pool);
        registry_forget(pool);
        berth_free(berth);
}

static struct pool *find(const struct fleet *fleet, const char *name)
{
        return registry_find(&fleet->registry, name, strlen(name));
}

/* Makes all that is new, or nothing. */
static int add_all_new(struct fleet *fleet, const struct config *config)
{
        struct registry *registry = &fleet->registry;
        int r = 0;

        for (size_t i = 0; r == 0 && i < config->n_programs; i++)
                if (!find(fleet, config->programs[i]->name))
                        r = add_new(fleet, config->programs[i]);
        for (size_t i = registry->n_pools; r < 0 && i-- > 0;)
                if (berth_of(registry->pools[i])->is_new)
                        free_pool(fleet, registry->pools[i]);
        return r;
}

static struct json_object *put_entry(struct fleet *fleet, const char *name, const char *change)
{
        struct json_object *entry = json_object_new_object();

        json_put_text(entry, "change", change);
        json_put(fleet->report.programs, name, entry);
        return entry;
}

static bool has_program(const struct config *config, const char *name)
{
        for (size_t i = 0; i < config->n_programs; i++)
                if (strcmp(config->programs[i]->name, name) == 0)
                        return true;
        return false;
}

/* Lets a program go. */
static void remove_program(struct fleet *fleet, struct berth *berth, uint64_t now)
{
        struct pool *pool = berth->pool;
        struct json_object *error = json_object_new_object();

        log_notice(&pool->context, "it is not in the config any more");
        json_put_text(error, "message", "the program is not in the config any more");
        berth->is_leaving = true;
        berth->change = NULL;
        answer_restarts(berth, &berth->restarted, error);
        answer_restarts(berth, &berth->restarts, error);
        json_object_put(error);
        put_outcome(put_entry(fleet, pool->options->name, "removed"), NULL);
        fleet->report.removed++;
        registry_remove(&fleet->registry, pool);
        pool_drain(pool, now);
}

static void remove_old(struct fleet *fleet, const struct config *config, uint64_t now)
{
        struct registry *registry = &fleet->registry;

        for (size_t i = registry->n_pools; i-- > 0;)
                if (!has_program(config, registry->pools[i]->options->name))
                        remove_program(fleet, berth_of(registry->pools[i]), now);
}

/* The report waits for it. */
static void await(struct berth *berth, const char *change)
{
        struct fleet *fleet = berth->fleet;
        bool is_addition = strcmp(change, "added") == 0;

        berth->change = change;
        berth->entry = put_entry(fleet, berth->pool->options->name, change);
        fleet->n_pending++;
        if (is_addition)
                fleet->report.added++;
        else
                fleet->report.changed++;
}

/* It is to become this. What is under way need not ever end, and nobody wants it any more. */
static void redirect(struct berth *berth, struct program_options *options, uint64_t now)
{
        program_options_unref(berth->next);
        berth->next = program_options_ref(options);
        pool_want(berth->pool, options);
        if (!berth->is_renewing) {
                renew(berth, now);
                return;
        }
        /* Who asked for new workers gets those. */
        request_move_all(&berth->restarts, &berth->restarted);
        pool_renew_cancel(berth->pool, "a later change of the program came before it", now);
}

static void update(struct fleet *fleet, struct berth *berth, struct program_options *options,
                   uint64_t now)
{
        const char *name = options->name;

        if (berth->is_new) {
                await(berth, "added");
        } else if (berth->change) {
                await(berth, berth->change);
                if (!program_options_equal(aim_of(berth), options))
                        redirect(berth, options, now);
        } else if (program_options_equal(berth->pool->options, options)) {
                put_outcome(put_entry(fleet, name, "unchanged"), NULL);
                pool_want(berth->pool, NULL);
                fleet->report.unchanged++;
        } else {
                await(berth, "changed");
                redirect(berth, options, now);
        }
        berth->is_new = false;
}

static void on_settle(struct turn_task *task)
{
        struct fleet *fleet = CONTAINER_OF(task, struct fleet, settle);

        if (fleet->n_pending == 0)
                fleet->events->settled(fleet->userdata, &fleet->report);
}

/* A new one begins; what the last one still waits for goes on in it. */
static void renew_report(struct fleet *fleet)
{
        for (size_t i = 0; i < fleet->registry.n_pools; i++)
                berth_of(fleet->registry.pools[i])->entry = NULL;
        fleet->n_pending = 0;
        json_object_put(fleet->report.programs);
        fleet->report = (struct fleet_report){.programs = json_object_new_object()};
}

int fleet_apply(struct fleet *fleet, const struct config *config, uint64_t now)
{
        int r = add_all_new(fleet, config);

        if (r < 0)
                return r;
        renew_report(fleet);
        remove_old(fleet, config, now);
        for (size_t i = 0; i < config->n_programs; i++) {
                struct program_options *options = config->programs[i];
                update(fleet, berth_of(find(fleet, options->name)), options, now);
        }
        settle_later(fleet);
        return 0;
}

bool fleet_is_pending(const struct pool *pool)
{
        return berth_of(pool)->entry != NULL;
}

uint64_t fleet_time_to_stop(const struct fleet *fleet)
{
        const struct pool *pool;
        uint64_t longest = 0;

        for (size_t i = 0; i < fleet->registry.n_pools; i++)
                if (fleet->registry.pools[i]->options->terminate_timeout > longest)
                        longest = fleet->registry.pools[i]->options->terminate_timeout;
        LIST_FOREACH(pool, &fleet->registry.leaving, leaving)
        if (pool->options->terminate_timeout > longest)
                longest = pool->options->terminate_timeout;
        /* Each from the end of its input to SIGTERM, and on to SIGKILL; workers before templates.
         */
        return 4 * longest;
}

void fleet_restart(struct pool *pool, struct request *request, uint64_t now)
{
        struct berth *berth = berth_of(pool);

        request_defer(request, &berth->restarts);
        renew_when_free(berth, now);
}

void fleet_init(struct fleet *fleet, const struct surroundings *around,
                const struct fleet_events *events, void *userdata)
{
        *fleet = (struct fleet){
                .around = around,
                .events = events,
                .userdata = userdata,
                .settle.run = on_settle,
        };
}

void fleet_clear(struct fleet *fleet)
{
        struct registry *registry = &fleet->registry;

        while (registry->n_pools > 0)
                free_pool(fleet, registry->pools[registry->n_pools - 1]);
        while (!LIST_EMPTY(&registry->leaving))
                free_pool(fleet, LIST_FIRST(&registry->leaving));
        registry_clear(registry);
        turn_forget(&fleet->settle);
        json_object_put(steal(fleet->report.programs));
}

void fleet_stop(struct fleet *fleet, bool hurry, uint64_t now)
{
        struct pool *pool;

        for (size_t i = 0; i < fleet->registry.n_pools; i++)
                pool_stop(fleet->registry.pools[i], hurry, now);
        LIST_FOREACH(pool, &fleet->registry.leaving, leaving)
        pool_stop(pool, hurry, now);
}

bool fleet_has_workers(const struct fleet *fleet)
{
        const struct pool *pool;

        for (size_t i = 0; i < fleet->registry.n_pools; i++)
                if (pool_has_workers(fleet->registry.pools[i]))
                        return true;
        LIST_FOREACH(pool, &fleet->registry.leaving, leaving)
        if (pool_has_workers(pool))
                return true;
        return false;
}

size_t fleet_count_failing(const struct fleet *fleet)
{
        size_t n = 0;

        for (size_t i = 0; i < fleet->registry.n_pools; i++)
                n += pool_is_failing(fleet->registry.pools[i]);
        return n;
}
