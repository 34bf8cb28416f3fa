/* SPDX-License-Identifier: MIT */
#include "fleet.h"

#include "berth.h"
#include "common/cleanup.h"

#include <json-c/json.h>
#include <string.h>

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
                        r = berth_new(fleet, config->programs[i]);
        for (size_t i = registry->n_pools; r < 0 && i-- > 0;)
                if (berth_of(registry->pools[i])->is_new)
                        free_pool(fleet, registry->pools[i]);
        return r;
}

static bool has_program(const struct config *config, const char *name)
{
        for (size_t i = 0; i < config->n_programs; i++)
                if (strcmp(config->programs[i]->name, name) == 0)
                        return true;
        return false;
}

static void remove_old(struct fleet *fleet, const struct config *config, uint64_t now)
{
        struct registry *registry = &fleet->registry;

        for (size_t i = registry->n_pools; i-- > 0;)
                if (!has_program(config, registry->pools[i]->options->name))
                        berth_leave(berth_of(registry->pools[i]), now);
}

static void on_settle(struct turn_task *task)
{
        struct fleet *fleet = CONTAINER_OF(task, struct fleet, settle);

        if (fleet->n_pending == 0)
                fleet->events->settled(fleet->userdata, &fleet->report);
}

void fleet_settle_later(struct fleet *fleet)
{
        if (fleet->n_pending == 0)
                turn_defer(fleet->around->turn, &fleet->settle);
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
                berth_follow(berth_of(find(fleet, options->name)), options, now);
        }
        fleet_settle_later(fleet);
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
        berth_restart(berth_of(pool), request, now);
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
