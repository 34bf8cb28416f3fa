/* SPDX-License-Identifier: MIT */
#include "pool_ahead.h"

#include "common/units.h"
#include "pool.h"
#include "pool_queue.h"
#include "pool_starts.h"
#include "worker_answers.h"

#define PLACES     (LEDGER_SIZE - 1)
#define BYTES_MAX  16384U /* of a request that is sent ahead, and ... */
#define BYTES_FULL 32768U /* ... of what stands before it: a pipe holds 65536 */
#define BYTES_LINE 64U    /* of a request beside its function's name and its params */
#define SLOW_MIN   (USEC_PER_SEC / 1000)
#define LOOK       (2 * SLOW_MIN) /* between two looks at the workers that have several, or more: */
#define LOOK_SHARE 8U             /* by this part of the time for which one has begun nothing */
#define LOOK_MAX   (50 * SLOW_MIN)

void ahead_init(struct pool_ahead *ahead)
{
        TAILQ_INIT(&ahead->roomy);
        TAILQ_INIT(&ahead->crowded);
}

static size_t bytes_of(const struct request *request)
{
        return request->params_length + request->function_length + BYTES_LINE;
}

static uint64_t limit_of(const struct pool *pool)
{
        return pool->options->prefetch_time * 1000;
}

/* Whoever has been asked for a longer time, or is looked at when it is free, has to get free. */
static bool is_to_get_free(const struct pool *pool, const struct worker *worker, uint64_t now)
{
        return worker->due || worker->is_unwanted || worker->interruption.ordinal != 0 ||
               (worker->max_requests &&
                worker->served + ledger_length(&worker->ledger) >= worker->max_requests) ||
               (worker->options->max_worker_memory && worker->memory_look_at <= now) ||
               renew_needs(pool, worker);
}

/* One whose program counts nothing may begin all that it has at once; one that is being debugged
 * may stand still at any time. */
static bool has_room(const struct pool *pool, const struct worker *worker, uint64_t now)
{
        const struct ledger *ledger = &worker->ledger;

        return worker->state == WORKER_BUSY && worker->has_counters &&
               ledger_length(ledger) < PLACES && ledger->expected < limit_of(pool) &&
               ledger->bytes < BYTES_FULL && !worker_is_waiting(worker) &&
               worker->options->debug_port == 0 && !is_to_get_free(pool, worker, now);
}

static void leave_room(struct pool *pool, struct worker *worker)
{
        if (worker->ahead.has_room)
                TAILQ_REMOVE(&pool->ahead.roomy, worker, ahead.room_link);
        worker->ahead.has_room = false;
}

static void leave_crowd(struct pool *pool, struct worker *worker)
{
        if (worker->ahead.is_crowded)
                TAILQ_REMOVE(&pool->ahead.crowded, worker, ahead.crowd_link);
        worker->ahead.is_crowded = false;
}

/* The last in turn. */
static void look_for_room(struct pool *pool, struct worker *worker, uint64_t now)
{
        if (worker->ahead.has_room || !has_room(pool, worker, now))
                return;
        TAILQ_INSERT_TAIL(&pool->ahead.roomy, worker, ahead.room_link);
        worker->ahead.has_room = true;
}

struct worker *ahead_find(struct pool *pool, const struct request *request, uint64_t now)
{
        struct worker *worker;

        if (TAILQ_EMPTY(&pool->ahead.roomy) ||
            run_time_expected(request->run_time) >= limit_of(pool) || bytes_of(request) > BYTES_MAX)
                return NULL;
        /* What else happens to a worker is seen when its turn comes. */
        while ((worker = TAILQ_FIRST(&pool->ahead.roomy)) && !has_room(pool, worker, now))
                leave_room(pool, worker);
        return worker;
}

static void enter_crowd(struct pool *pool, struct worker *worker, uint64_t now)
{
        pool->ahead.n_sent++;
        pool_wake_at(pool, now + LOOK, now);
        if (worker->ahead.is_crowded)
                return;
        TAILQ_INSERT_TAIL(&pool->ahead.crowded, worker, ahead.crowd_link);
        worker->ahead.is_crowded = true;
        worker->ahead.seen_started = pages_counts(&worker->pages).started;
        worker->ahead.seen_at = now;
}

void ahead_given(struct pool *pool, struct worker *worker, struct request *request, uint64_t now)
{
        ledger_expect(&worker->ledger, request->ordinal, run_time_expected(request->run_time),
                      bytes_of(request));
        leave_room(pool, worker);
        look_for_room(pool, worker, now);
        if (ledger_length(&worker->ledger) > 1)
                enter_crowd(pool, worker, now);
}

