/* SPDX-License-Identifier: MIT */
#include "pool_starts.h"

#include "common/units.h"
#include "death.h"
#include "pool.h"

#include <json-c/json.h>
#include <string.h>

static unsigned count(const struct pool *pool, enum worker_state state)
{
        return pool->workers.count[state];
}

/* Those that serve, or will. */
static unsigned living(const struct pool *pool)
{
        return count(pool, WORKER_STARTING) + count(pool, WORKER_IDLE) + count(pool, WORKER_BUSY);
}

bool starts_may_grow(const struct pool *pool)
{
        return living(pool) < pool->options->max_workers &&
               count(pool, WORKER_STARTING) < pool->options->max_starting && pool->retry_at == 0;
}

bool starts_has_surplus(const struct pool *pool)
{
        return living(pool) > pool->options->min_workers &&
               count(pool, WORKER_IDLE) > pool->options->spare_workers;
}

bool starts_are_settled(const struct pool *pool)
{
        return pool->retry_at != 0 ||
               count(pool, WORKER_IDLE) + count(pool, WORKER_BUSY) >= pool->options->min_workers;
}

static void set_last_error(struct pool *pool, struct json_object *error)
{
        json_object_put(pool->last_error);
        pool->last_error = error;
}

static const char *error_member(const struct pool *pool, const char *key)
{
        struct json_object *value = NULL;

        json_object_object_get_ex(pool->last_error, key, &value);
        return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

/* No further try for a while, longer each time. */
static void hold_back(struct pool *pool, uint64_t now)
{
        char wait[UNITS_TEXT_MAX];

        if (pool->retry_at != 0)
                return;
        pool->back_off = pool->back_off ? 2 * pool->back_off : STARTS_BACK_OFF_MIN;
        if (pool->back_off > STARTS_BACK_OFF_MAX)
                pool->back_off = STARTS_BACK_OFF_MAX;
        pool->retry_at = now + pool->back_off;
        log_error(&pool->context, "its workers fail to start; trying again in %s",
                  units_format_duration(wait, pool->back_off));
}

/* One more failure: from the threshold on the pool waits. */
static void count_failure(struct pool *pool, uint64_t now)
{
        const struct program_options *options = pool->options;

        pool->start_failures++;
        if (pool->failures == 0 || now - pool->failing_since > options->restart_interval) {
                pool->failures = 0;
                pool->failing_since = now;
        }
        if (++pool->failures >= options->restart_threshold || pool->back_off)
                hold_back(pool, now);
}

static void forgive(struct pool *pool)
{
        if (pool->back_off)
                log_notice(&pool->context, "a worker has started: available again");
        pool->failures = 0;
        pool->back_off = 0;
}

void starts_became_ready(struct pool *pool)
{
        pool->retry_at = 0;
        set_last_error(pool, NULL);
        if (!pool->is_dying_young)
                forgive(pool);
}

void starts_answered(struct pool *pool)
{
        if (!pool->is_dying_young)
                return;
        pool->is_dying_young = false;
        forgive(pool);
}

static void log_start_failure(const struct pool *pool, const struct worker *worker)
{
        const char *traceback = error_member(pool, "traceback");
        const char *name = error_member(pool, "exception");

        if (*traceback)
                log_error(&worker->process.context, "failed to start\n%s", traceback);
        else
                log_error(&worker->process.context, "failed to start: %s%s%s", name,
                          *name ? ": " : "", error_member(pool, "message"));
}

void starts_ended(struct pool *pool, struct worker *worker, uint64_t now)
{
        char text[DEATH_TEXT_MAX];

        if (worker->process.is_asked) {
                log_debug(&worker->process.context, "%s", death_text(&worker->process, text));
        } else if (worker->process.ready == 0) {
                set_last_error(pool, death_start_error(&worker->process));
                log_start_failure(pool, worker);
                count_failure(pool, now);
        } else {
                pool->deaths++;
                log_error(&worker->process.context, "%s", death_text(&worker->process, text));
                if (worker->served == 0) {
                        pool->is_dying_young = true;
                        set_last_error(pool, death_start_error(&worker->process));
                        count_failure(pool, now);
                }
        }
}

/* The lowest number that no living worker of the pool has. */
static unsigned take_slot(struct pool *pool)
{
        unsigned slot = 0;

        while (pool->slots[slot / 64] & (1ULL << (slot % 64)))
                slot++;
        pool->slots[slot / 64] |= 1ULL << (slot % 64);
        return slot;
}

static void start_one(struct pool *pool, uint64_t now)
{
        char error[SPAWN_ERROR_MAX];
        unsigned slot = take_slot(pool);
        struct worker *worker;

        pool->starts++;
        if (worker_new(pool->around, pool->options, slot, &pool->workers, &pool_worker_events, pool,
                       now, &worker, error) == 0)
                return;
        pool->slots[slot / 64] &= ~(1ULL << (slot % 64));
        log_error(&pool->context, "cannot start a worker: %s", error);
        struct json_object *failure = json_object_new_object();
        json_object_object_add(failure, "message", json_object_new_string(error));
        set_last_error(pool, failure);
        count_failure(pool, now);
        /* What the system refuses now it would refuse again at once. */
        hold_back(pool, now);
}

/* Ends those that take too long to become ready; returns when the next one does. */
static uint64_t end_late_starters(struct pool *pool, uint64_t now)
{
        uint64_t limit = pool->options->startup_timeout;
        struct worker *worker, *next;

        if (limit == 0)
                return 0;
        /* The list is in the order of starting, the last one in front. */
        worker = TAILQ_LAST(&pool->workers.list[WORKER_STARTING], worker_list);
        for (; worker && worker->process.started + limit <= now; worker = next) {
                next = TAILQ_PREV(worker, worker_list, link);
                process_fail(&worker->process, "it was not ready within startup_timeout");
        }
        return worker ? worker->process.started + limit : 0;
}

static uint64_t retire_idle(struct pool *pool, uint64_t now)
{
        uint64_t limit = pool->options->idle_timeout;
        struct worker *worker;

        while (limit && starts_has_surplus(pool)) {
                worker = TAILQ_LAST(&pool->workers.list[WORKER_IDLE], worker_list);
                if (worker->idle_since + limit > now)
                        return worker->idle_since + limit;
                log_debug(&worker->process.context,
                          "retiring it: idle for longer than idle_timeout");
                worker_stop(worker, now);
        }
        return 0;
}

/* How many there should be now. */
static unsigned wanted(const struct pool *pool)
{
        const struct program_options *options = pool->options;
        unsigned waiting = pool->around->is_held_back ? 0 : pool->queue_length;
        uint64_t n = (uint64_t)count(pool, WORKER_BUSY) + waiting + options->spare_workers;

        if (n < options->min_workers)
                n = options->min_workers;
        return n < options->max_workers ? (unsigned)n : options->max_workers;
}

static void start_wanted(struct pool *pool, uint64_t now)
{
        /* One that is on its way out still counts: there are never more than max_workers. */
        unsigned stopping = count(pool, WORKER_STOPPING);

        while (living(pool) < wanted(pool) && starts_may_grow(pool) &&
               living(pool) + stopping < pool->options->max_workers) {
                /* While it fails, one at a time. */
                if (pool->back_off && count(pool, WORKER_STARTING) > 0)
                        return;
                start_one(pool, now);
        }
}

uint64_t starts_maintain(struct pool *pool, uint64_t now)
{
        uint64_t idle = retire_idle(pool, now);

        if (pool->retry_at <= now)
                pool->retry_at = 0;
        if (pool->retry_at == 0)
                start_wanted(pool, now);

        /* Those that were just started have a limit too. */
        uint64_t next = end_late_starters(pool, now);
        if (idle && (next == 0 || idle < next))
                next = idle;
        if (pool->retry_at && (next == 0 || pool->retry_at < next))
                next = pool->retry_at;
        return next;
}
