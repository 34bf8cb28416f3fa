/* SPDX-License-Identifier: MIT */
#include "pool_recycle.h"

#include "common/units.h"
#include "pool.h"
#include "pool_starts.h"

#include <inttypes.h>
#include <sys/random.h>

#define LOOK_SHARE 100 /* looking at a worker's memory takes no more than this part of the time */

const char *recycle_reason(enum worker_due due)
{
        static const char *const names[WORKER_DUE_REASONS] = {
                [WORKER_DUE_REQUESTS] = "max_requests",
                [WORKER_DUE_LIFETIME] = "max_worker_lifetime",
                [WORKER_DUE_MEMORY] = "max_worker_memory",
                [WORKER_DUE_RENEWED] = "renewed",
        };

        return names[due];
}

unsigned recycle_limit(const struct program_options *options)
{
        uint32_t random = 0;

        if (options->max_requests <= 1 || options->max_requests_jitter == 0)
                return options->max_requests;
        /* Without it all have the same limit, which is no reason not to start. */
        if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
                random = 0;
        return options->max_requests + random % (options->max_requests_jitter + 1);
}

unsigned recycle_uncovered(const struct pool *pool)
{
        int uncovered = (int)pool->recycle.n_due - pool->recycle.credit;

        return uncovered > 0 ? (unsigned)uncovered : 0;
}

/* One that has not worked since it got ready has not grown: to replace it would change nothing, and
 * be done for ever. */
uint64_t recycle_next_look(const struct worker *worker)
{
        if (worker->options->max_worker_memory == 0 || worker->served == 0 || worker->due)
                return 0;
        return worker->idle_since > worker->memory_seen_at
                       ? worker->memory_look_at
                       : worker->memory_look_at + RECYCLE_MEMORY_IDLE_INTERVAL;
}

static bool is_too_large(const struct pool *pool, struct worker *worker, uint64_t now)
{
        uint64_t limit = worker->options->max_worker_memory, begun = units_now();

        worker->memory = pool->recycle.memory_of(worker->process.pid, limit);
        worker->memory_seen_at = now;
        uint64_t pause = LOOK_SHARE * (units_now() - begun);
        worker->memory_look_at =
                now + (pause > RECYCLE_MEMORY_INTERVAL ? pause : RECYCLE_MEMORY_INTERVAL);
        return worker->memory > limit;
}

/* Marks it if it is due; returns when to look again. */
static uint64_t look_at(const struct pool *pool, struct worker *worker, uint64_t now)
{
        uint64_t lifetime = worker->options->max_worker_lifetime;
        uint64_t end = lifetime ? worker->process.ready + lifetime : 0, look = 0;

        if (worker->due)
                return 0;
        if (worker->state == WORKER_IDLE && (look = recycle_next_look(worker)) && look <= now) {
                if (is_too_large(pool, worker, now))
                        worker->due = WORKER_DUE_MEMORY;
                look = recycle_next_look(worker);
        }
        if (end && end <= now)
                worker->due = WORKER_DUE_LIFETIME;
        return worker->due ? 0 : units_sooner(end, look);
}

static uint64_t look_at_all(struct pool *pool, uint64_t now)
{
        struct worker *worker;
        uint64_t next = 0;

        for (enum worker_state state = WORKER_IDLE; state <= WORKER_BUSY; state++)
                TAILQ_FOREACH (worker, &pool->workers.list[state], link)
                        next = units_sooner(next, look_at(pool, worker, now));
        return next;
}

static void count(struct pool_recycle *recycle, const struct worker *worker)
{
        if (worker->state == WORKER_STARTING)
                recycle->n_replacing += worker->is_replacement;
        else if (worker->state == WORKER_STOPPING)
                recycle->n_retired += worker->due != WORKER_NOT_DUE;
        else if (worker->state == WORKER_BUSY && recycle_is_once(worker))
                recycle->n_leaving++;
        else
                recycle->n_due += worker->due != WORKER_NOT_DUE;
}

static void take_stock(struct pool *pool)
{
        struct pool_recycle *recycle = &pool->recycle;
        struct worker *worker;

        recycle->n_due = recycle->n_replacing = recycle->n_leaving = recycle->n_retired = 0;
        for (enum worker_state state = WORKER_STARTING; state <= WORKER_STOPPING; state++)
                TAILQ_FOREACH (worker, &pool->workers.list[state], link)
                        count(recycle, worker);
        /* Due ones that ended by themselves need nobody to come for them; and what is owed for
         * those that left first is not more than there is room for. */
        if (recycle->credit > (int)recycle->n_due)
                recycle->credit = (int)recycle->n_due;
        int room = (int)pool->options->max_workers - (int)starts_size(pool);
        if (recycle->credit < -(room > 0 ? room : 0))
                recycle->credit = -(room > 0 ? room : 0);
}

