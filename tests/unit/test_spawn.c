/* SPDX-License-Identifier: MIT */
/*
 * Real Python processes tell what they find: the second stage is a text of the test, which the real
 * first stage reads from the bootstrap pipe. Whatever is started here ends by itself: its pipes
 * end, its parent does, or its alarm rings.
 */
#include "bootstrap/spawn.h"

#include "bootstrap/child.h"
#include "common/cleanup.h"

#include "fixture_cgroup.h"
#include "suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#define PYTHON      "/usr/bin/python3"
#define DEADLINE_MS 60000 /* only a failing test gets here */

static const char *const environment[] = {"PATH=/usr/bin:/bin", "GREETING=h\xC3\xA9", NULL};
static char error[SPAWN_ERROR_MAX];

/* Tells what the process finds, as one JSON object on stdout. The bootstrap pipe is left out: the
 * first stage closes it when it has read all. */
static const char report_script[] =
        "import json, os, resource, sys\n"
        "def is_open(fd):\n"
        "    try:\n"
        "        return os.fstat(fd)\n"
        "    except OSError:\n"
        "        return False\n"
        "status = dict(line.split(':\\t', 1) for line in open('/proc/self/status'))\n"
        "report = dict(\n"
        "    fds=[fd for fd in range(2000) if fd != 6 and is_open(fd)],\n"
        "    argv=sys.argv, environ=dict(os.environ), cwd=os.getcwd(),\n"
        "    command=[os.fsdecode(a) for a in\n"
        "             open('/proc/self/cmdline', 'rb').read().split(b'\\0')[:-1]],\n"
        "    pid=os.getpid(), group=os.getpgid(0), parent=os.getppid(),\n"
        "    umask=os.umask(0), nice=os.getpriority(os.PRIO_PROCESS, 0),\n"
        "    files=list(resource.getrlimit(resource.RLIMIT_NOFILE)),\n"
        "    stdin=os.readlink('/proc/self/fd/0'), inheritable=[\n"
        "        os.get_inheritable(fd) and os.get_blocking(fd) for fd in (3, 4, 5)],\n"
        "    ignored=int(status['SigIgn'], 16), blocked=int(status['SigBlk'], 16),\n"
        "    no_new_privs=int(status['NoNewPrivs']))\n"
        "print(json.dumps(report))\n";

/* What reads to the end of a pipe gives up at the deadline. */
static const char *read_to_end(int fd)
{
        static char text[65536];
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        size_t length = 0;
        ssize_t n;

        do {
                ck_assert_int_eq(poll(&ready, 1, DEADLINE_MS), 1);
                n = read(fd, text + length, sizeof(text) - 1 - length);
                ck_assert_int_ge(n, 0);
                length += (size_t)n;
        } while (n > 0);
        text[length] = '\0';
        return text;
}

static void write_and_close(int *fd, const char *text)
{
        ck_assert_int_eq(write(*fd, text, strlen(text)), (ssize_t)strlen(text));
        *fd = close_fd(*fd);
}

/* It keeps a limit of open files of its own, and never sets the real one. */
static bool on_valgrind(void)
{
        const char *preloaded = getenv("LD_PRELOAD");

        return preloaded && strstr(preloaded, "vgpreload_");
}

static struct spawn_options default_options(void)
{
        return (struct spawn_options){.python = PYTHON, .environment = environment, .umask = -1};
}

/* Spawns a process and waits for what its way to Python comes to; one that has not come there is
 * reaped. */
static int spawn_and_wait(const struct spawn_options *options, struct spawned *spawned)
{
        int r = spawn_process(options, spawned, error);
        struct pollfd outcome = {.fd = spawned->outcome, .events = POLLIN};

        if (r < 0 || spawned->outcome < 0)
                return r;
        r = poll(&outcome, 1, DEADLINE_MS) == 1 ? spawn_outcome(options, spawned->outcome, error)
                                                : -ETIMEDOUT;
        if (r != 0) {
                waitpid(spawned->pid, NULL, 0);
                spawned_close(spawned);
        }
        return r;
}

static struct spawned spawn(const struct spawn_options *options, const char *script)
{
        struct spawned spawned;
        int r = spawn_and_wait(options, &spawned);

        ck_assert_msg(r == 0, "%d: %s", r, error);
        if (script)
                write_and_close(&spawned.bootstrap_in, script);
        return spawned;
}

