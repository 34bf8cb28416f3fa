/* SPDX-License-Identifier: MIT */
#include "status.h"

#include "cgroups.h"
#include "client.h"
#include "common/cleanup.h"
#include "json_put.h"
#include "pool.h"
#include "pool_starts.h"
#include "status_workers.h"

#include <unistd.h>

struct json_object *status_identity(uint64_t started, uint64_t now)
{
        struct json_object *object = json_object_new_object();

        json_put_text(object, "version", PACKAGE_VERSION);
        json_put_number(object, "pid", (uint64_t)getpid());
        json_put_seconds(object, "uptime", now - started);
        return object;
}

static struct json_object *new_workers(const struct pool *pool)
{
        struct json_object *workers = json_object_new_object();

        for (enum worker_state state = WORKER_STARTING; state <= WORKER_STOPPING; state++)
                json_put_number(workers, worker_state_name(state), pool->workers.count[state]);
        json_put_number(workers, "min", pool->options->min_workers);
        json_put_number(workers, "max", pool->options->max_workers);
        return workers;
}

static struct json_object *new_queue(const struct pool *pool)
{
        struct json_object *queue = json_object_new_object();

        json_put_number(queue, "length", pool->queue_length);
        json_put_number(queue, "max", pool->options->max_queue_size);
        json_put_number(queue, "high_water", pool->queue_high_water);
        json_put_number(queue, "ahead", ahead_count(pool));
        return queue;
}

/* Counts by kind, the first one always and further ones where there are any. */
static struct json_object *new_outcomes(const uint64_t counts[RPC_STATUS_COUNT],
                                        enum rpc_status first)
{
        struct json_object *outcomes = json_object_new_object();

        for (enum rpc_status status = first; status < RPC_STATUS_COUNT; status++)
                if (counts[status] > 0 || status == first)
                        json_put_number(outcomes, rpc_status_kind(status), counts[status]);
        return outcomes;
}

static const char *state_of(const struct pool *pool)
{
        if (pool_is_unavailable(pool))
                return "unavailable";
        if (pool->workers.count[WORKER_IDLE] + pool->workers.count[WORKER_BUSY] > 0 ||
            pool->options->min_workers == 0)
                return "ready";
        return "starting";
}

/* Those that limit what the program gets, as options.def has them. Not all: whoever may call it
 * sees them. */
static const char *const shown_options[] = {
        "start_method",        "min_workers",         "max_workers",          "spare_workers",
        "max_starting",        "startup_timeout",     "idle_timeout",         "max_requests",
        "max_requests_jitter", "max_worker_lifetime", "max_worker_memory",    "request_timeout",
        "queue_timeout",       "interrupt_timeout",   "slow_request_timeout", "terminate_timeout",
        "max_queue_size",      "prefetch_time",       "on_disconnect",        "idempotent",
        "restart_threshold",   "restart_interval",    "memory_max",           "cpu_weight",
        "tasks_max",           "sched_batch",         "cpu_affinity",         "debug_port",
        "break_on_start",
};

static struct json_object *new_options(const struct program_options *options)
{
        struct json_object *shown = json_object_new_object(), *value;

        for (size_t i = 0; i < ARRAY_SIZE(shown_options); i++) {
                const struct option *option = option_find(&program_option_table, shown_options[i]);
                if (option_to_json(option, options, &value) == 0)
                        json_put(shown, option->name, value);
        }
        return shown;
}

static void put_quantiles(struct json_object *object, const struct histogram *histogram)
{
        json_put_number(object, "count", histogram->count);
        json_put_seconds(object, "total", histogram->sum);
        json_put_seconds(object, "p50", histogram_quantile(histogram, 500));
        json_put_seconds(object, "p90", histogram_quantile(histogram, 900));
        json_put_seconds(object, "p99", histogram_quantile(histogram, 990));
        json_put_seconds(object, "max", histogram->max);
}

static struct json_object *new_times(const struct metric *metric, uint64_t now)
{
        struct json_object *times = json_object_new_object(), *recent = json_object_new_object();
        struct histogram of_late;