static bool is_oversized(const struct pool *pool)
{
        return starts_size(pool) > pool->options->max_workers;
}

/* There is no room for a replacement before a due one has left, and none has left for it yet. */
static bool must_leave_first(const struct pool *pool)
{
        return pool->options->uses_slot && pool->recycle.credit == 0 && pool->retry_at == 0 &&
               !renew_is_waiting(pool) && pool->workers.count[WORKER_STARTING] == 0 &&
               pool->workers.count[WORKER_STOPPING] == 0 &&
               !starts_has_room(pool, pool->options, true);
}

static bool may_leave(const struct pool *pool, const struct worker *worker)
{
        return worker->due &&
               (pool->recycle.credit > 0 || is_oversized(pool) || must_leave_first(pool));
}

static void log_retirement(const struct worker *worker)
{
        const struct log_context *context = &worker->process.context;
        char text[UNITS_TEXT_MAX], limit[UNITS_TEXT_MAX];
        const struct program_options *options = worker->options;

        switch (worker->due) {
        case WORKER_DUE_REQUESTS:
                /* Where each request does this, nobody wants to read of it. */
                log_at(recycle_is_once(worker) ? LOG_DEBUG : LOG_INFO, context,
                       "retiring it: it has served %" PRIu64 " requests", worker->served);
                break;
        case WORKER_DUE_LIFETIME:
                log_info(context, "retiring it: it has run for longer than max_worker_lifetime, %s",
                         units_format_duration(text, options->max_worker_lifetime));
                break;
        case WORKER_DUE_MEMORY:
                log_info(context,
                         "retiring it: it uses %s of memory, more than max_worker_memory, %s",
                         units_format_size(text, worker->memory / 1024 * 1024),
                         units_format_size(limit, options->max_worker_memory));
                break;
        case WORKER_DUE_RENEWED:
                log_info(context, "retiring it: its program is renewed");
                break;
        case WORKER_NOT_DUE:
        case WORKER_DUE_REASONS:
                break;
        }
}

void recycle_retire(struct pool *pool, struct worker *worker, uint64_t now)
{
        struct pool_recycle *recycle = &pool->recycle;
        bool is_surplus = is_oversized(pool);

        if (recycle_is_once(worker) && worker->state == WORKER_BUSY) {
                recycle->n_leaving -= recycle->n_leaving > 0;
        } else {
                recycle->n_due -= worker->due && recycle->n_due > 0;
                recycle->credit -= !is_surplus;
        }
        if (!worker->due)
                worker->due = WORKER_DUE_RENEWED;
        recycle->n_retired++;
        recycle->recycled[worker->due]++;
        log_retirement(worker);
        worker_stop(worker, now);
        turn_defer(pool->around->turn, &pool->maintain);
}

bool recycle_answered(struct pool *pool, struct worker *worker, uint64_t now)
{
        const struct program_options *options = worker->options;

        if (!worker->due) {
                if (recycle_is_once(worker) ||
                    (worker->max_requests && worker->served >= worker->max_requests))
                        worker->due = WORKER_DUE_REQUESTS;
                else if (options->max_worker_memory && worker->memory_look_at <= now &&
                         is_too_large(pool, worker, now))
                        worker->due = WORKER_DUE_MEMORY;
                if (worker->due)
                        turn_defer(pool->around->turn, &pool->maintain);
        }
        if (!recycle_is_once(worker) && !may_leave(pool, worker) && !renew_needs(pool, worker))
                return false;
        recycle_retire(pool, worker, now);
        return true;
}

void recycle_became_ready(struct pool *pool, struct worker *worker)
{
        if (!worker->is_replacement)
                return;
        worker->is_replacement = false;
        pool->recycle.n_replacing -= pool->recycle.n_replacing > 0;
        pool->recycle.credit++;
}

uint64_t recycle_maintain(struct pool *pool, uint64_t now)
{
        uint64_t next = look_at_all(pool, now);
        struct worker *worker, *previous;

        take_stock(pool);
        worker = TAILQ_LAST(&pool->workers.list[WORKER_IDLE], worker_list);
        for (; worker; worker = previous) {
                previous = TAILQ_PREV(worker, worker_list, link);
                if (may_leave(pool, worker))
                        recycle_retire(pool, worker, now);
        }
        return next;
}

void recycle_start(struct pool *pool, uint64_t now)
{
        struct worker *worker;

        while (pool->recycle.n_replacing < recycle_uncovered(pool) && !renew_is_waiting(pool) &&
               starts_may_try(pool) && starts_has_room(pool, pool->options, true)) {
                worker = starts_one(pool, now);
                if (!worker)
                        return;
                worker->is_replacement = true;
                pool->recycle.n_replacing++;
                pool->respawns++;
        }
}