/* Waits for the end and gives the exit status, -SIGNAL if it was killed. */
static int finish(struct spawned *spawned)
{
        struct pollfd ended = {.fd = spawned->pidfd, .events = POLLIN};
        int status;

        ck_assert_int_eq(poll(&ended, 1, DEADLINE_MS), 1);
        ck_assert_int_eq(waitpid(spawned->pid, &status, 0), spawned->pid);
        spawned_close(spawned);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static struct json_object *run_report(const struct spawn_options *options)
{
        struct spawned spawned = spawn(options, report_script);
        const char *text = read_to_end(spawned.out);
        struct json_object *report = json_tokener_parse(text);

        ck_assert_msg(report != NULL, "%s%s", text, read_to_end(spawned.err));
        ck_assert_int_eq(json_object_get_int(json_object_object_get(report, "pid")), spawned.pid);
        ck_assert_int_eq(finish(&spawned), 0);
        return report;
}

static int number_of(struct json_object *report, const char *name)
{
        return json_object_get_int(json_object_object_get(report, name));
}

static const char *json_of(struct json_object *report, const char *name)
{
        return json_object_to_json_string_ext(json_object_object_get(report, name),
                                              JSON_C_TO_STRING_PLAIN |
                                                      JSON_C_TO_STRING_NOSLASHESCAPE);
}

static int count_fds(void)
{
        int count = 0;

        for (int fd = 0; fd < 4096; fd++)
                count += fcntl(fd, F_GETFD) >= 0;
        return count;
}

/* For tests that would take the test runner's own descriptors away: in a process of their own. */
static void in_process(void (*function)(void))
{
        pid_t pid = fork();
        int status;

        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                function();
                _exit(0);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_msg(status == 0, "the process ended with wait status 0x%x", (unsigned)status);
}

#define must(condition)                                                                            \
        do {                                                                                       \
                if (!(condition)) {                                                                \
                        dprintf(STDERR_FILENO, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, \
                                error);                                                            \
                        _exit(1);                                                                  \
                }                                                                                  \
        } while (0)

START_TEST(the_process_finds_what_was_promised)
{
        static const char *const arguments[] = {"--fast", "two words", "", NULL};
        struct spawn_options options = default_options();
        struct json_object *report, *command;

        options.arguments = arguments;
        options.working_directory = "/usr";
        report = run_report(&options);
        ck_assert_str_eq(json_of(report, "argv"),
                         "[\"-c\",\"6\",\"0\",\"--fast\",\"two words\",\"\"]");
        command = json_object_object_get(report, "command");
        ck_assert_str_eq(json_object_get_string(json_object_array_get_idx(command, 0)), PYTHON);
        ck_assert_str_eq(json_object_get_string(json_object_array_get_idx(command, 1)), "-u");
        ck_assert_str_eq(json_object_get_string(json_object_array_get_idx(command, 2)), "-c");
        ck_assert_str_eq(json_of(report, "cwd"), "\"/usr\"");
        ck_assert_str_eq(json_of(report, "fds"), "[0,1,2,3,4,5,7,8,9]");
        ck_assert_str_eq(json_of(report, "inheritable"), "[true,true,true]");
        ck_assert_str_eq(json_of(report, "stdin"), "\"/dev/null\"");
        ck_assert_int_eq(number_of(report, "group"), number_of(report, "pid"));
        ck_assert_int_eq(number_of(report, "parent"), getpid());
        ck_assert_int_eq(number_of(report, "no_new_privs"), 1);
        json_object_put(report);
}
END_TEST

START_TEST(the_environment_is_the_given_one)
{
        struct spawn_options options = default_options();
        struct json_object *report, *environ_found;

        setenv("LEAKED", "1", 1);
        report = run_report(&options);
        environ_found = json_object_object_get(report, "environ");
        ck_assert_str_eq(json_object_get_string(json_object_object_get(environ_found, "PATH")),
                         "/usr/bin:/bin");
        ck_assert_str_eq(json_object_get_string(json_object_object_get(environ_found, "GREETING")),
                         "h\xC3\xA9");
        ck_assert(!json_object_object_get_ex(environ_found, "LEAKED", NULL));
        json_object_put(report);
        options.environment = NULL;
        report = run_report(&options);
        environ_found = json_object_object_get(report, "environ");
        ck_assert(!json_object_object_get_ex(environ_found, "LEAKED", NULL));
        ck_assert(!json_object_object_get_ex(environ_found, "PATH", NULL));
        json_object_put(report);
}
END_TEST

START_TEST(attributes_are_set_if_asked_for)
{
        struct spawn_options options = default_options();
        struct json_object *report;
        int nice_before = getpriority(PRIO_PROCESS, 0);

        umask(022);
        report = run_report(&options);
        ck_assert_int_eq(number_of(report, "umask"), 022);
        ck_assert_int_eq(number_of(report, "nice"), nice_before);
        json_object_put(report);

        options.umask = 0;
        options.nice = 7;
        report = run_report(&options);
        ck_assert_int_eq(number_of(report, "umask"), 0);
        ck_assert_int_eq(number_of(report, "nice"), 7);
        json_object_put(report);
}
END_TEST

START_TEST(the_limit_of_open_files_is_the_given_one)
{
        struct spawn_options options = default_options();
        struct rlimit limit;
        struct json_object *report;
        char expected[64];

        ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
        snprintf(expected, sizeof(expected), "[%lld,%lld]", (long long)limit.rlim_cur,
                 (long long)limit.rlim_max);
        report = run_report(&options);
        ck_assert_str_eq(json_of(report, "files"), expected);
        json_object_put(report);

        limit.rlim_cur = 123;
        options.files_limit = &limit;
        snprintf(expected, sizeof(expected), "[123,%lld]", (long long)limit.rlim_max);
        report = run_report(&options);
        ck_assert_str_eq(json_of(report, "files"), expected);
        json_object_put(report);
}
END_TEST

/* What becomes of a child's identity and limits; and who may look at it, or be told by its death.
 */
static const char identity_script[] =
        "import ctypes, json, os, resource\n"
        "status = dict(line.split(':\\t', 1) for line in open('/proc/self/status'))\n"
        "death = ctypes.c_int()\n"
        "ctypes.CDLL(None).prctl(2, ctypes.byref(death), 0, 0, 0)\n"
        "print(json.dumps(dict(\n"
        "    pid=os.getpid(), uids=os.getresuid(), gids=os.getresgid(), groups=os.getgroups(),\n"
        "    capabilities=[int(status[name], 16) for name in\n"
        "                  ('CapInh', 'CapPrm', 'CapEff', 'CapAmb')],\n"
        "    death=death.value, proc=os.stat('/proc/self/mem').st_uid,\n"
        "    files=resource.getrlimit(resource.RLIMIT_NOFILE),\n"
        "    core=resource.getrlimit(resource.RLIMIT_CORE),\n"
        "    nice=os.getpriority(os.PRIO_PROCESS, 0), cwd=os.getcwd(),\n"
        "    stderr=open('/dev/stderr', 'w').write('again'))))\n";

static struct json_object *run_identity_report(const struct spawn_options *options)
{
        struct spawned spawned = spawn(options, identity_script);
        const char *text = read_to_end(spawned.out);
        struct json_object *report = json_tokener_parse(text);

        ck_assert_msg(report != NULL, "%s%s", text, read_to_end(spawned.err));
        ck_assert_int_eq(finish(&spawned), 0);
        return report;
}

START_TEST(the_child_is_who_it_should_be)
{
        const struct identity identity = {54321, 54322, (gid_t[]){54333, 54322}, 2};
        struct spawn_options options = default_options();
        struct json_object *report;

        if (geteuid() != 0)
                return; /* only root can become another */
        options.identity = &identity;
        options.nice = -1;
        options.working_directory = "/usr";
        report = run_identity_report(&options);
        ck_assert_str_eq(json_of(report, "uids"), "[54321,54321,54321]");
        ck_assert_str_eq(json_of(report, "gids"), "[54322,54322,54322]");
        ck_assert_str_eq(json_of(report, "groups"), "[54322,54333]");
        ck_assert_str_eq(json_of(report, "capabilities"), "[0,0,0,0]");
        ck_assert_int_eq(number_of(report, "death"), SIGKILL);
        ck_assert_int_eq(number_of(report, "proc"), 54321);
        ck_assert_int_eq(number_of(report, "nice"), -1);
        ck_assert_str_eq(json_of(report, "cwd"), "\"/usr\"");
        ck_assert_uint_eq(geteuid(), 0); /* the test's own is as it was */
        json_object_put(report);
}
END_TEST

START_TEST(the_limits_are_the_given_ones)
{
        struct rlimit files_limit = {200, 300};
        struct limits limits = {.is_set[RLIMIT_CORE] = true};
        struct spawn_options options = default_options();
        struct json_object *report;

        options.files_limit = &files_limit;
        options.limits = &limits;
        report = run_identity_report(&options);
        ck_assert_str_eq(json_of(report, "core"), "[0,0]");
        ck_assert_str_eq(json_of(report, "files"), "[200,300]");
        json_object_put(report);
        limits.is_set[RLIMIT_NOFILE] = true;
        limits.at[RLIMIT_NOFILE] = (struct rlimit){100, 150};
        report = run_identity_report(&options);
        ck_assert_str_eq(json_of(report, "files"), "[100,150]");
        json_object_put(report);
}
END_TEST

/* The user that cannot go there, not root, is the one who goes. */
START_TEST(the_folder_is_entered_as_that_user)
{
        const struct identity identity = {54321, 54322, (gid_t[]){54322}, 1};
        char folder[] = "/tmp/test_spawn.XXXXXX";
        struct spawn_options options = default_options();
        struct spawned spawned;
        char expected[SPAWN_ERROR_MAX];

        if (geteuid() != 0)
                return;
        ck_assert_ptr_nonnull(mkdtemp(folder));
        options.identity = &identity;
        options.working_directory = folder;
        ck_assert_int_eq(spawn_and_wait(&options, &spawned), -EACCES);
        snprintf(expected, sizeof(expected), "cannot change to folder %s: Permission denied",
                 folder);
        ck_assert_str_eq(error, expected);
        ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

/* It may take its time, be it since its user stops it on its way to Python, be it in the kernel.
 * That used to hold up the daemon, for five seconds at most; then the process was given up. Here it
 * has to wait for somebody who takes what it writes to its control group. */
START_TEST(nobody_waits_for_a_process_that_shares_no_memory)
{
        char folder[] = "/tmp/test_spawn.XXXXXX", path[64];
        struct spawn_options options = default_options();
        struct spawned spawned;

        ck_assert_ptr_nonnull(mkdtemp(folder));
        snprintf(path, sizeof(path), "%s/cgroup.procs", folder);
        ck_assert_int_eq(mkfifo(path, 0600), 0);
        _cleanup_close_ int group = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_ge(group, 0);
        forbid_clone3();
        options.cgroup = &group;
        ck_assert_int_eq(spawn_process(&options, &spawned, error), 0);
        ck_assert_int_eq(spawn_outcome(&options, spawned.outcome, error), 1);
        ck_assert_int_eq(getpgid(spawned.pid), spawned.pid); /* it can be killed with its group */
        _cleanup_close_ int reader = open(path, O_RDONLY | O_CLOEXEC);
        struct pollfd outcome = {.fd = spawned.outcome, .events = POLLIN};
        ck_assert_int_eq(poll(&outcome, 1, DEADLINE_MS), 1);
        ck_assert_int_eq(spawn_outcome(&options, spawned.outcome, error), 0);
        ck_assert_str_eq(read_to_end(reader), "0");
        write_and_close(&spawned.bootstrap_in, "");
        ck_assert_int_eq(finish(&spawned), 0);
        unlink(path);
        rmdir(folder);
}
END_TEST

static void without_privileges(void)
{
        const struct identity identity = {54321, 54322, (gid_t[]){54322}, 1};
        const struct limits limits = {.is_set[RLIMIT_NPROC] = true,
                                      .at[RLIMIT_NPROC] = {RLIM_INFINITY, RLIM_INFINITY}};
        struct spawn_options options = default_options();
        struct spawned spawned;

        must(setrlimit(RLIMIT_NPROC, &(struct rlimit){4000, 4000}) == 0);
        must(setresgid(54320, 54320, 54320) == 0 && setresuid(54320, 54320, 54320) == 0);
        options.identity = &identity;
        must(spawn_and_wait(&options, &spawned) == -EPERM);
        must(strcmp(error, "cannot change to the group 54322: Operation not permitted") == 0);
        options.limits = &limits;
        must(spawn_and_wait(&options, &spawned) == -EPERM);
        must(strcmp(error, "cannot set the limit nproc: Operation not permitted") == 0);
}

START_TEST(the_step_that_is_refused_is_told)
{
        if (geteuid() == 0 && !on_valgrind())
                in_process(without_privileges);
}
END_TEST

static void on_signal(int signal)
{
        (void)signal;
}

START_TEST(signals_are_at_their_defaults)
{
        /* Python itself ignores these two when it starts. */
        const uint64_t by_python = 1ULL << (SIGPIPE - 1) | 1ULL << (SIGXFSZ - 1);
        struct spawn_options options = default_options();
        struct json_object *report;
        sigset_t blocked, now;

        sigemptyset(&blocked);
        sigaddset(&blocked, SIGTERM);
        sigaddset(&blocked, SIGUSR2);
        sigprocmask(SIG_BLOCK, &blocked, NULL);
        signal(SIGTERM, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
        signal(SIGRTMIN + 3, SIG_IGN);
        signal(SIGUSR1, on_signal);
        report = run_report(&options);
        ck_assert_uint_eq(
                json_object_get_uint64(json_object_object_get(report, "ignored")) & ~by_python, 0);
        ck_assert_int_eq(number_of(report, "blocked"), 0);
        json_object_put(report);

        /* The daemon's own are as they were. */
        sigprocmask(SIG_SETMASK, NULL, &now);
        ck_assert_int_eq(sigismember(&now, SIGUSR2), 1);
        ck_assert_int_eq(sigismember(&now, SIGUSR1), 0);
        ck_assert(signal(SIGUSR1, SIG_DFL) == on_signal);
        ck_assert(signal(SIGHUP, SIG_DFL) == SIG_IGN);
        signal(SIGTERM, SIG_DFL);
        signal(SIGRTMIN + 3, SIG_DFL);
        sigprocmask(SIG_UNBLOCK, &blocked, NULL);
}
END_TEST

/* Takes a line from each pipe and gives it back by the other. */
static const char pipes_script[] =
        "import os, sys\n"
        "assert os.read(0, 1) == b'', 'stdin is not empty'\n"
        "status = os.fdopen(5, 'w')\n"
        "with os.fdopen(3) as pipe_in, os.fdopen(4, 'w') as pipe_out, os.fdopen(7) as program:\n"
        "    print('program', program.read(), 'extra', [os.read(fd, 9).decode()\n"
        "          for fd in map(int, sys.argv[3:3 + int(sys.argv[2])])], file=status)\n"
        "    pipe_out.write('got ' + pipe_in.read())\n"
        "print('to stderr', file=sys.stderr)\n";

START_TEST(the_pipes_are_where_they_should_be)
{
        struct spawn_options options = default_options();
        struct spawned spawned = spawn(&options, pipes_script);
        const int ends[] = {spawned.pipe_in, spawned.pipe_out,   spawned.status_in,
                            spawned.out,     spawned.program_in, spawned.err};

        for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
                ck_assert(fcntl(ends[i], F_GETFL) & O_NONBLOCK);
                ck_assert_int_eq(fcntl(ends[i], F_GETFD), FD_CLOEXEC);
        }
        ck_assert_int_eq(fcntl(spawned.pidfd, F_GETFD), FD_CLOEXEC);
        write_and_close(&spawned.program_in, "PROGRAM");
        write_and_close(&spawned.pipe_in, "this");
        ck_assert_str_eq(read_to_end(spawned.status_in), "program PROGRAM extra []\n");
        ck_assert_str_eq(read_to_end(spawned.pipe_out), "got this");
        ck_assert_str_eq(read_to_end(spawned.err), "to stderr\n");
        ck_assert_str_eq(read_to_end(spawned.out), "");
        ck_assert_int_eq(finish(&spawned), 0);
}
END_TEST

static int file_of(const char *text)
{
        int fd = memfd_create("extra", 0);

        must(fd >= 0 && write(fd, text, strlen(text)) > 0 && lseek(fd, 0, SEEK_SET) == 0);
        return fd;
}

/* Reads one line, however it comes. */
static bool reads_line(int fd, const char *expected)
{
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        char line[256];
        size_t length = 0;

        do {
                if (poll(&ready, 1, DEADLINE_MS) != 1 || read(fd, line + length, 1) != 1)
                        return false;
        } while (line[length++] != '\n');
        line[length] = '\0';
        snprintf(error, sizeof(error), "%s", line);
        return strcmp(line, expected) == 0;
}

static void must_work_with(const int *extra_fds, size_t n_extra_fds, const char *expected)
{
        struct extra_file extra_files[8];
        struct spawn_options options = default_options();
        struct spawned spawned;
        int status;

        for (size_t i = 0; i < n_extra_fds; i++)
                extra_files[i] = (struct extra_file){.fd = extra_fds[i]};
        options.extra_files = extra_files;
        options.n_extra_files = n_extra_fds;
        must(spawn_process(&options, &spawned, error) == 0);
        must(write(spawned.bootstrap_in, pipes_script, strlen(pipes_script)) > 0);
        must(write(spawned.program_in, "P", 1) == 1 && write(spawned.pipe_in, "x\n", 2) == 2);
        spawned.bootstrap_in = close_fd(spawned.bootstrap_in);
        spawned.program_in = close_fd(spawned.program_in);
        spawned.pipe_in = close_fd(spawned.pipe_in);
        must(reads_line(spawned.status_in, expected));
        must(reads_line(spawned.pipe_out, "got x\n"));
        must(waitpid(spawned.pid, &status, 0) == spawned.pid && status == 0);
        spawned_close(&spawned);
}

static void low_numbers_are_free(void)
{
        for (int fd = 3; fd < 1024; fd++)
                close(fd);
        close(STDIN_FILENO);
        close(STDOUT_FILENO);
        must_work_with(NULL, 0, "program P extra []\n");
        must(fcntl(STDIN_FILENO, F_GETFD) < 0); /* nothing of it stayed open */
        must(fcntl(3, F_GETFD) < 0);
}

START_TEST(the_daemons_ends_may_have_the_childs_numbers)
{
        in_process(low_numbers_are_free);
}
END_TEST

static void extras_have_the_childs_numbers(void)
{
        int extra_fds[3];

        for (int fd = 3; fd < 1024; fd++)
                close(fd);
        for (size_t i = 0; i < ARRAY_SIZE(extra_fds); i++) {
                extra_fds[i] = file_of((const char *[]){"one", "two", "three"}[i]);
                must(extra_fds[i] == (int)i + 3);
        }
        must_work_with(extra_fds, 3, "program P extra ['one', 'two', 'three']\n");
        for (size_t i = 0; i < ARRAY_SIZE(extra_fds); i++)
                must(lseek(extra_fds[i], 0, SEEK_SET) == 0);
        must_work_with((int[]){5, 3, 4, 3}, 4, "program P extra ['three', 'one', 'two', '']\n");
        for (size_t i = 0; i < ARRAY_SIZE(extra_fds); i++)
                must(lseek(extra_fds[i], 0, SEEK_SET) == 0);
        must(dup2(3, 9) == 9 && dup2(4, 8) == 8 && close(5) == 0);
        must_work_with((int[]){9, 8}, 2, "program P extra ['one', 'two']\n");
}

START_TEST(extra_descriptors_may_have_the_childs_numbers)
{
        in_process(extras_have_the_childs_numbers);
}
END_TEST

/* The child opens those that have a path, among those that it is given. */
static void extras_are_opened(void)
{
        char path[] = "/tmp/jumpboot-spawn-XXXXXX", made[64];
        struct spawn_options options = default_options();
        struct extra_file extra_files[] = {
                {.path = path, .flags = O_RDONLY},
                {.fd = file_of("one")},
                {.path = made, .flags = O_WRONLY | O_APPEND | O_CREAT, .permissions = 0640},
        };
        static const char script[] =
                "import os, sys, fcntl\n"
                "count = int(sys.argv[2])\n"
                "fds = [int(fd) for fd in sys.argv[3:3 + count]]\n"
                "texts = [os.read(fd, 9).decode() for fd in fds[:2]]\n"
                "os.write(fds[2], b'more')\n"
                "blocks = [os.get_blocking(fd) and os.get_inheritable(fd) for fd in fds]\n"
                "appends = fcntl.fcntl(fds[2], fcntl.F_GETFL) & os.O_APPEND != 0\n"
                "os.write(5, ('%s %s %s %o\\n' % (texts, blocks, appends,\n"
                "             os.fstat(fds[2]).st_mode)).encode())\n";
        struct spawned spawned;
        char text[8] = "";
        int status, fd = mkstemp(path);

        must(write(fd, "file", 4) == 4 && close(fd) == 0);
        snprintf(made, sizeof(made), "%s-made", path);
        options.umask = 027;
        options.extra_files = extra_files;
        options.n_extra_files = ARRAY_SIZE(extra_files);
        must(spawn_process(&options, &spawned, error) == 0);
        must(write(spawned.bootstrap_in, script, strlen(script)) > 0);
        spawned.bootstrap_in = close_fd(spawned.bootstrap_in);
        must(reads_line(spawned.status_in, "['file', 'one'] [True, True, True] True 100640\n"));
        must(waitpid(spawned.pid, &status, 0) == spawned.pid && status == 0);
        fd = open(made, O_RDONLY);
        must(fd >= 0 && read(fd, text, sizeof(text)) == 4 && strcmp(text, "more") == 0);
        must(unlink(path) == 0 && unlink(made) == 0);
        spawned_close(&spawned);
}

START_TEST(files_are_opened_by_the_process_itself)
{
        in_process(extras_are_opened);
}
END_TEST

static void many_extras_and_no_python(void)
{
        struct spawn_options options = default_options();
        struct spawned spawned;
        struct extra_file extra_files[40];

        for (int fd = 3; fd < 1024; fd++)
                close(fd);
        for (size_t i = 0; i < ARRAY_SIZE(extra_files); i++)
                extra_files[i] = (struct extra_file){.fd = STDERR_FILENO};
        options.extra_files = extra_files;
        options.n_extra_files = ARRAY_SIZE(extra_files);
        options.python = "/nonexistent/python3";
        must(spawn_process(&options, &spawned, error) == -ENOENT);
        must(fcntl(3, F_GETFD) < 0);
}

START_TEST(a_failure_is_told_past_any_extra_descriptors)
{
        in_process(many_extras_and_no_python);
}
END_TEST

enum sandbox { SANDBOX_NONE, SANDBOX_NO_CLOSE_RANGE, SANDBOX_NO_LISTING };
static enum sandbox sandbox;

/* Makes close_range(2), and then getdents64(2) too, fail as on a kernel without them. */
static void enter_sandbox(void)
{
        struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 2, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                         sandbox == SANDBOX_NO_LISTING ? SYS_getdents64 : SYS_close_range, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        };
        struct sock_fprog program = {.len = ARRAY_SIZE(filter), .filter = filter};

        must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0);
        must(syscall(SYS_close_range, 5000U, 5000U, 0U) < 0 && errno == ENOSYS);
}