void ahead_answered(struct pool *pool, struct worker *worker, uint64_t now)
{
        look_for_room(pool, worker, now);
}

void ahead_exited(struct pool *pool, struct worker *worker)
{
        leave_room(pool, worker);
        leave_crowd(pool, worker);
}

bool ahead_take_one_back(struct pool *pool, struct request *request)
{
        struct worker *worker = request->worker;
        uint64_t ordinal = request->ordinal;

        if (request->state != REQUEST_SENT || !worker || !worker->has_counters ||
            ordinal == ledger_head(&worker->ledger) || !worker_take_back(worker, ordinal))
                return false;
        ledger_expect(&worker->ledger, ordinal, 0, ledger_at(&worker->ledger, ordinal)->bytes);
        queue_return(pool, request);
        pool->ahead.n_taken_back++;
        turn_defer(pool->around->turn, &pool->maintain);
        return true;
}

/* From the last on, so that they stand in the queue as they did here. */
void ahead_take_back(struct pool *pool, struct worker *worker)
{
        struct ledger *ledger = &worker->ledger;

        for (uint64_t ordinal = ledger->sent; ordinal > ledger->answered + 1; ordinal--) {
                struct ledger_entry *entry = ledger_at(ledger, ordinal);
                if (entry && entry->request && !ahead_take_one_back(pool, entry->request))
                        return;
        }
}

/* Somebody else may serve what this one does not come to. */
static bool has_other(const struct pool *pool)
{
        const struct worker_lists *workers = &pool->workers;

        return workers->count[WORKER_IDLE] + workers->count[WORKER_STARTING] > 0 ||
               workers->count[WORKER_BUSY] > 1 || starts_may_grow(pool);
}

static bool runs_something(const struct worker *worker)
{
        struct pages_counts counts = pages_counts(&worker->pages);

        return counts.started > counts.finished;
}

/* What waits there is not kept waiting. Its first request has taken so long by now: as long as that
 * may be the scheduler's doing, the function is not known to be slow. */
static void relieve(struct pool *pool, struct worker *worker, uint64_t taken)
{
        uint64_t head = ledger_head(&worker->ledger);
        struct ledger_entry *entry = head ? ledger_at(&worker->ledger, head) : NULL;

        if (!entry || ledger_length(&worker->ledger) < 2)
                return;
        if (taken > RUN_TIMES_PREEMPTION && entry->request && entry->request->run_time &&
            runs_something(worker))
                run_time_surprise(entry->request->run_time, taken);
        ledger_expect(&worker->ledger, head, taken, entry->bytes);
        if (has_other(pool))
                ahead_take_back(pool, worker);
}

/* Answers may be late, as they are held back until others can be written with them: so what counts
 * is whether it begins anything. Returns for how long it has not. */
static uint64_t look_at(struct pool *pool, struct worker *worker, uint64_t now)
{
        uint64_t started = pages_counts(&worker->pages).started;

        if (worker->ahead.seen_started != started) {
                worker->ahead.seen_started = started;
                worker->ahead.seen_at = now;
        }
        uint64_t since = now - worker->ahead.seen_at;
        if (since >= SLOW_MIN)
                worker_take_held(worker);
        if (since >= SLOW_MIN && since >= pool->options->prefetch_time)
                relieve(pool, worker, 1000 * since);
        return since;
}

/* One that is stuck for long is looked at less and less often: it has been relieved of what it can
 * be, or nobody else is there, and whoever comes has the pool looked at. */
static uint64_t next_look(uint64_t since, uint64_t now)
{
        uint64_t more = since / LOOK_SHARE;

        return now + LOOK + (more < LOOK_MAX ? more : LOOK_MAX);
}

uint64_t ahead_maintain(struct pool *pool, uint64_t now)
{
        struct worker *worker, *following;
        uint64_t next = 0;

        for (worker = TAILQ_FIRST(&pool->ahead.crowded); worker; worker = following) {
                uint64_t since = 0;
                if (ledger_length(&worker->ledger) > 1)
                        since = look_at(pool, worker, now);
                following = TAILQ_NEXT(worker, ahead.crowd_link);
                if (ledger_length(&worker->ledger) < 2)
                        leave_crowd(pool, worker);
                else
                        next = units_sooner(next, next_look(since, now));
        }
        return next;
}

unsigned ahead_count(const struct pool *pool)
{
        const struct worker *worker;
        unsigned n = 0;

        TAILQ_FOREACH (worker, &pool->ahead.crowded, ahead.crowd_link) {
                unsigned waiting = ledger_count_requests(&worker->ledger);
                n += waiting > 1 ? waiting - 1 : 0;
        }
        return n;
}
