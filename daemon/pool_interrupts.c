/* SPDX-License-Identifier: MIT */
#include "pool_interrupts.h"

#include "common/cleanup.h"
#include "common/units.h"
#include "death.h"
#include "handled.h"
#include "pool.h"

#include <signal.h>
#include <string.h>

#define STACKS_MAX      10 /* in the log, for each program and ... */
#define STACKS_INTERVAL (10 * USEC_PER_SEC)
#define SEND_INTERVAL   (100 * (USEC_PER_SEC / 1000))

static const char *const fate_names[FATES] = {
        [FATE_INTERRUPTED] = "interrupted",
        [FATE_TERMINATED] = "terminated",
        [FATE_KILLED] = "killed",
};

const char *interrupts_fate_name(enum worker_fate fate)
{
        return fate_names[fate];
}

static struct log_context context_of(const struct worker *worker)
{
        const struct subject *subject = &worker->interruption.subject;
        struct log_context context = worker->process.context;

        context.request = subject->serial;
        context.function = *subject->function ? subject->function : NULL;
        return context;
}

static const char *cause_of(const struct worker *worker)
{
        return worker->interruption.is_cancelled ? "was cancelled" : "has run past its deadline";
}

static void watch(struct pool *pool, struct worker *worker)
{
        if (!worker->is_watched) {
                worker->is_watched = true;
                TAILQ_INSERT_TAIL(&pool->watched, worker, watch_link);
        }
        turn_defer(pool->around->turn, &pool->maintain);
}

static void unwatch(struct pool *pool, struct worker *worker)
{
        if (!worker->is_watched)
                return;
        worker->is_watched = false;
        TAILQ_REMOVE(&pool->watched, worker, watch_link);
}

const char *interrupts_ask_stack(struct pool *pool, struct worker *worker,
                                 struct stack_asker *asker, uint64_t now)
{
        if (worker->process.ready == 0)
                return "it is not ready yet";
        const char *why_not =
                stack_ask(&worker->stack, &worker->process, &worker->pages, asker, now);
        if (!why_not)
                watch(pool, worker);
        return why_not;
}

const char *interrupts_loggable(struct pool *pool, const char *stack, uint64_t now)
{
        if (!stack)
                return NULL;
        if (now - pool->stacks_since > STACKS_INTERVAL) {
                pool->stacks_since = now;
                pool->n_stacks = 0;
        }
        return pool->n_stacks++ < STACKS_MAX ? stack : "(too many stacks: left out)";
}

static void on_stack(struct stack_asker *asker, const char *text, const char *why_not)
{
        struct interruption *interruption = CONTAINER_OF(asker, struct interruption, asker);

        (void)why_not;
        free(interruption->text);
        interruption->text = text ? strdup(text) : NULL;
}

static void forget(struct worker *worker)
{
        stack_forget(&worker->interruption.asker);
        free(worker->interruption.text);
        worker->interruption = (struct interruption){0};
}

/* The stack as it was when the function was interrupted. */
static const char *stack_of(struct worker *worker)
{
        if (worker->interruption.asker.stack)
                stack_finish(&worker->stack, &worker->pages);
        return worker->interruption.text;
}

/* Ends a worker that does not come back, or cannot be interrupted. */
static void end(struct pool *pool, struct worker *worker, const char *why, uint64_t now)
{
        struct log_context context = context_of(worker);
        const char *text = interrupts_loggable(pool, stack_of(worker), now);

        log_event(worker->interruption.is_cancelled ? LOG_EVENT_NONE : LOG_EVENT_REQUEST_TIMEOUT,
                  LOG_WARNING, &context, "ending it: the request %s%s%s%s", cause_of(worker), why,
                  text ? "\n" : "", text ? text : "");
        worker->is_overdue = true;
        forget(worker);
        process_terminate(&worker->process, now);
        turn_defer(pool->around->turn, &pool->maintain);
}

static void send_signal(struct worker *worker, uint64_t now)
{
        process_nudge(&worker->process, SIGUSR1);
        worker->interruption.sent_at = now;
}

/* A signal that comes just before a system call is begun does not keep that from waiting: it is
 * sent until the worker comes back, which takes notice of the first one alone. Returns when to look
 * again. */
static uint64_t send_again(struct worker *worker, uint64_t now)
{
        const struct interruption *interruption = &worker->interruption;

        if (now >= interruption->sent_at + SEND_INTERVAL)
                send_signal(worker, now);
        return units_sooner(interruption->until, interruption->sent_at + SEND_INTERVAL);
}