/* A program that needs neither of the two calls to see what is open. The shell keeps its script
 * open as descriptor 10. */
static const char probe_script[] =
        "#!/bin/sh\n"
        "n=0\n"
        "while [ $n -lt 1000 ]; do\n"
        "        [ $n -eq 10 ] || ! [ -e /proc/self/fd/$n ] || printf '%s ' $n\n"
        "        n=$((n + 1))\n"
        "done\n"
        "echo\n";

static void leaked_descriptors_are_closed(void)
{
        struct spawn_options options = default_options();
        char path[] = "/tmp/test_spawn.XXXXXX";
        struct spawned spawned;
        int fd = mkstemp(path), status;

        must(fd >= 0 && write(fd, probe_script, strlen(probe_script)) > 0);
        must(fchmod(fd, 0755) == 0 && close(fd) == 0);
        for (int i = 10; i < 1000; i += 31) /* as a library would open them: without CLOEXEC */
                must(dup2(STDERR_FILENO, i) == i);
        if (sandbox != SANDBOX_NONE)
                enter_sandbox();
        options.python = path;
        must(spawn_process(&options, &spawned, error) == 0);
        must(reads_line(spawned.out, "0 1 2 3 4 5 6 7 8 9 \n"));
        must(unlink(path) == 0);
        must(waitpid(spawned.pid, &status, 0) == spawned.pid && status == 0);
        spawned_close(&spawned);
}

