/* SPDX-License-Identifier: MIT */
#include "spawn.h"

#include "builtin.h"
#include "child.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
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
#define PIPE_SIZE_WANTED (1 << 20)

/* The child's numbers from 1 on, and where the daemon's end of each pipe goes. */
static const struct channel {
        size_t daemon_end; /* its place in struct spawned */
        bool child_reads;
        bool large;
} channels[SPAWN_FD_COUNTERS] = {
        [STDOUT_FILENO] = {offsetof(struct spawned, out), false, false},
        [STDERR_FILENO] = {offsetof(struct spawned, err), false, false},
        [SPAWN_FD_PIPE_IN] = {offsetof(struct spawned, pipe_in), true, true},
        [SPAWN_FD_PIPE_OUT] = {offsetof(struct spawned, pipe_out), false, true},
        [SPAWN_FD_STATUS_IN] = {offsetof(struct spawned, status_in), false, false},
        [SPAWN_FD_BOOTSTRAP] = {offsetof(struct spawned, bootstrap_in), true, false},
        [SPAWN_FD_PROGRAM] = {offsetof(struct spawned, program_in), true, false},
};

/* What is prepared for one child. */
struct preparation {
        int *descriptors; /* duplicates for the child, all numbers above those it will use */
        int count;
        int report[2];
        char *primary;
        char (*numbers)[12];
        const char **arguments;
};

static void preparation_clear(struct preparation *preparation)
{
        for (int i = 0; preparation->descriptors && i < preparation->count; i++)
                close_fd(preparation->descriptors[i]);
        free(preparation->descriptors);
        close_fd(preparation->report[0]);
        close_fd(preparation->report[1]);
        free(preparation->primary);
        free(preparation->numbers);
        free(preparation->arguments);
}

_printf_(3, 4) static int fail(char error[static SPAWN_ERROR_MAX], int r, const char *format, ...)
{
        va_list arguments;
        size_t length;

        va_start(arguments, format);
        vsnprintf(error, SPAWN_ERROR_MAX, format, arguments);
        va_end(arguments);
        length = strlen(error);
        snprintf(error + length, SPAWN_ERROR_MAX - length, ": %s", strerror(-r));
        return r;
}

/* Moves a descriptor to a number that is not below floor. */
static int move_up(int *fd, int floor)
{
        int higher;

        if (*fd >= floor)
                return 0;
        higher = fcntl(*fd, F_DUPFD_CLOEXEC, floor);
        if (higher < 0)
                return -errno;
        close(*fd);
        *fd = higher;
        return 0;
}

static int make_pipe(const struct channel *channel, int floor, int *child_end, int *daemon_end)
{
        int ends[2], flags;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        *child_end = ends[channel->child_reads ? 0 : 1];
        *daemon_end = ends[channel->child_reads ? 1 : 0];
        flags = fcntl(*daemon_end, F_GETFL);
        if (flags < 0 || fcntl(*daemon_end, F_SETFL, flags | O_NONBLOCK) < 0)
                return -errno;
        if (channel->large) /* refused when the user has many pipes: it works as it is */
                fcntl(*daemon_end, F_SETPIPE_SZ, PIPE_SIZE_WANTED);
        return move_up(child_end, floor);
}

int spawn_pipes(struct spawned *ret, int theirs[static SPAWN_PIPES], char error[SPAWN_ERROR_MAX])
{
        static const int numbers[SPAWN_PIPES] = {
                SPAWN_FD_PIPE_IN, SPAWN_FD_PIPE_OUT, SPAWN_FD_STATUS_IN,
                STDOUT_FILENO,    STDERR_FILENO,
        };
        int r = 0;

        for (size_t i = 0; i < SPAWN_PIPES; i++)
                theirs[i] = -1;
        for (size_t i = 0; r == 0 && i < SPAWN_PIPES; i++) {
                const struct channel *channel = &channels[numbers[i]];

                r = make_pipe(channel, 0, &theirs[i], (int *)((char *)ret + channel->daemon_end));
        }
        return r < 0 ? fail(error, r, "cannot make the pipes") : 0;
}

static int prepare_report(struct preparation *preparation)
{
        if (pipe2(preparation->report, O_CLOEXEC) < 0) {
                preparation->report[0] = preparation->report[1] = -1;
                return -errno;
        }
        return move_up(&preparation->report[1], preparation->count + 1);
}

/* One that the child gets from its caller, at its number. */
static int pass_on(struct preparation *preparation, int fd, int number,
                   char error[static SPAWN_ERROR_MAX])
{
        int duplicate = fcntl(fd, F_DUPFD_CLOEXEC, preparation->count);

        if (duplicate < 0)
                return fail(error, -errno, "cannot pass on descriptor %d", fd);
        preparation->descriptors[number] = duplicate;
        return 0;
}