        metric_recent(metric, now, &of_late);
        put_quantiles(times, &metric->all);
        put_quantiles(recent, &of_late);
        json_put(times, "recent", recent);
        return times;
}

/* Why workers ended that should not have, as far as any did. */
static struct json_object *new_death_causes(const struct pool *pool)
{
        struct json_object *causes = json_object_new_object();

        for (enum death_cause cause = 0; cause < DEATH_CAUSES; cause++)
                if (pool->death_causes[cause] > 0)
                        json_put_number(causes, death_cause_name(cause), pool->death_causes[cause]);
        return causes;
}

/* What became of workers that ran what nobody waited for any more. */
static struct json_object *new_fates(const struct pool *pool)
{
        struct json_object *fates = json_object_new_object();

        for (enum worker_fate fate = 0; fate < FATES; fate++)
                json_put_number(fates, interrupts_fate_name(fate), pool->fates[fate]);
        return fates;
}

/* What workers were replaced for, as far as any were. */
static struct json_object *new_recycled(const struct pool *pool)
{
        struct json_object *recycled = json_object_new_object();

        for (enum worker_due due = WORKER_NOT_DUE + 1; due < WORKER_DUE_REASONS; due++)
                if (pool->recycle.recycled[due] > 0)
                        json_put_number(recycled, recycle_reason(due), pool->recycle.recycled[due]);
        return recycled;
}

/* What became of the last attempt to bring new options or code to it; NULL: there was none. */
static struct json_object *new_renewal(const struct pool_renewal *renewal, uint64_t now)
{
        if (renewal->ended_at == 0)
                return NULL;
        struct json_object *last = json_object_new_object();
        json_put(last, "ok", json_object_new_boolean(renewal->error == NULL));
        json_put_seconds(last, "ago", now > renewal->ended_at ? now - renewal->ended_at : 0);
        json_put(last, "error", json_object_get(renewal->error));
        json_put_number(last, "good", renewal->n_good);
        json_put_number(last, "failed", renewal->n_failed);
        return last;
}

struct json_object *status_program(const struct pool *pool, uint64_t now)
{
        struct json_object *program = json_object_new_object();

        json_put_text(program, "program_set", pool->options->program_set);
        json_put_text(program, "python", pool->options->python);
        json_put_text(program, "state", state_of(pool));
        json_put(program, "options", new_options(pool->options));
        json_put(program, "cgroup", cgroup_status(pool->cgroup));
        json_put(program, "last_error", json_object_get(pool->last_error));
        json_put(program, "workers", new_workers(pool));
        if (starts_waiting(pool))
                status_put_debugger(program, starts_waiting(pool));
        json_put(program, "queue", new_queue(pool));
        json_put(program, "requests", new_outcomes(pool->finished, RPC_OK));
        json_put(program, "queue_wait", new_times(&pool->metrics.queue_wait, now));
        json_put(program, "run_time", new_times(&pool->metrics.run_time, now));
        json_put_number(program, "sent_ahead", pool->ahead.n_sent);
        json_put_number(program, "taken_back", pool->ahead.n_taken_back);
        json_put_number(program, "deaths", pool->deaths);
        json_put(program, "death_causes", new_death_causes(pool));
        json_put(program, "fates", new_fates(pool));
        json_put_number(program, "starts", pool->starts);
        json_put_number(program, "respawns", pool->respawns);
        json_put_number(program, "start_failures", pool->start_failures);
        json_put_number(program, "maximum_reached", pool->maximum_reached);
        json_put(program, "recycled", new_recycled(pool));
        json_put(program, "last_renewal", new_renewal(&pool->renewal, now));
        return program;
}

void status_put_clients(struct json_object *status, const struct client_surroundings *clients,
                        size_t n_requests)
{
        json_put_number(status, "clients", clients->n_clients);
        json_put_number(status, "requests_in_flight", n_requests);
        json_put_number(status, "buffered", buffer_pool_moving(clients->buffers));
        json_put(status, "refused", new_outcomes(clients->refused, RPC_PARSE_ERROR));
}