START_TEST(what_others_left_open_is_closed)
{
        sandbox = (enum sandbox)_i;
        in_process(leaked_descriptors_are_closed);
}
END_TEST

static const struct {
        struct spawn_options options;
        int result;
        const char *error;
} failures[] = {
        {{.python = "/nonexistent/python3"},
         -ENOENT,
         "cannot execute /nonexistent/python3: No such file or directory"},
        {{.python = "/etc/passwd"}, -EACCES, "cannot execute /etc/passwd: Permission denied"},
        {{.python = "/usr"}, -EACCES, "cannot execute /usr: Permission denied"},
        {{.python = "python3"}, -EINVAL, "cannot execute python3: the path is not absolute"},
        {{.python = PYTHON, .working_directory = "/nonexistent"},
         -ENOENT,
         "cannot change to folder /nonexistent: No such file or directory"},
        {{.python = PYTHON, .files_limit = &(const struct rlimit){20, 10}},
         -EINVAL,
         "cannot set the limit of open files: Invalid argument"},
        {{.python = PYTHON,
          .extra_files = (const struct extra_file[]){{.fd = 4095}},
          .n_extra_files = 1},
         -EBADF,
         "cannot pass on descriptor 4095: Bad file descriptor"},
        {{.python = PYTHON,
          .extra_files =
                  (const struct extra_file[]){{.path = "/dev/null"}, {.path = "/nonexistent/log"}},
          .n_extra_files = 2},
         -ENOENT,
         "cannot open /nonexistent/log: No such file or directory"},
};