/* What the child opens itself has /dev/null in its place until then. */
static int pass_all_on(struct preparation *preparation, const struct spawn_options *options,
                       char error[static SPAWN_ERROR_MAX])
{
        int null = preparation->descriptors[STDIN_FILENO], r = 0;

        for (int i = SPAWN_FD_COUNTERS; r == 0 && i < SPAWN_FD_EXTRA; i++)
                r = pass_on(preparation,
                            options->page_fds ? options->page_fds[i - SPAWN_FD_COUNTERS] : null, i,
                            error);
        for (size_t i = 0; r == 0 && i < options->n_extra_files; i++) {
                const struct extra_file *file = &options->extra_files[i];

                r = pass_on(preparation, file->path ? null : file->fd, SPAWN_FD_EXTRA + (int)i,
                            error);
        }
        return r;
}

/* Its user may open them once more then, by names like /dev/stderr. Where the daemon may not do
 * this, all else works as it is. */
static void give_away(const int *child, const struct identity *identity)
{
        for (int i = STDOUT_FILENO; i <= STDERR_FILENO; i++)
                (void)!fchown(child[i], identity->uid, identity->gid);
}

static int prepare_descriptors(struct preparation *preparation, const struct spawn_options *options,
                               struct spawned *spawned, char error[static SPAWN_ERROR_MAX])
{
        int floor = SPAWN_FD_EXTRA + (int)options->n_extra_files;
        int *child = calloc((size_t)floor, sizeof(*child));
        int r;

        if (!child)
                return fail(error, -ENOMEM, "cannot prepare the process");
        for (int i = 0; i < floor; i++)
                child[i] = -1;
        preparation->descriptors = child;
        preparation->count = floor;

        child[STDIN_FILENO] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        r = child[STDIN_FILENO] < 0 ? -errno : move_up(&child[STDIN_FILENO], floor);
        if (r < 0)
                return fail(error, r, "cannot open /dev/null");
        for (int i = STDOUT_FILENO; i < SPAWN_FD_COUNTERS; i++) {
                r = make_pipe(&channels[i], floor, &child[i],
                              (int *)((char *)spawned + channels[i].daemon_end));
                if (r < 0)
                        return fail(error, r, "cannot make the pipes");
        }
        r = pass_all_on(preparation, options, error);
        if (r < 0)
                return r;
        if (options->identity)
                give_away(child, options->identity);
        r = prepare_report(preparation);
        return r < 0 ? fail(error, r, "cannot make the pipes") : 0;
}

/* The first stage with the number of the bootstrap pipe in it, which is shorter than the mark. */
static char *primary_text(void)
{
        const char *from = builtin_primary, *mark;
        char *text = malloc(builtin_primary_length + 1), *out = text;

        if (!text)
                return NULL;
        while ((mark = strstr(from, BUILTIN_PRIMARY_FD))) {
                out = mempcpy(out, from, (size_t)(mark - from));
                out += sprintf(out, "%d", SPAWN_FD_BOOTSTRAP);
                from = mark + strlen(BUILTIN_PRIMARY_FD);
        }
        strcpy(out, from);
        return text;
}

static int prepare_arguments(struct preparation *preparation, const struct spawn_options *options)
{
        size_t n_program = 0, n_extra = options->n_extra_files, at = 0;

        while (options->arguments && options->arguments[n_program])
                n_program++;
        preparation->primary = primary_text();
        preparation->numbers = calloc(n_extra + 2, sizeof(*preparation->numbers));
        preparation->arguments = calloc(n_extra + n_program + 7, sizeof(*preparation->arguments));
        if (!preparation->primary || !preparation->numbers || !preparation->arguments)
                return -ENOMEM;

        snprintf(preparation->numbers[0], sizeof(*preparation->numbers), "%d", SPAWN_FD_BOOTSTRAP);
        snprintf(preparation->numbers[1], sizeof(*preparation->numbers), "%zu", n_extra);
        for (size_t i = 0; i < n_extra; i++)
                snprintf(preparation->numbers[i + 2], sizeof(*preparation->numbers), "%d",
                         SPAWN_FD_EXTRA + (int)i);

        preparation->arguments[at++] = options->python;
        preparation->arguments[at++] = "-u";
        preparation->arguments[at++] = "-c";
        preparation->arguments[at++] = preparation->primary;
        for (size_t i = 0; i < n_extra + 2; i++)
                preparation->arguments[at++] = preparation->numbers[i];
        for (size_t i = 0; i < n_program; i++)
                preparation->arguments[at++] = options->arguments[i];
        return 0;
}

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

