/* SPDX-License-Identifier: MIT */
#include "process.h"

#include "cgroups.h"
#include "children.h"
#include "common/cleanup.h"
#include "common/units.h"
#include "process_messages.h"
#include "process_spawn.h"

#include <errno.h>
#include <event2/event.h>
#include <json-c/json.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define LEAVE_GRACE (1 * USEC_PER_SEC) /* for a process that is on its way out */

static void signal_group(const struct process *process, int signal)
{
        if (process->pid > 0 && kill(-process->pid, signal) < 0 && errno != ESRCH)
                log_warning(&process->context, "cannot send %s to it: %m", strsignal(signal));
}

void process_expect_end(struct process *process, int signal, uint64_t when)
{
        if (process->has_exited)
                return;
        process->next_signal = signal;
        process->signal_at = when;
        if (process->is_ending)
                return;
        process->is_ending = true;
        process->waits_for_debugger = false;
        process->events->ending(process->owner);
}

void process_terminate(struct process *process, uint64_t now)
{
        if (process->is_ending)
                return;
        process->is_asked = true;
        process_expect_end(process, SIGTERM, now);
        process_escalate(process, now);
}

void process_kill(struct process *process)
{
        process->is_asked = true;
        process_expect_end(process, SIGKILL, 0);
        process_escalate(process, 0);
}

void process_nudge(const struct process *process, int signal)
{
        if (process->pid > 0 && !process->has_exited)
                tgkill(process->pid, process->pid, signal);
}

void process_fail(struct process *process, const char *reason)
{
        if (process->is_ending)
                return;
        process->fault = reason;
        process_expect_end(process, SIGKILL, 0);
        process_escalate(process, 0);
}

void process_leave_soon(struct process *process)
{
        if (process->is_ending)
                return;
        process_expect_end(process, SIGKILL, units_now() + LEAVE_GRACE);
        process->events->leaving(process->owner);
}

void process_closed(struct process *process, const char *reason)
{
        if (process->is_ending)
                return;
        process->closed = reason;
        process_leave_soon(process);
}

uint64_t process_escalate(struct process *process, uint64_t now)
{
        if (process->has_exited || process->pid == 0 || process->next_signal == 0)
                return 0;
        if (now < process->signal_at)
                return process->signal_at;
        if (process->next_signal == SIGKILL && process->closed)
                process->fault = process->closed;
        process->last_signal = process->next_signal;
        signal_group(process, process->next_signal);
        process->next_signal = process->next_signal == SIGTERM ? SIGKILL : 0;
        process->signal_at = now + process->options->terminate_timeout;
        return process->next_signal ? process->signal_at : 0;
}

bool process_was_killed(const struct process *process)
{
        return process->last_signal == SIGKILL && process->exit_code != CLD_EXITED &&
               process->exit_status == SIGKILL;
}

static void on_fed(struct feed *feed, int result, void *userdata)
{
        struct process *process = userdata;

        (void)result; /* a reader that went away is about to exit, and tells why */
        if (process->bootstrap == feed)
                process->bootstrap = feed_free(feed);
        else
                process->program = feed_free(feed);
}

/* Only one that was killed, and not by the daemon, can have been killed for memory. */
static void see_memory(struct process *process)
{
        bool may_be = process->exit_code == CLD_KILLED && process->exit_status == SIGKILL &&
                      !process_was_killed(process);

        process->out_of_memory = OOM_NO;
        if (!may_be)
                return;
        /* The count of its own group has nobody else's kills. */
        if (process->cgroup)
                process->out_of_memory = oom_ask(&process->cgroup->oom);
        if (!process->cgroup || process->out_of_memory == OOM_UNKNOWN)
                process->out_of_memory = oom_ask(process->around->oom);
}

