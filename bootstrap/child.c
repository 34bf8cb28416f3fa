/* SPDX-License-Identifier: MIT */
#include "child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* What stands in /proc/self/fd, or -1: nothing else that starts with a digit does. */
static int descriptor_number(const char *name)
{
        int number = 0;

        if (*name < '0' || *name > '9')
                return -1;
        for (; *name; name++)
                number = number * 10 + (*name - '0');
        return number;
}

static int close_listed(int first)
{
        _Alignas(struct dirent64) char entries[2048];
        int folder = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ssize_t n;

        if (folder < 0)
                return -1;
        while ((n = getdents64(folder, entries, sizeof(entries))) > 0) {
                for (ssize_t at = 0; at < n;) {
                        const struct dirent64 *entry = (const void *)(entries + at);
                        int fd = descriptor_number(entry->d_name);

                        if (fd >= first && fd != folder)
                                close(fd);
                        at += entry->d_reclen;
                }
        }
        close(folder);
        return n < 0 ? -1 : 0;
}

/* Closes every descriptor from first on, whoever opened it: close_range is refused by old kernels
 * and by some sandboxes, /proc is not mounted everywhere. */
static void close_from(int first)
{
        struct rlimit limit = {.rlim_max = RLIM_INFINITY};

        if (syscall(SYS_close_range, (unsigned)first, ~0U, 0U) == 0 || close_listed(first) == 0)
                return;
        getrlimit(RLIMIT_NOFILE, &limit);
        for (int fd = first; fd < (1 << 20) && (rlim_t)fd < limit.rlim_max; fd++)
                close(fd);
}

/* Only what the plan lists stays open, and the report until exec. */
static int arrange_descriptors(const struct child_plan *plan)
{
        for (int i = 0; i < plan->count; i++) {
                if (dup2(plan->descriptors[i], i) < 0)
                        return -1;
        }
        if (dup3(plan->report, plan->count, O_CLOEXEC) < 0)
                return -1;
        close_from(plan->count + 1);
        return 0;
}

/*
 * Dispositions that the daemon changed, then its mask: in this order, since no handler of the
 * daemon's may run here. sigaction(3) would refuse the two signals that the C library keeps to
 * itself, and which its posix_spawn(3) leaves ignored in all that it starts (make uses it).
 */
static void reset_signals(void)
{
        static const unsigned char defaults[64]; /* the kernel's struct: SIG_DFL is 0 */
        sigset_t none;

        for (int signal = 1; signal < NSIG; signal++)
                syscall(SYS_rt_sigaction, signal, defaults, NULL, (NSIG - 1) / 8);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The kernel kills the child when its parent ends; if that has happened by now, there is nobody
 * to be told. */
static int bind_to_parent(pid_t parent)
{
        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
                return -1;
        if (getppid() != parent)
                _exit(127);
        return 0;
}

/* The number in a file; INT_MAX if there is none. */
static int read_count(int folder, const char *file)
{
        char text[16];
        int fd = openat(folder, file, O_RDONLY | O_CLOEXEC), count = 0;
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

        if (fd >= 0)
                close(fd);
        if (n <= 0 || text[0] < '0' || text[0] > '9')
                return INT_MAX;
        for (ssize_t i = 0; i < n && text[i] >= '0' && text[i] <= '9'; i++)
                count = count * 10 + (text[i] - '0');
        return count;
}

/* The kernel moves whoever writes 0. It lets in more than pids.max, which only a fork there would
 * be refused for; so whoever is one too many has to go. */
static int enter_cgroup(int folder)
{
        int fd = openat(folder, "cgroup.procs", O_WRONLY | O_CLOEXEC);

        if (fd < 0 || write(fd, "0", 1) < 0)
                return -1;
        close(fd);
        int most = read_count(folder, "pids.max");
        if (most == INT_MAX || read_count(folder, "pids.current") <= most)
                return 0;
        errno = EAGAIN;
        return -1;
}

/* -1, or the one that could not be opened. */
static int open_extra_files(const struct child_plan *plan)
{
        for (int i = 0; i < plan->n_extra_files; i++)
                if (plan->extra_files[i].path &&
                    extra_file_open(&plan->extra_files[i], plan->count - plan->n_extra_files + i) <
                            0)
                        return i;
        return -1;
}

/* Returns only if a step fails: that step, with errno. */
static enum child_step run_steps(const struct child_plan *plan, int *number)
{
        if (plan->cgroup && enter_cgroup(*plan->cgroup) < 0)
                return CHILD_CGROUP;
        if (setpgid(0, 0) < 0)
                return CHILD_PROCESS_GROUP;
        if (arrange_descriptors(plan) < 0)
                return CHILD_DESCRIPTORS;
        if (plan->files_limit && setrlimit(RLIMIT_NOFILE, plan->files_limit) < 0)
                return CHILD_FILES_LIMIT;
        if (plan->limits && (*number = limits_apply(plan->limits)) >= 0)
                return CHILD_LIMITS;
        if (plan->nice != 0 && setpriority(PRIO_PROCESS, 0, plan->nice) < 0)
                return CHILD_NICE;
        if (plan->is_batch && sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0}) < 0)
                return CHILD_SCHEDULING;
        if (plan->cpus && sched_setaffinity(0, sizeof(*plan->cpus), plan->cpus) < 0)
                return CHILD_CPUS;
        if (plan->identity && identity_take_groups(plan->identity) < 0)
                return CHILD_GROUPS;
        if (plan->identity && identity_take_user(plan->identity) < 0)
                return CHILD_USER;
        if (plan->working_directory && chdir(plan->working_directory) < 0)
                return CHILD_WORKING_DIRECTORY;
        if (plan->umask >= 0)
                umask((mode_t)plan->umask);
        if ((*number = open_extra_files(plan)) >= 0)
                return CHILD_EXTRA_FILES;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return CHILD_PRIVILEGES;
        /* after the change of user, which would undo it */
        if (bind_to_parent(plan->parent) < 0)
                return CHILD_PARENT_DEATH;
        reset_signals();
        execve(plan->executable, plan->arguments, plan->environment);
        return CHILD_EXECUTE;
}

void child_run(const struct child_plan *plan)
{
        struct child_report report = {0};
        int fd;

        report.step = run_steps(plan, &report.number);
        report.error = errno;
        fd = report.step > CHILD_DESCRIPTORS ? plan->count : plan->report;
        while (write(fd, &report, sizeof(report)) < 0 && errno == EINTR)
                ;
        _exit(127);
}