START_TEST(a_failure_is_told_and_leaves_nothing)
{
        struct spawn_options options = failures[_i].options;
        struct spawned spawned;
        int before = count_fds();

        options.umask = -1;
        ck_assert_int_eq(spawn_process(&options, &spawned, error), failures[_i].result);
        ck_assert_str_eq(error, failures[_i].error);
        ck_assert_int_eq(count_fds(), before);
        ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
        ck_assert_int_eq(errno, ECHILD);
        spawned_close(&spawned); /* nothing is open in it */
        ck_assert_int_eq(count_fds(), before);
}
END_TEST

static void no_descriptors_left(void)
{
        struct spawn_options options = default_options();
        struct rlimit limit;
        struct spawned spawned;
        int before, r;

        for (int fd = 3; fd < 1024; fd++)
                close(fd);
        /* From "not even one" to "enough", each place where they run out is seen. */
        must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
        for (limit.rlim_cur = 3; limit.rlim_cur < 64; limit.rlim_cur++) {
                must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
                before = count_fds();
                r = spawn_process(&options, &spawned, error);
                if (r == 0)
                        break;
                must(r == -EMFILE || r == -EINVAL);
                must(strstr(error, "cannot make the pipes: ") ||
                     strstr(error, "cannot open /dev/null: ") ||
                     strstr(error, "cannot pass on descriptor ") ||
                     strstr(error, "cannot make a process: "));
                must(count_fds() == before);
        }
        must(limit.rlim_cur > 9 && limit.rlim_cur < 64);
        kill(spawned.pid, SIGKILL);
        waitpid(spawned.pid, NULL, 0);
        spawned_close(&spawned);
        must(count_fds() == before);
}