static int report_failure(const struct spawn_options *options, const struct child_report *report,
                          char error[static SPAWN_ERROR_MAX])
{
        switch (report->step) {
        case CHILD_EXECUTE:
                return fail(error, -report->error, "cannot execute %.180s", options->python);
        case CHILD_WORKING_DIRECTORY:
                return fail(error, -report->error, "cannot change to folder %.180s",
                            options->working_directory);
        case CHILD_EXTRA_FILES:
                return fail(error, -report->error, "cannot open %.180s",
                            options->extra_files[report->number].path);
        case CHILD_NICE:
                return fail(error, -report->error, "cannot set nice to %d", options->nice);
        case CHILD_LIMITS:
                return fail(error, -report->error, "cannot set the limit %s",
                            limit_kinds[report->number].name);
        case CHILD_GROUPS:
                return fail(error, -report->error, "cannot change to the group %u",
                            (unsigned)options->identity->gid);
        case CHILD_USER:
                return fail(error, -report->error, "cannot change to the user %u",
                            (unsigned)options->identity->uid);
        case CHILD_FILES_LIMIT:
                return fail(error, -report->error, "cannot set the limit of open files");
        case CHILD_CGROUP:
                return fail(error, -report->error, "cannot enter the control group");
        case CHILD_DESCRIPTORS:
                return fail(error, -report->error, "cannot set up the descriptors");
        case CHILD_PROCESS_GROUP:
                return fail(error, -report->error, "cannot make a process group");
        case CHILD_PRIVILEGES:
                return fail(error, -report->error, "cannot give up new privileges");
        case CHILD_PARENT_DEATH:
                return fail(error, -report->error, "cannot ask for the parent-death signal");
        }
        return fail(error, -report->error, "cannot start the process");
}

int spawn_outcome(const struct spawn_options *options, int fd, char error[SPAWN_ERROR_MAX])
{
        struct child_report report;
        ssize_t n;

        do
                n = read(fd, &report, sizeof(report));
        while (n < 0 && errno == EINTR);
        if (n == 0) /* exec has closed it */
                return 0;
        if (n < 0 && errno == EAGAIN)
                return 1;
        if (n != sizeof(report))
                return fail(error, n < 0 ? -errno : -EIO, "cannot start the process");
        return report_failure(options, &report, error);
}

/* Whoever shares the daemon's memory executes Python, or has failed to, by the time the daemon goes
 * on. Others are not waited for: their user may stop them, or it takes its time to move them to a
 * control group. They may be signalled as a group from now on. */
static int see_outcome(struct preparation *preparation, const struct spawn_options *options,
                       struct spawned *spawned, char error[static SPAWN_ERROR_MAX])
{
        preparation->report[1] = close_fd(preparation->report[1]);
        if (shares_memory(options))
                return spawn_outcome(options, preparation->report[0], error);
        if (fcntl(preparation->report[0], F_SETFL, O_NONBLOCK) < 0)
                return fail(error, -errno, "cannot start the process");
        setpgid(spawned->pid, spawned->pid);
        spawned->outcome = steal_fd(&preparation->report[0]);
        return 0;
}

static int run_child(struct preparation *preparation, const struct spawn_options *options,
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
                .descriptors = preparation->descriptors,
                .count = preparation->count,
                .extra_files = options->extra_files,
                .n_extra_files = (int)options->n_extra_files,
                .report = preparation->report[1],
        };
        int r;

        r = start_child(&plan, options, spawned);
        if (r < 0)
                return fail(error, r, "cannot make a process");
        r = see_outcome(preparation, options, spawned, error);
        if (r >= 0 && spawned->pidfd < 0) /* before Linux 5.2 */
                r = fail(error, -ENOSYS, "cannot open a pidfd");
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
        _cleanup_(preparation_clear) struct preparation preparation = {.report = {-1, -1}};
        _cleanup_(spawned_close) struct spawned spawned = SPAWNED_NONE;
        int r;

        *ret = spawned;
        if (options->python[0] != '/') {
                snprintf(error, SPAWN_ERROR_MAX, "cannot execute %.180s: the path is not absolute",
                         options->python);
                return -EINVAL;
        }
        if (prepare_arguments(&preparation, options) < 0)
                return fail(error, -ENOMEM, "cannot prepare the process");
        r = prepare_descriptors(&preparation, options, &spawned, error);
        if (r < 0)
                return r;
        r = run_child(&preparation, options, &spawned, error);
        if (r < 0)
                return r;
        *ret = spawned;
        spawned = (struct spawned)SPAWNED_NONE;
        return 0;
}

void spawned_close(struct spawned *spawned)
{
        int *ends[] = {&spawned->pidfd,        &spawned->pipe_in,    &spawned->pipe_out,
                       &spawned->status_in,    &spawned->out,        &spawned->err,
                       &spawned->bootstrap_in, &spawned->program_in, &spawned->outcome};

        for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
                *ends[i] = close_fd(*ends[i]);
}

const char *spawn_secondary(size_t *ret_length)
{
        *ret_length = builtin_secondary_length;
        return builtin_secondary;
}
