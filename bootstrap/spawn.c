/* SPDX-License-Identifier: MIT */
#include "spawn.h"

#include "builtin.h"
#include "child.h"
#include "common/cleanup.h"
#include "spawn_error.h"
#include "spawn_preparation.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef __has_feature
#define __has_feature(feature) 0
#endif

/* As vfork(2): a daemon with a large heap does not copy its page tables. A sanitizer keeps books in
 * the memory that would be shared, and needs a copy. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
        __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) ||                     \
        __has_feature(thread_sanitizer)
#define SHARE_MEMORY 0
#else
#define SHARE_MEMORY (CLONE_VM | CLONE_VFORK)
#endif

#define CHILD_STACK_SIZE 32768

static int child_main(void *userdata)
{
        child_run(userdata);
}

/* The child is born in the control group: to move it there takes the kernel ten times as long.
 * False: this kernel, or a filter of system calls, does not have it, so there is no child yet. */
static bool clone_into(struct child_plan *plan, int cgroup, struct spawned *spawned)
{
        struct clone_args arguments = {
                .flags = CLONE_PIDFD | CLONE_INTO_CGROUP,
                .pidfd = (uintptr_t)&spawned->pidfd,
                .exit_signal = SIGCHLD,
                .cgroup = (uint64_t)cgroup,
        };
        long pid = syscall(SYS_clone3, &arguments, sizeof(arguments));

        if (pid == 0)
                child_run(plan);
        spawned->pid = (pid_t)pid;
        return pid > 0 || (errno != ENOSYS && errno != EINVAL && errno != E2BIG && errno != EPERM);
}

/* Not a child that takes on another user, who may send it signals from then on, SIGSTOP too; nor
 * one that goes into a control group. */
static bool shares_memory(const struct spawn_options *options)
{
        return !options->identity && !options->cgroup;
}

/* Signals are blocked meanwhile: no handler of the daemon's may run in the child. A sanitizer must
 * leave the child's stack where it stands, within the daemon's. */
__attribute__((no_sanitize_address)) static int
start_child(struct child_plan *plan, const struct spawn_options *options, struct spawned *spawned)
{
        _Alignas(16) char stack[CHILD_STACK_SIZE];
        int flags = shares_memory(options) ? SHARE_MEMORY : 0, error;
        sigset_t all, before;

        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, &before);
        if (!options->cgroup || !clone_into(plan, *options->cgroup, spawned)) {
                plan->cgroup = options->cgroup;
                spawned->pid = clone(child_main, stack + sizeof(stack),
                                     flags | CLONE_PIDFD | SIGCHLD, plan, &spawned->pidfd);
        }
        error = errno;
        sigprocmask(SIG_SETMASK, &before, NULL);
        return spawned->pid < 0 ? -error : 0;
}

/* Whoever shares the daemon's memory executes Python, or has failed to, by the time the daemon goes
 * on. Others are not waited for: their user may stop them, or it takes its time to move them to a
 * control group. They may be signalled as a group from now on. */
static int see_outcome(struct spawn_preparation *preparation, const struct spawn_options *options,
                       struct spawned *spawned, char error[static SPAWN_ERROR_MAX])
{
        preparation->report[1] = close_fd(preparation->report[1]);
        if (shares_memory(options))
                return spawn_outcome(options, preparation->report[0], error);
        if (fcntl(preparation->report[0], F_SETFL, O_NONBLOCK) < 0)
                return spawn_fail(error, -errno, "cannot start the process");
        setpgid(spawned->pid, spawned->pid);
        spawned->outcome = steal_fd(&preparation->report[0]);
        return 0;
}

static int run_child(struct spawn_preparation *preparation, const struct spawn_options *options,
                     struct spawned *spawned, char error[static SPAWN_ERROR_MAX])
{
        static const char *const no_environment[] = {NULL};
        const char *const *environment =
                options->environment ? options->environment : no_environment;
        struct child_plan plan = {
                .executable = options->python,
                .arguments = (char *const *)preparation->arguments,
                .environment = (char *const *)environment,
                .working_directory = options->working_directory,
                .files_limit = options->files_limit,
                .limits = options->limits,
                .identity = options->identity,
                .parent = getpid(),
                .umask = options->umask,
                .nice = options->nice,
                .is_batch = options->is_batch,
                .cpus = options->cpus,
                .descriptors = preparation->descriptors,
                .count = preparation->count,
                .extra_files = options->extra_files,
                .n_extra_files = (int)options->n_extra_files,
                .report = preparation->report[1],
        };
        int r;

        r = start_child(&plan, options, spawned);
        if (r < 0)
                return spawn_fail(error, r, "cannot make a process");
        r = see_outcome(preparation, options, spawned, error);
        if (r >= 0 && spawned->pidfd < 0) /* before Linux 5.2 */
                r = spawn_fail(error, -ENOSYS, "cannot open a pidfd");
        if (r >= 0)
                return 0;
        kill(spawned->pid, SIGKILL);
        while (waitpid(spawned->pid, NULL, 0) < 0 && errno == EINTR)
                ;
        return r;
}

int spawn_process(const struct spawn_options *options, struct spawned *ret,
                  char error[SPAWN_ERROR_MAX])
{
        _cleanup_(spawn_preparation_clear) struct spawn_preparation preparation =
                SPAWN_PREPARATION_NONE;
        _cleanup_(spawned_close) struct spawned spawned = SPAWNED_NONE;
        int r;

        *ret = spawned;
        if (options->python[0] != '/') {
                snprintf(error, SPAWN_ERROR_MAX, "cannot execute %.180s: the path is not absolute",
                         options->python);
                return -EINVAL;
        }
        r = spawn_prepare(&preparation, options, &spawned, error);
        if (r < 0)
                return r;
        r = run_child(&preparation, options, &spawned, error);
        if (r < 0)
                return r;
        *ret = spawned;
        spawned = (struct spawned)SPAWNED_NONE;
        return 0;
}

const char *spawn_secondary(size_t *ret_length)
{
        *ret_length = builtin_secondary_length;
        return builtin_secondary;
}