START_TEST(running_out_of_descriptors_leaves_nothing)
{
        in_process(no_descriptors_left);
}
END_TEST

START_TEST(large_pipes_are_taken_where_they_are_granted)
{
        struct spawn_options options = default_options();
        struct spawned spawned = spawn(&options, "");
        int ends[2], granted;

        ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
        granted = fcntl(ends[0], F_SETPIPE_SZ, 1 << 20);
        if (granted < 0)
                granted = fcntl(ends[0], F_GETPIPE_SZ);
        ck_assert_int_eq(fcntl(spawned.pipe_in, F_GETPIPE_SZ), granted);
        ck_assert_int_eq(fcntl(spawned.pipe_out, F_GETPIPE_SZ), granted);
        close(ends[0]);
        close(ends[1]);
        ck_assert_int_eq(finish(&spawned), 0);
}
END_TEST

/* Starts a process that takes no notice of its pipes and holds `life` open, and waits to be killed.
 */
static void be_a_parent(int life)
{
        static const char script[] = "import os, signal\n"
                                     "signal.alarm(60)\n"
                                     "os.write(10, b'ready\\n')\n"
                                     "signal.pause()\n";
        struct spawn_options options = default_options();
        struct spawned spawned;

        options.extra_files = &(struct extra_file){.fd = life};
        options.n_extra_files = 1;
        must(spawn_process(&options, &spawned, error) == 0);
        must(write(spawned.bootstrap_in, script, strlen(script)) > 0);
        close(spawned.bootstrap_in);
        signal(SIGALRM, SIG_DFL); /* the test runner's would end more than this process */
        alarm(60);
        pause();
}

