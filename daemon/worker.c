/* SPDX-License-Identifier: MIT */
#include "worker.h"

#include "birth_fork.h"
#include "common/cleanup.h"
#include "common/units.h"
#include "process_spawn.h"
#include "worker_answers.h"
#include "worker_messages.h"

#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <string.h>

static const char *const state_names[WORKER_STATES] = {
        [WORKER_STARTING] = "starting", [WORKER_IDLE] = "idle", [WORKER_BUSY] = "busy",
        [WORKER_STOPPING] = "stopping", [WORKER_DEAD] = "dead",
};

#define MOVE(from, to) [from][to] = true
static const bool legal_moves[WORKER_STATES][WORKER_STATES] = {
        MOVE(WORKER_STARTING, WORKER_IDLE), MOVE(WORKER_STARTING, WORKER_STOPPING),
        MOVE(WORKER_IDLE, WORKER_BUSY),     MOVE(WORKER_IDLE, WORKER_STOPPING),
        MOVE(WORKER_BUSY, WORKER_IDLE),     MOVE(WORKER_BUSY, WORKER_STOPPING),
        MOVE(WORKER_STOPPING, WORKER_DEAD),
};

const char *worker_state_name(enum worker_state state)
{
        return state_names[state];
}

void worker_set_state(struct worker *worker, enum worker_state state)
{
        if (!legal_moves[worker->state][state]) {
                log_error(&worker->process.context, "refusing to go from %s to %s",
                          state_names[worker->state], state_names[state]);
                return;
        }
        log_debug(&worker->process.context, "%s -> %s", state_names[worker->state],
                  state_names[state]);
        TAILQ_REMOVE(&worker->lists->list[worker->state], worker, link);
        worker->lists->count[worker->state]--;
        worker->state = state;
        /* The most recently used one stands in front: its memory is the warmest. */
        TAILQ_INSERT_HEAD(&worker->lists->list[state], worker, link);
        worker->lists->count[state]++;
}

void worker_stop(struct worker *worker, uint64_t now)
{
        struct process *process = &worker->process;

        if (process->is_ending)
                return;
        process->is_asked = true;
        process_expect_end(process, SIGTERM, now + worker->options->terminate_timeout);
        channel_close_input(&worker->channel);
}

void subject_set(struct subject *subject, const struct request *request)
{
        subject->serial = request->serial;
        snprintf(subject->function, sizeof(subject->function), "%s", request->function);
}

void worker_send(struct worker *worker, struct request *request, uint64_t now)
{
        request->ordinal = ledger_add(&worker->ledger, request, request->serial, now);
        request->state = REQUEST_SENT;
        request->worker = worker;
        request->sent = now;
        if (worker->state == WORKER_IDLE) {
                worker->busy_since = now;
                worker_set_state(worker, WORKER_BUSY);
        }
        if (ledger_length(&worker->ledger) == 1)
                output_forget_tail(&worker->process.err, request->serial, false);
        if (channel_send(&worker->channel, request) < 0)
                process_fail(&worker->process, "there was no memory to send it the request");
}

/* What a mad process wrote into the shared page is not believed. */
static bool are_right(const struct worker *worker, struct pages_counts counts)
{
        return worker->ledger.answered <= counts.finished && counts.finished <= counts.started &&
               counts.started <= worker->ledger.sent;
}

enum begun worker_has_begun(struct worker *worker, uint64_t ordinal)
{
        if (!worker->has_counters)
                return worker->state == WORKER_DEAD && ordinal == worker->ledger.sent &&
                                       worker_has_unread_request(worker)
                               ? BEGUN_NO
                               : BEGUN_UNKNOWN;
        struct pages_counts counts = pages_counts(&worker->pages);
        if (are_right(worker, counts))
                return ordinal <= counts.started ? BEGUN_YES : BEGUN_NO;
        process_fail(&worker->process, "it counted other requests than it was sent");
        return BEGUN_UNKNOWN;
}

enum begun worker_give_up(struct worker *worker, uint64_t ordinal, bool is_cancelled)
{
        pages_want(&worker->pages, ordinal, is_cancelled);
        return worker_has_begun(worker, ordinal);
}

bool worker_take_back(struct worker *worker, uint64_t ordinal)
{
        struct ledger_entry *entry = ledger_at(&worker->ledger, ordinal);

        /* What runs is not to see, for however short a time, that it is not wanted. */
        if (worker_has_begun(worker, ordinal) != BEGUN_NO)
                return false;
        entry->is_skipped = worker_give_up(worker, ordinal, false) == BEGUN_NO;
        if (!entry->is_skipped) {
                pages_unwant(&worker->pages, ordinal);
                entry->may_be_skipped = true; /* it may have looked in between */
        }
        return entry->is_skipped;
}

static void on_look(struct turn_task *task)
{
        struct worker *worker = CONTAINER_OF(task, struct worker, look);

        worker->events->relieved(worker->pool, worker);
}

static struct json_object *member(struct json_object *line, const char *key)
{
        struct json_object *value = NULL;

        json_object_object_get_ex(line, key, &value);
        return value;
}

static void set_methods(struct worker *worker, struct json_object *methods,
                        struct json_object *line)
{
        json_object_get(methods);
        json_object_put(worker->methods);
        worker->methods = methods;
        worker->takes_any = json_object_get_boolean(member(line, "any_command"));
}

static bool is_open(void *userdata, uint64_t serial)
{
        struct worker *worker = userdata;

        return ledger_find(&worker->ledger, serial) != 0;
}

