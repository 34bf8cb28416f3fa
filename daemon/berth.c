/* SPDX-License-Identifier: MIT */
#include "berth.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "common/units.h"
#include "dispatch.h"
#include "fleet.h"
#include "json_put.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct berth *berth_free(struct berth *berth)
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
        fleet_settle_later(fleet);
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

int berth_new(struct fleet *fleet, struct program_options *options)
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

static struct json_object *put_entry(struct fleet *fleet, const char *name, const char *change)
{
        struct json_object *entry = json_object_new_object();

        json_put_text(entry, "change", change);
        json_put(fleet->report.programs, name, entry);
        return entry;
}

void berth_leave(struct berth *berth, uint64_t now)
{
        struct fleet *fleet = berth->fleet;
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

void berth_follow(struct berth *berth, struct program_options *options, uint64_t now)
{
        struct fleet *fleet = berth->fleet;
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

void berth_restart(struct berth *berth, struct request *request, uint64_t now)
{
        request_defer(request, &berth->restarts);
        if (!berth->is_renewing)
                renew(berth, now);
}