START_TEST(the_process_ends_when_its_parent_is_killed)
{
        struct pollfd ended = {.events = POLLIN};
        int life[2];
        pid_t parent;

        ck_assert_int_eq(pipe2(life, O_CLOEXEC), 0);
        parent = fork();
        if (parent == 0) {
                be_a_parent(life[1]);
                _exit(1);
        }
        close(life[1]);
        ck_assert(reads_line(life[0], "ready\n"));
        ended.fd = life[0];
        ck_assert_int_eq(poll(&ended, 1, 0), 0);
        kill(parent, SIGKILL);
        ck_assert_int_eq(waitpid(parent, NULL, 0), parent);
        ck_assert_int_eq(poll(&ended, 1, 30000), 1); /* the alarm would come later */
        ck_assert_int_eq(ended.revents, POLLHUP);
        close(life[0]);
}
END_TEST

/* The parent-death signal comes too late if the parent ended before it was asked for. */
START_TEST(a_child_whose_parent_is_gone_does_not_go_on)
{
        char executable[] = "/bin/true";
        char *const arguments[] = {executable, NULL};
        struct child_plan plan = {.executable = arguments[0],
                                  .arguments = arguments,
                                  .environment = arguments + 1,
                                  .parent = getpid(),
                                  .umask = -1,
                                  .report = STDERR_FILENO};

        for (int gone = 0; gone < 2; gone++) {
                pid_t pid;
                int status;

                if (gone)
                        plan.parent = 1;
                pid = fork();
                if (pid == 0)
                        child_run(&plan);
                ck_assert_int_eq(waitpid(pid, &status, 0), pid);
                ck_assert(WIFEXITED(status));
                ck_assert_int_eq(WEXITSTATUS(status), gone ? 127 : 0);
        }
}
END_TEST

