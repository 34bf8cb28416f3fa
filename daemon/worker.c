/* SPDX-License-Identifier: MIT */
#include "worker.h"

#include "common/cleanup.h"
#include "common/units.h"
#include "reply.h"

#include <errno.h>
#include <event2/event.h>
#include <json-c/json.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define LEAVE_GRACE (1 * USEC_PER_SEC) /* for a process that is on its way out */

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
                log_error(&worker->context, "refusing to go from %s to %s",
                          state_names[worker->state], state_names[state]);
                return;
        }
        log_debug(&worker->context, "%s -> %s", state_names[worker->state], state_names[state]);
        TAILQ_REMOVE(&worker->lists->list[worker->state], worker, link);
        worker->lists->count[worker->state]--;
        worker->state = state;
        /* The most recently used one stands in front: its memory is the warmest. */
        TAILQ_INSERT_HEAD(&worker->lists->list[state], worker, link);
        worker->lists->count[state]++;
}

static void signal_group(const struct worker *worker, int signal)
{
        if (kill(-worker->pid, signal) < 0 && errno != ESRCH)
                log_warning(&worker->context, "cannot send %s to it: %m", strsignal(signal));
}

/* Makes it stopping, with the next signal at the given time. */
static void begin_stop(struct worker *worker, int next_signal, uint64_t when)
{
        if (worker->state == WORKER_DEAD)
                return;
        if (worker->state != WORKER_STOPPING)
                worker_set_state(worker, WORKER_STOPPING);
        worker->next_signal = next_signal;
        worker->signal_at = when;
}

void worker_stop(struct worker *worker, uint64_t now)
{
        if (worker->state >= WORKER_STOPPING)
                return;
        worker->is_asked = true;
        begin_stop(worker, SIGTERM, now + worker->options->terminate_timeout);
        channel_close_input(&worker->channel);
}

void worker_terminate(struct worker *worker, uint64_t now)
{
        if (worker->state >= WORKER_STOPPING)
                return;
        worker->is_asked = true;
        begin_stop(worker, SIGTERM, now);
        worker_escalate(worker, now);
}

void worker_kill(struct worker *worker)
{
        worker->is_asked = true;
        begin_stop(worker, SIGKILL, 0);
        worker_escalate(worker, 0);
}

void worker_fail(struct worker *worker, const char *reason)
{
        if (worker->state >= WORKER_STOPPING)
                return;
        worker->fault = reason;
        begin_stop(worker, SIGKILL, 0);
        worker_escalate(worker, 0);
}

uint64_t worker_escalate(struct worker *worker, uint64_t now)
{
        if (worker->state != WORKER_STOPPING || worker->next_signal == 0)
                return 0;
        if (now < worker->signal_at)
                return worker->signal_at;
        if (worker->next_signal == SIGKILL && worker->closed)
                worker->fault = worker->closed;
        signal_group(worker, worker->next_signal);
        worker->next_signal = worker->next_signal == SIGTERM ? SIGKILL : 0;
        worker->signal_at = now + worker->options->terminate_timeout;
        return worker->next_signal ? worker->signal_at : 0;
}

void worker_send(struct worker *worker, struct request *request, uint64_t now)
{
        TAILQ_INSERT_TAIL(&worker->requests, request, place);
        request->state = REQUEST_SENT;
        request->worker = worker;
        request->sent = now;
        if (worker->state == WORKER_IDLE)
                worker_set_state(worker, WORKER_BUSY);
        output_forget_tail(&worker->err, request->serial);
        if (channel_send(&worker->channel, request) < 0)
                worker_fail(worker, "there was no memory to send it the request");
}

static struct request *find_request(const struct worker *worker, uint64_t serial)
{
        struct request *request = TAILQ_FIRST(&worker->requests);

        while (request && request->serial != serial)
                request = TAILQ_NEXT(request, place);
        return request;
}

static void on_answered(void *userdata, const struct channel_answer *from)
{
        struct worker *worker = userdata;
        struct request *request = find_request(worker, from->serial);
        struct rpc_answer answer;

        if (worker->state == WORKER_STARTING || !request) {
                worker_fail(worker, "it answered a request that it does not have");
                return;
        }
        rpc_answer_init(&answer, worker->around->buffers);
        reply_translate(from, &answer);
        TAILQ_REMOVE(&worker->requests, request, place);
        request->worker = NULL;
        worker->served++;
        worker->events->answered(worker->pool, worker, request, &answer);
        rpc_answer_clear(&answer);
}