/* It is at a request that nobody wants any more, or about to be. */
static void begin(struct pool *pool, struct worker *worker, uint64_t now)
{
        struct interruption *interruption = &worker->interruption;
        uint64_t limit = pool->options->interrupt_timeout;

        if (worker->options->debug_port != 0 && !worker->is_unwanted) {
                forget(worker); /* it may stand at a breakpoint: its result will be dropped */
                return;
        }
        interruption->ordinal = ledger_head(&worker->ledger);
        interruption->has_begun = worker_has_begun(worker, interruption->ordinal) != BEGUN_NO;
        interruption->since = now;
        interruption->until = now + limit;
        if (worker->state != WORKER_BUSY) {
                forget(worker);
        } else if (limit == 0 || !worker->has_counters ||
                   !handled_by(worker->process.pid, SIGUSR1)) {
                end(pool, worker, "", now);
        } else {
                interruption->asker.done = on_stack;
                if (interruption->has_begun) {
                        interrupts_ask_stack(pool, worker, &interruption->asker, now);
                        stack_hurry(&worker->stack, limit);
                }
                /* Also where it has not begun, by what was read a moment ago. */
                send_signal(worker, now);
                watch(pool, worker);
        }
}

void interrupts_give_up(struct pool *pool, struct request *request, bool is_cancelled,
                        void (*refuse)(struct pool *, struct request *), uint64_t now)
{
        struct worker *worker = request->worker;
        bool is_first = worker &&
                        (!worker->has_counters || request->ordinal == ledger_head(&worker->ledger));

        if (is_first && worker->state == WORKER_BUSY) {
                ahead_take_back(pool, worker);
                worker->interruption.is_cancelled = is_cancelled;
                subject_set(&worker->interruption.subject, request);
                refuse(pool, request);
                begin(pool, worker, now);
        } else {
                refuse(pool, request);
        }
}

/* It has come back from what it was interrupted in. A client may cancel as often as it likes, and
 * nobody wants to read of it. */
static void log_return(struct pool *pool, struct worker *worker, uint64_t now)
{
        const struct interruption *interruption = &worker->interruption;
        bool is_told = interruption->has_begun && !interruption->is_cancelled;
        struct log_context context = context_of(worker);
        const char *text = stack_of(worker);

        if (is_told)
                text = interrupts_loggable(pool, text, now);
        log_event(is_told ? LOG_EVENT_REQUEST_TIMEOUT : LOG_EVENT_NONE,
                  is_told ? LOG_WARNING : LOG_DEBUG, &context,
                  "%s: the request %s; it came back after %.1f ms%s%s",
                  interruption->has_begun ? "interrupted" : "skipped", cause_of(worker),
                  (double)(now - interruption->since) / 1e3, text ? "\n" : "", text ? text : "");
}

void interrupts_answered(struct pool *pool, struct worker *worker, uint64_t now)
{
        struct interruption *interruption = &worker->interruption;

        if (interruption->ordinal > worker->ledger.answered)
                return;
        if (interruption->ordinal != 0) {
                log_return(pool, worker, now);
                pool->fates[FATE_INTERRUPTED] += interruption->has_begun;
                forget(worker);
        }
        /* What it comes to next may be unwanted just as well. */
        uint64_t head = ledger_head(&worker->ledger);
        const struct ledger_entry *entry = head ? ledger_at(&worker->ledger, head) : NULL;
        if (entry && !entry->request && !entry->is_skipped) {
                interruption->is_cancelled = pages_is_cancelled(&worker->pages, head);
                interruption->subject.serial = entry->serial;
                begin(pool, worker, now);
        }
}

void interrupts_exited(struct pool *pool, struct worker *worker)
{
        char text[DEATH_TEXT_MAX];

        unwatch(pool, worker);
        stack_end(&worker->stack);
        forget(worker);
        if (!worker->is_overdue)
                return;
        pool->fates[process_was_killed(&worker->process) ? FATE_KILLED : FATE_TERMINATED]++;
        log_event(LOG_EVENT_WORKER_OVERDUE, LOG_WARNING, &worker->process.context,
                  "did not come back, and %s", death_text(&worker->process, text));
}

static uint64_t look_at(struct pool *pool, struct worker *worker, uint64_t now)
{
        const struct interruption *interruption = &worker->interruption;
        uint64_t next = stack_look(&worker->stack, &worker->pages, now);

        if (interruption->ordinal == 0)
                return next;
        if (worker->state != WORKER_BUSY)
                forget(worker);
        else if (interruption->until <= now)
                end(pool, worker, ", and it did not come back within interrupt_timeout", now);
        else
                next = units_sooner(next, send_again(worker, now));
        return next;
}

uint64_t interrupts_maintain(struct pool *pool, uint64_t now)
{
        struct worker *worker, *following;
        uint64_t next = 0;

        for (worker = TAILQ_FIRST(&pool->watched); worker; worker = following) {
                uint64_t again = look_at(pool, worker, now);
                following = TAILQ_NEXT(worker, watch_link);
                if (again == 0)
                        unwatch(pool, worker);
                next = units_sooner(next, again);
        }
        return next;
}
