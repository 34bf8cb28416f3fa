/* SPDX-License-Identifier: MIT */
#include "process_spawn.h"

#include "cgroups.h"
#include "common/cleanup.h"
#include "extra_files.h"
#include "process_environment.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <json-c/json.h>

/* What a process is spawned with; what is only good for this one start comes on top. */
static struct spawn_options options_of(const struct process *process,
                                       const struct extra_file *extra_files, cpu_set_t *cpus)
{
        const struct program_options *options = process->options;

        return (struct spawn_options){
                .python = options->python,
                .arguments = (const char *const *)options->arguments,
                .working_directory = options->working_directory,
                .extra_files = extra_files,
                .n_extra_files = extra_files_count(options->extra_files),
                .umask = options->umask,
                .nice = options->nice,
                .is_batch = options->sched_batch,
                .cpus = cpus_of_slot(&options->cpu_affinity, process->context.slot, cpus) ? cpus
                                                                                          : NULL,
                .files_limit = &process->around->files_limit,
                .limits = &options->limits,
                .cgroup = process->cgroup ? &process->cgroup->fd : NULL,
                .identity = options->is_other_user ? &options->identity : NULL,
        };
}

/* Whether the program has as many tasks as it may have: that says more than the kernel does, which,
 * too, refuses only those that are born there. */
static bool is_full(const struct process *process, char error[SPAWN_ERROR_MAX])
{
        unsigned limit = process->options->tasks_max;
        uint64_t tasks;

        if (limit == 0 || !process->cgroup ||
            cgroup_read(process->cgroup, "pids.current", &tasks) < 0 || tasks < limit)
                return false;
        snprintf(error, SPAWN_ERROR_MAX,
                 "cannot make a process: the program has %" PRIu64
                 " processes and threads, and tasks_max is %u",
                 tasks, limit);
        return true;
}

void process_forget_outcome(struct process *process)
{
        if (process->outcome_event)
                event_free(steal(process->outcome_event));
        process->outcome = close_fd(process->outcome);
}

static void set_start_error(struct process *process, const char *message)
{
        if (process->start_error)
                return;
        process->start_error = json_object_new_object();
        json_object_object_add(process->start_error, "message", json_object_new_string(message));
}

void process_take_outcome(struct process *process)
{
        char error[SPAWN_ERROR_MAX];
        int r = 0;

        if (process->outcome < 0)
                return;
        _cleanup_free_ struct extra_file *extra_files =
                extra_files_to_spawn(process->options->extra_files);
        cpu_set_t cpus;
        const struct spawn_options options = options_of(process, extra_files, &cpus);
        if (extra_files)
                r = spawn_outcome(&options, process->outcome, error);
        if (r > 0)
                return;
        if (r == -EAGAIN)
                is_full(process, error);
        if (r < 0)
                set_start_error(process, error);
        process_forget_outcome(process);
}

static void on_outcome(evutil_socket_t fd, short what, void *userdata)
{
        (void)fd;
        (void)what;
        process_take_outcome(userdata);
}

static int watch_outcome(struct process *process, int outcome)
{
        if (outcome < 0)
                return 0;
        process->outcome = outcome;
        process->outcome_event = event_new(process->around->base, outcome, EV_READ | EV_PERSIST,
                                           on_outcome, process);
        return process->outcome_event && event_add(process->outcome_event, NULL) == 0 ? 0 : -ENOMEM;
}

int process_spawn(struct process *process, const int *page_fds, int control_fd,
                  struct spawned *ends, char error[SPAWN_ERROR_MAX])
{
        const struct program_options *options = process->options;
        _cleanup_free_ char **environment =
                process_environment_new(options, process->context.slot, process->number);
        _cleanup_free_ struct extra_file *extra_files = extra_files_to_spawn(options->extra_files);
        cpu_set_t cpus;
        struct spawn_options spawn_options = options_of(process, extra_files, &cpus);
        int r;

        snprintf(error, SPAWN_ERROR_MAX, "out of memory");
        if (!environment || !extra_files)
                return -ENOMEM;
        spawn_options.environment = (const char *const *)environment;
        spawn_options.page_fds = page_fds;
        if (control_fd >= 0)
                extra_files[spawn_options.n_extra_files++].fd = control_fd;
        r = is_full(process, error) ? -EAGAIN : spawn_process(&spawn_options, ends, error);
        if (r == -EAGAIN)
                is_full(process, error);
        if (r < 0)
                return r;
        snprintf(error, SPAWN_ERROR_MAX, "out of memory");
        r = process_born(process, ends->pid, steal_fd(&ends->pidfd));
        if (r == 0)
                r = watch_outcome(process, steal_fd(&ends->outcome));
        return r == 0 ? process_attach(process, ends) : r;
}