START_TEST(the_second_stage_is_built_in)
{
        size_t length;
        const char *text = spawn_secondary(&length);

        ck_assert_uint_eq(strlen(text), length);
        ck_assert_ptr_nonnull(strstr(text, "sys.meta_path"));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("spawn");
        TCase *tcase = tcase_create("spawn");

        tcase_set_timeout(tcase, 120);
        tcase_add_test(tcase, the_process_finds_what_was_promised);
        tcase_add_test(tcase, the_environment_is_the_given_one);
        tcase_add_test(tcase, attributes_are_set_if_asked_for);
        tcase_add_test(tcase, the_child_is_who_it_should_be);
        tcase_add_test(tcase, the_folder_is_entered_as_that_user);
        tcase_add_test(tcase, nobody_waits_for_a_process_that_shares_no_memory);
        tcase_add_test(tcase, the_step_that_is_refused_is_told);
        if (!on_valgrind())
                tcase_add_test(tcase, the_limit_of_open_files_is_the_given_one);
        tcase_add_test(tcase, signals_are_at_their_defaults);
        tcase_add_test(tcase, the_pipes_are_where_they_should_be);
        tcase_add_test(tcase, the_daemons_ends_may_have_the_childs_numbers);
        tcase_add_test(tcase, extra_descriptors_may_have_the_childs_numbers);
        tcase_add_test(tcase, files_are_opened_by_the_process_itself);
        tcase_add_test(tcase, a_failure_is_told_past_any_extra_descriptors);
        tcase_add_loop_test(tcase, what_others_left_open_is_closed, SANDBOX_NONE,
                            SANDBOX_NO_LISTING + 1);
        tcase_add_loop_test(tcase, a_failure_is_told_and_leaves_nothing, 0, ARRAY_SIZE(failures));
        if (!on_valgrind()) { /* which lets nobody lower the hard limit of open files */
                tcase_add_test(tcase, the_limits_are_the_given_ones);
                tcase_add_test(tcase, running_out_of_descriptors_leaves_nothing);
        }
        tcase_add_test(tcase, large_pipes_are_taken_where_they_are_granted);
        tcase_add_test(tcase, the_process_ends_when_its_parent_is_killed);
        tcase_add_test(tcase, a_child_whose_parent_is_gone_does_not_go_on);
        tcase_add_test(tcase, the_second_stage_is_built_in);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