static void on_exit_seen(evutil_socket_t fd, short what, void *userdata)
{
        struct process *process = userdata;
        siginfo_t info = {0};

        (void)what;
        if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
                return;
        event_del(process->exit_event);
        signal_group(process, SIGKILL);
        /* Ending from here on: an answer that lies in the pipe must not bring it a new request. */
        process_expect_end(process, 0, 0);
        process->events->drain(process->owner);
        report_drain(&process->report);
        output_drain(&process->out);
        output_drain(&process->err);
        process_take_outcome(process);
        waitid(P_PIDFD, (id_t)fd, &info, WEXITED);
        process->exit_code = info.si_code;
        process->exit_status = info.si_status;
        process->has_exited = true;
        see_memory(process);
        children_remove(process->around->children, process->pid, process->options->name);
        process->events->exited(process->owner);
}

void process_init(struct process *process, const struct surroundings *around,
                  const struct program_options *options, int slot,
                  const struct process_events *events, void *owner, uint64_t now)
{
        *process = (struct process){
                .events = events,
                .owner = owner,
                .around = around,
                .options = options,
                .number = ++around->children->last_number,
                .context = {.program_set = options->program_set,
                            .program = options->name,
                            .slot = slot},
                .pidfd = -1,
                .outcome = -1,
                .cgroup = cgroups_find(around->cgroups, options->name),
                .report.fd = -1,
                .out.fd = -1,
                .err.fd = -1,
                .started = now,
        };
}

/* The texts that its two bootstrap stages read. */
static int feed_texts(struct process *process, struct spawned *ends)
{
        const struct program_text *program = process->options->text;
        struct event_base *base = process->around->base;
        size_t length;
        const char *secondary = spawn_secondary(&length);
        int r = 0;

        if (ends->bootstrap_in >= 0)
                r = feed_new(base, steal_fd(&ends->bootstrap_in), secondary, length, on_fed,
                             process, &process->bootstrap);
        if (r == 0 && ends->program_in >= 0)
                r = feed_new(base, steal_fd(&ends->program_in), program->data, program->length,
                             on_fed, process, &process->program);
        return r;
}

int process_attach(struct process *process, struct spawned *ends)
{
        const struct surroundings *around = process->around;
        int r = report_init(&process->report, around->base, around->buffers,
                            steal_fd(&ends->status_in), &process_report_events, process);

        if (r == 0)
                r = output_init(&process->out, around->base, steal_fd(&ends->out), LOG_INFO,
                                process_on_out, process);
        if (r == 0)
                r = output_init(&process->err, around->base, steal_fd(&ends->err), LOG_WARNING,
                                process_on_err, process);
        return r == 0 ? feed_texts(process, ends) : r;
}

int process_born(struct process *process, pid_t pid, int pidfd)
{
        process->pid = process->context.pid = pid;
        process->pidfd = pidfd;
        if (children_add(process->around->children, pid, process->number) < 0)
                return -ENOMEM;
        process->exit_event = event_new(process->around->base, pidfd, EV_READ | EV_PERSIST,
                                        on_exit_seen, process);
        if (!process->exit_event || event_add(process->exit_event, NULL) < 0)
                return -ENOMEM;
        log_debug(&process->context, "started");
        process_escalate(process, units_now());
        return 0;
}

void process_stillborn(struct process *process, struct json_object *error)
{
        if (error) {
                json_object_put(process->start_error);
                process->start_error = error;
        }
        if (!process->fault)
                process->fault = process->closed;
        process_expect_end(process, 0, 0);
        process->exit_code = CLD_KILLED;
        process->exit_status = SIGKILL;
        process->has_exited = true;
        process->events->exited(process->owner);
}

void process_clear(struct process *process)
{
        if (process->pid > 0 && !process->has_exited) {
                signal_group(process, SIGKILL);
                waitid(P_PIDFD, (id_t)process->pidfd, &(siginfo_t){0}, WEXITED);
                children_remove(process->around->children, process->pid, process->options->name);
        }
        process_forget_outcome(process);
        if (process->exit_event)
                event_free(steal(process->exit_event));
        process->pidfd = close_fd(process->pidfd);
        process->bootstrap = feed_free(process->bootstrap);
        process->program = feed_free(process->program);
        report_clear(&process->report);
        output_clear(&process->out);
        output_clear(&process->err);
        json_object_put(steal(process->start_error));
        free(steal(process->stack));
}