static void on_ready(void *owner, struct json_object *line)
{
        struct worker *worker = owner;
        struct json_object *methods = member(line, "methods");

        if (!birth_is_over(&worker->birth)) {
                process_fail(&worker->process, "it is ready, and nobody has seen it born");
                return;
        }
        worker->has_counters = json_object_get_boolean(member(line, "counters"));
        worker->channel.marks_positional = json_object_get_boolean(member(line, "positional"));
        /* One that was forked names them only where they are others than its template's. */
        set_methods(worker, methods ? methods : worker->birth.methods, line);
        worker->process.err.is_open = is_open;
        worker->process.err.is_open_userdata = worker;
        worker->idle_since = worker->process.ready;
        worker_set_state(worker, WORKER_IDLE);
        worker->events->ready(worker->pool, worker);
}

static void on_waits(void *owner)
{
        struct worker *worker = owner;

        worker->events->waits(worker->pool, worker);
}

static void on_methods(void *owner, struct json_object *line)
{
        struct worker *worker = owner;

        set_methods(worker, member(line, "methods"), line);
        worker->events->methods(worker->pool, worker);
}

static void on_ending(void *owner)
{
        struct worker *worker = owner;

        worker->stopping_since = units_now();
        worker_set_state(worker, WORKER_STOPPING);
}

static void on_leaving(void *owner)
{
        struct worker *worker = owner;

        worker->events->leaving(worker->pool, worker);
}

static void on_drain(void *owner)
{
        struct worker *worker = owner;

        channel_drain(&worker->channel);
        worker_take_held(worker);
        worker->process.stack = stack_left(&worker->pages);
}

static void on_exited(void *owner)
{
        struct worker *worker = owner;

        birth_clear(&worker->birth);
        worker_set_state(worker, WORKER_DEAD);
        worker->events->exited(worker->pool, worker);
}

static const struct process_events process_events = {
        .ready = on_ready,
        .waits = on_waits,
        .methods = on_methods,
        .ending = on_ending,
        .leaving = on_leaving,
        .drain = on_drain,
        .exited = on_exited,
};

static void bury(struct turn_task *grave)
{
        worker_free(CONTAINER_OF(grave, struct worker, grave));
}

static struct worker *allocate(const struct surroundings *around, struct program_options *options,
                               unsigned slot, struct worker_lists *lists, uint64_t now)
{
        struct worker *worker = calloc(1, sizeof(*worker));

        if (!worker)
                return NULL;
        worker->around = around;
        worker->options = program_options_ref(options);
        worker->slot = slot;
        worker->lists = lists;
        worker->channel.in_fd = worker->channel.out_fd = -1;
        worker->pages = (struct pages)PAGES_NONE;
        stack_init(&worker->stack);
        TAILQ_INIT(&worker->awaiting);
        caller_init(&worker->caller, worker_call_answered);
        worker->look.run = on_look;
        worker->grave.run = bury;
        process_init(&worker->process, around, options, (int)slot, &process_events, worker, now);
        TAILQ_INSERT_TAIL(&lists->list[WORKER_STARTING], worker, link);
        lists->count[WORKER_STARTING]++;
        return worker;
}

static int open_channel(struct worker *worker, struct spawned *ends)
{
        const struct surroundings *around = worker->around;
        return channel_init(&worker->channel, around->base, around->turn, around->buffers,
                            steal_fd(&ends->pipe_in), steal_fd(&ends->pipe_out),
                            around->max_response_size, around->max_request_size,
                            &worker_channel_events, worker);
}

/* Has the process made, and takes its pipes. */
static int begin(struct birth *birth, char error[SPAWN_ERROR_MAX])
{
        _cleanup_(spawned_close) struct spawned ends = SPAWNED_NONE;
        struct worker *worker = CONTAINER_OF(birth, struct worker, birth);
        int r = birth->births ? birth_fork(birth, worker->pages.fd, &ends, error)
                              : process_spawn(birth->process, worker->pages.fd, -1, &ends, error);

        pages_close_wanted(&worker->pages);
        return r == 0 ? open_channel(worker, &ends) : r;
}

int worker_new(const struct surroundings *around, struct program_options *options,
               struct template *template, unsigned slot, struct worker_lists *lists,
               const struct worker_events *events, void *pool, uint64_t now, struct worker **ret,
               char error[SPAWN_ERROR_MAX])
{
        struct worker *worker = allocate(around, options, slot, lists, now);

        snprintf(error, SPAWN_ERROR_MAX, "out of memory");
        if (!worker)
                return -ENOMEM;
        worker->events = events;
        worker->pool = pool;
        worker->birth = (struct birth){.process = &worker->process, .begin = begin};
        int r = pages_open(&worker->pages);
        if (r < 0)
                snprintf(error, SPAWN_ERROR_MAX, "cannot make shared memory: %s", strerror(-r));
        else
                r = template ? template_bear(template, &worker->birth, error)
                             : begin(&worker->birth, error);
        if (r < 0) {
                worker_free(worker);
                return r;
        }
        *ret = worker;
        return 0;
}

struct worker *worker_free(struct worker *worker)
{
        if (!worker)
                return NULL;
        birth_clear(&worker->birth);
        process_clear(&worker->process);
        turn_forget(&worker->grave);
        turn_forget(&worker->look);
        TAILQ_REMOVE(&worker->lists->list[worker->state], worker, link);
        worker->lists->count[worker->state]--;
        channel_clear(&worker->channel);
        stack_end(&worker->stack);
        free(worker->interruption.text);
        pages_clear(&worker->pages);
        json_object_put(worker->methods);
        program_options_unref(worker->options);
        free(worker);
        return NULL;
}
