/* SPDX-License-Identifier: MIT */
#include "pool_failures.h"

#include "common/units.h"
#include "death.h"
#include "pool.h"

#include <json-c/json.h>
#include <string.h>

static void set_last_error(struct pool *pool, struct json_object *error)
{
        json_object_put(pool->last_error);
        pool->last_error = error;
}

static const char *member(struct json_object *error, const char *key)
{
        struct json_object *value = NULL;

        json_object_object_get_ex(error, key, &value);
        return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

/* Other members differ from process to process. */
static bool are_alike(struct json_object *a, struct json_object *b)
{
        return a && strcmp(member(a, "message"), member(b, "message")) == 0 &&
               strcmp(member(a, "traceback"), member(b, "traceback")) == 0;
}

/* No further try for a while, longer each time. */
static void hold_back(struct pool *pool, uint64_t now)
{
        char wait[UNITS_TEXT_MAX];

        if (pool->retry_at != 0)
                return;
        pool->back_off = pool->back_off ? 2 * pool->back_off : FAILURES_BACK_OFF_MIN;
        if (pool->back_off > FAILURES_BACK_OFF_MAX)
                pool->back_off = FAILURES_BACK_OFF_MAX;
        pool->retry_at = now + pool->back_off;
        log_event(LOG_EVENT_BACKING_OFF, LOG_ERR, &pool->context,
                  "its workers fail to start; trying again in %s",
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

struct json_object *failures_new_error(const char *message)
{
        struct json_object *error = json_object_new_object();

        json_object_object_add(error, "message", json_object_new_string(message));
        return error;
}

void failures_spawn(struct pool *pool, struct json_object *error, uint64_t now)
{
        log_event(LOG_EVENT_START_FAILED, LOG_ERR, &pool->context, "cannot start a worker: %s",
                  member(error, "message"));
        set_last_error(pool, error);
        count_failure(pool, now);
        /* What the system refuses now it would refuse again at once. */
        hold_back(pool, now);
}

void failures_clear(struct pool *pool)
{
        if (pool->back_off)
                log_event(LOG_EVENT_RECOVERED, LOG_NOTICE, &pool->context,
                          "a worker has started: available again");
        pool->is_dying_young = false;
        pool->is_late = false;
        pool->failures = 0;
        pool->back_off = 0;
        pool->retry_at = 0;
        set_last_error(pool, NULL);
}

void failures_became_ready(struct pool *pool)
{
        if (!pool->is_dying_young)
                failures_clear(pool);
}

void failures_answered(struct pool *pool)
{
        if (pool->is_dying_young)
                failures_clear(pool);
}

void failures_log(const struct worker *worker, struct json_object *error, bool is_repeated)
{
        const struct log_context *context = &worker->process.context;
        const char *name = member(error, "exception"), *traceback = member(error, "traceback");
        const char *stack = is_repeated ? "" : member(error, "stack");

        if (*traceback && !is_repeated)
                log_event(LOG_EVENT_START_FAILED, LOG_ERR, context, "failed to start\n%s",
                          traceback);
        else
                log_event(LOG_EVENT_START_FAILED, LOG_ERR, context, "failed to start%s: %s%s%s%s%s",
                          is_repeated ? " as before" : "", name, *name ? ": " : "",
                          member(error, "message"), *stack ? "\n" : "", stack);
}

static void take_error(struct pool *pool, struct worker *worker, bool is_told, uint64_t now)
{
        struct json_object *error = death_start_error(&worker->process);

        if (!is_told)
                failures_log(worker, error, are_alike(pool->last_error, error));
        set_last_error(pool, error);
        count_failure(pool, now);
}

/* Of its death, with the request that it ran. */
static struct log_context death_context(struct worker *worker)
{
        struct log_context context = worker->process.context;
        const struct request *request = ledger_first_request(&worker->ledger);

        if (request && worker_has_begun(worker, request->ordinal) != BEGUN_NO) {
                context.request = request->serial;
                context.function = request->function;
        }
        return context;
}

void failures_ended(struct pool *pool, struct worker *worker, uint64_t now)
{
        const struct log_context context = death_context(worker);

        if (worker->process.is_asked) {
                death_log(LOG_DEBUG, &context, &worker->process);
        } else if (worker->process.ready == 0) {
                take_error(pool, worker, false, now);
        } else {
                pool->deaths++;
                pool->death_causes[death_cause(&worker->process)]++;
                death_log(LOG_ERR, &context, &worker->process);
                if (worker->served == 0) {
                        pool->is_dying_young = true;
                        take_error(pool, worker, true, now);
                }
        }
}