static void on_broken(void *userdata, const char *reason)
{
        worker_fail(userdata, reason);
}

/* It ends by itself, or else is made to: a thread of it may live on for ever. */
static void leave_soon(struct worker *worker)
{
        if (worker->state >= WORKER_STOPPING)
                return;
        begin_stop(worker, SIGKILL, units_now() + LEAVE_GRACE);
        worker->events->leaving(worker->pool, worker);
}

/* A process that exits closes its pipes first: only one that stays is at fault. */
static void on_closed(void *userdata, const char *reason)
{
        struct worker *worker = userdata;

        if (worker->state >= WORKER_STOPPING)
                return;
        worker->closed = reason;
        leave_soon(worker);
}

static const struct channel_events channel_events = {on_answered, on_broken, on_closed};

static const char *string_of(struct json_object *line, const char *key)
{
        struct json_object *value = NULL;

        json_object_object_get_ex(line, key, &value);
        return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

static void become_ready(struct worker *worker, struct json_object *line)
{
        struct json_object *methods = NULL;

        if (worker->state != WORKER_STARTING)
                return;
        json_object_object_get_ex(line, "methods", &methods);
        worker->methods = json_object_get(methods);
        worker->ready = worker->idle_since = units_now();
        worker_set_state(worker, WORKER_IDLE);
        worker->events->ready(worker->pool, worker);
}

/* While it starts this is why it fails, which its pool tells; later there is only the log. */
static void take_exception(struct worker *worker, struct json_object *line)
{
        if (worker->ready == 0) {
                json_object_put(worker->start_error);
                worker->start_error = json_object_get(line);
                leave_soon(worker);
        } else {
                log_error(&worker->context, "%s: %s\n%s", string_of(line, "exception"),
                          string_of(line, "message"), string_of(line, "traceback"));
        }
}

static void on_status(void *userdata, struct json_object *line)
{
        struct worker *worker = userdata;
        const char *type = string_of(line, "type"), *message = string_of(line, "message");

        if (strcmp(type, "log") == 0) {
                int level = log_level_from_name(string_of(line, "level"));
                log_at(level < 0 ? LOG_INFO : level, &worker->context, "%s", message);
        } else if (strcmp(type, "exception") == 0) {
                take_exception(worker, line);
        } else if (strcmp(type, "status") == 0 && strcmp(message, "ready") == 0) {
                become_ready(worker, line);
        }
}

static const struct report_events report_events = {on_status, on_broken};

static void log_output(struct worker *worker, int level, uint64_t serial, const char *text,
                       size_t length)
{
        struct log_context context = worker->context;

        context.request = serial;
        log_text(level, &context, text, length);
}

static void on_out_line(void *userdata, uint64_t serial, const char *text, size_t length)
{
        log_output(userdata, LOG_INFO, serial, text, length);
}

static void on_err_line(void *userdata, uint64_t serial, const char *text, size_t length)
{
        log_output(userdata, LOG_WARNING, serial, text, length);
}

static void on_fed(struct feed *feed, int result, void *userdata)
{
        struct worker *worker = userdata;

        (void)result; /* a reader that went away is about to exit, and tells why */
        if (worker->bootstrap == feed)
                worker->bootstrap = feed_free(feed);
        else
                worker->program = feed_free(feed);
}

static void on_exit_seen(evutil_socket_t fd, short what, void *userdata)
{
        struct worker *worker = userdata;
        siginfo_t info = {0};

        (void)what;
        if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
                return;
        event_del(worker->exit_event);
        signal_group(worker, SIGKILL);
        /* Stopping from here on: an answer that lies in the pipe must not bring it a new request.
         */
        begin_stop(worker, 0, 0);
        channel_drain(&worker->channel);
        report_drain(&worker->report);
        output_drain(&worker->out);
        output_drain(&worker->err);
        waitid(P_PIDFD, (id_t)fd, &info, WEXITED);
        worker->exit_code = info.si_code;
        worker->exit_status = info.si_status;
        worker_set_state(worker, WORKER_DEAD);
        worker->events->exited(worker->pool, worker);
}

static int attach(struct worker *worker, struct spawned *process)
{
        const struct worker_surroundings *around = worker->around;
        const struct program_text *program = worker->options->text;
        size_t length;
        const char *secondary = spawn_secondary(&length);
        int r = channel_init(&worker->channel, around->base, around->turn, around->buffers,
                             steal_fd(&process->pipe_in), steal_fd(&process->pipe_out),
                             around->max_response_size, &channel_events, worker);

        if (r == 0)
                r = report_init(&worker->report, around->base, around->buffers,
                                steal_fd(&process->status_in), &report_events, worker);
        if (r == 0)
                r = output_init(&worker->out, around->base, steal_fd(&process->out), on_out_line,
                                worker);
        if (r == 0)
                r = output_init(&worker->err, around->base, steal_fd(&process->err), on_err_line,
                                worker);
        if (r == 0)
                r = feed_new(around->base, steal_fd(&process->bootstrap_in), secondary, length,
                             on_fed, worker, &worker->bootstrap);
        if (r == 0)
                r = feed_new(around->base, steal_fd(&process->program_in), program->data,
                             program->length, on_fed, worker, &worker->program);
        if (r < 0)
                return r;
        worker->exit_event =
                event_new(around->base, worker->pidfd, EV_READ | EV_PERSIST, on_exit_seen, worker);
        return worker->exit_event && event_add(worker->exit_event, NULL) == 0 ? 0 : -ENOMEM;
}

static void bury(struct turn_task *grave)
{
        worker_free(CONTAINER_OF(grave, struct worker, grave));
}

static struct worker *allocate(const struct worker_surroundings *around,
                               struct program_options *options, unsigned slot,
                               struct worker_lists *lists)
{
        struct worker *worker = calloc(1, sizeof(*worker));

        if (!worker)
                return NULL;
        worker->around = around;
        worker->options = program_options_ref(options);
        worker->slot = slot;
        worker->lists = lists;
        worker->pidfd = -1;
        worker->channel.in_fd = worker->channel.out_fd = -1;
        worker->report.fd = worker->out.fd = worker->err.fd = -1;
        worker->grave.run = bury;
        TAILQ_INIT(&worker->requests);
        TAILQ_INSERT_TAIL(&lists->list[WORKER_STARTING], worker, link);
        lists->count[WORKER_STARTING]++;
        return worker;
}

static int spawn(struct worker *worker, struct spawned *process, char error[SPAWN_ERROR_MAX])
{
        const struct program_options *options = worker->options;
        struct spawn_options spawn_options = {
                .python = options->python,
                .arguments = (const char *const *)options->arguments,
                .environment = (const char *const *)options->environment,
                .working_directory = options->working_directory,
                .umask = options->umask,
                .nice = options->nice,
                .files_limit = &worker->around->files_limit,
        };
        int r = spawn_process(&spawn_options, process, error);

        if (r < 0)
                return r;
        worker->pid = process->pid;
        worker->pidfd = steal_fd(&process->pidfd);
        worker->context = (struct log_context){
                .program_set = options->program_set,
                .program = options->name,
                .pid = worker->pid,
                .slot = (int)worker->slot,
        };
        return 0;
}

int worker_new(const struct worker_surroundings *around, struct program_options *options,
               unsigned slot, struct worker_lists *lists, const struct worker_events *events,
               void *pool, uint64_t now, struct worker **ret, char error[SPAWN_ERROR_MAX])
{
        struct spawned process;
        struct worker *worker = allocate(around, options, slot, lists);

        snprintf(error, SPAWN_ERROR_MAX, "out of memory");
        if (!worker)
                return -ENOMEM;
        worker->events = events;
        worker->pool = pool;
        worker->started = now;
        int r = spawn(worker, &process, error);
        if (r == 0) {
                r = attach(worker, &process);
                spawned_close(&process);
        }
        if (r < 0) {
                worker_free(worker);
                return r;
        }
        log_debug(&worker->context, "started");
        *ret = worker;
        return 0;
}

struct worker *worker_free(struct worker *worker)
{
        if (!worker)
                return NULL;
        if (worker->state != WORKER_DEAD && worker->pid > 0) {
                signal_group(worker, SIGKILL);
                waitid(P_PIDFD, (id_t)worker->pidfd, &(siginfo_t){0}, WEXITED);
        }
        turn_forget(&worker->grave);
        TAILQ_REMOVE(&worker->lists->list[worker->state], worker, link);
        worker->lists->count[worker->state]--;
        if (worker->exit_event)
                event_free(worker->exit_event);
        close_fd(worker->pidfd);
        feed_free(worker->bootstrap);
        feed_free(worker->program);
        channel_clear(&worker->channel);
        report_clear(&worker->report);
        output_clear(&worker->out);
        output_clear(&worker->err);
        json_object_put(worker->methods);
        json_object_put(worker->start_error);
        program_options_unref(worker->options);
        free(worker);
        return NULL;
}
