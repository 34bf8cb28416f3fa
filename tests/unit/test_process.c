/* SPDX-License-Identifier: MIT */
/*
 * Single processes, whose owner is the test: those that are spawned, and those that are made by
 * somebody else and attached. How they end is tested with workers, test_worker.c.
 */
#include "daemon/process_spawn.h"

#include "fixture_cgroup.h"
#include "fixture_worker.h"

#include "daemon/cgroup.h"

#include <json-c/json.h>
#include <sys/wait.h>

static struct program_options *options;
static struct process process;
static struct spawned ends;
static char error[SPAWN_ERROR_MAX];
static unsigned n_ready, n_ending, n_leaving, n_drained, n_exited;

static void on_ready(void *owner, struct json_object *line)
{
        ck_assert_ptr_eq(owner, &process);
        ck_assert_str_eq(json_object_get_string(json_object_object_get(line, "message")), "ready");
        n_ready++;
}

static void on_ending(void *owner)
{
        ck_assert_ptr_eq(owner, &process);
        n_ending++;
}

static void on_leaving(void *owner)
{
        ck_assert_ptr_eq(owner, &process);
        n_leaving++;
}

/* Not yet reaped: its pid is still its own. */
static void on_drain(void *owner)
{
        ck_assert_ptr_eq(owner, &process);
        ck_assert_uint_eq(n_ending, 1);
        ck_assert_int_eq(kill(process.pid, 0), 0);
        n_drained++;
}

static void on_exited(void *owner)
{
        ck_assert_ptr_eq(owner, &process);
        ck_assert_uint_eq(n_drained, 1);
        ck_assert_int_eq(kill(process.pid, 0), -1);
        n_exited++;
}

static const struct process_events events = {
        .ready = on_ready,
        .ending = on_ending,
        .leaving = on_leaving,
        .drain = on_drain,
        .exited = on_exited,
};

static void setup(void)
{
        workers_begin();
        options = NULL;
        ends = (struct spawned)SPAWNED_NONE;
        n_ready = n_ending = n_leaving = n_drained = n_exited = 0;
}

static void teardown(void)
{
        process_clear(&process);
        spawned_close(&ends);
        program_options_unref(options);
        workers_end();
}

static void begin(const char *mode)
{
        options = new_options("calc", mode);
        process_init(&process, &around, options, -1, &events, &process, units_now());
}

/* Starts Python beside it, and attaches what is to be the process's. */
static pid_t attach(const char *mode)
{
        const struct spawn_options how = {
                .python = folder_at("python"),
                .arguments = (const char *const[]){mode, NULL},
                .umask = -1,
        };

        begin(mode);
        ck_assert_int_eq(spawn_process(&how, &ends, error), 0);
        ends.bootstrap_in = close_fd(ends.bootstrap_in);
        ck_assert_int_eq(process_attach(&process, &ends), 0);
        return ends.pid;
}

static void be_born(pid_t pid)
{
        ck_assert_int_eq(process_born(&process, pid, steal_fd(&ends.pidfd)), 0);
}

START_TEST(a_spawned_one_comes_up_and_leaves_its_owner_the_owners_pipes)
{
        begin("echo");
        ck_assert_int_eq(process_spawn(&process, NULL, -1, &ends, error), 0);
        ck_assert_int_gt(process.pid, 0);
        ck_assert_int_eq(process.context.pid, process.pid);
        ck_assert(ends.pipe_in >= 0 && ends.pipe_out >= 0);
        ck_assert(ends.pidfd < 0 && ends.status_in < 0 && ends.out < 0 && ends.err < 0);
        loop_until(n_ready == 1);
        ends.pipe_in = close_fd(ends.pipe_in);
        loop_until(n_exited == 1);
        ck_assert_int_eq(process.exit_code, CLD_EXITED);
        ck_assert_uint_eq(n_leaving, 0);
}
END_TEST

START_TEST(what_cannot_be_started_is_told)
{
        begin("echo");
        free(options->python);
        options->python = strdup(folder_at("no-such-python"));
        ck_assert_int_eq(process_spawn(&process, NULL, -1, &ends, error), -ENOENT);
        ck_assert_ptr_nonnull(strstr(error, "no-such-python"));
}
END_TEST

/* Then the process is there already when it is known. */
START_TEST(what_cannot_be_started_as_another_user_is_told_later)
{
        if (geteuid() != 0)
                return;
        begin("echo");
        options->is_other_user = true; /* the same, but as if it had to become that */
        free(options->python);
        options->python = strdup(folder_at("no-such-python"));
        ck_assert_int_eq(process_spawn(&process, NULL, -1, &ends, error), 0);
        loop_until(n_exited == 1);
        const char *reason = json_object_to_json_string(process.start_error);
        ck_assert_msg(strstr(reason, "cannot execute") && strstr(reason, "no-such-python"), "%s",
                      reason);
        ck_assert_int_eq(process.outcome, -1);
}
END_TEST

START_TEST(one_of_another_user_comes_up)
{
        if (geteuid() != 0)
                return;
        begin("echo");
        options->is_other_user = true;
        ck_assert_int_eq(process_spawn(&process, NULL, -1, &ends, error), 0);
        loop_until(n_ready == 1 && process.outcome == -1);
        ends.pipe_in = close_fd(ends.pipe_in);
        loop_until(n_exited == 1);
        ck_assert_ptr_null(process.start_error);
}
END_TEST

static struct cgroup *make_group(const char *current, const char *most)
{
        struct cgroup *group;

        folder_write("group/cgroup.procs", "");
        folder_write("group/pids.current", current);
        folder_write("group/pids.max", most);
        ck_assert_int_eq(cgroup_open("/group", folder_at("group"), &group), 0);
        return group;
}

START_TEST(one_task_too_many_is_not_started)
{
        struct cgroup *group = make_group("4\n", "4\n");

        begin("echo");
        options->tasks_max = 4;
        process.cgroup = group;
        ck_assert_int_eq(process_spawn(&process, NULL, -1, &ends, error), -EAGAIN);
        ck_assert_str_eq(error, "cannot make a process: the program has 4 processes and threads, "
                                "and tasks_max is 4");
        cgroup_free(group);
}
END_TEST

/* What is moved there, since it cannot be born there, comes in even where it is one too many, and
 * has to see that by itself. The made-up group takes processes only like that. */
START_TEST(one_task_too_many_leaves)
{
        forbid_clone3();
        struct cgroup *group = make_group("5\n", "4\n");

        begin("echo");
        process.cgroup = group;
        ck_assert_int_eq(process_spawn(&process, NULL, -1, &ends, error), 0);
        options->tasks_max = 4;
        loop_until(n_exited == 1);
        const char *reason = json_object_to_json_string(process.start_error);
        ck_assert_msg(strstr(reason, "the program has 5 processes"), "%s", reason);
        cgroup_free(group);
}
END_TEST

START_TEST(the_last_task_that_may_be_there_stays)
{
        forbid_clone3();
        struct cgroup *group = make_group("4\n", "4\n");

        begin("echo");
        process.cgroup = group;
        ck_assert_int_eq(process_spawn(&process, NULL, -1, &ends, error), 0);
        loop_until(n_ready == 1);
        ends.pipe_in = close_fd(ends.pipe_in);
        loop_until(n_exited == 1);
        cgroup_free(group);
}
END_TEST

/* Its group is there for signals as soon as it is. */
START_TEST(one_that_has_not_come_to_python_can_be_killed)
{
        if (geteuid() != 0)
                return;
        begin("echo");
        options->is_other_user = true;
        ck_assert_int_eq(process_spawn(&process, NULL, -1, &ends, error), 0);
        process_kill(&process);
        loop_until(n_exited == 1);
        ck_assert(process_was_killed(&process));
}
END_TEST

START_TEST(an_attached_one_is_as_any_other)
{
        pid_t pid = attach("exit3");

        ck_assert_int_eq(process.pid, 0);
        loop_until(log_has("out of luck"));
        ck_assert_uint_eq(n_exited, 0);
        be_born(pid);
        loop_until(n_exited == 1);
        ck_assert_int_eq(process.exit_status, 3);
}
END_TEST

START_TEST(what_was_to_end_it_before_its_birth_is_made_up_for)
{
        pid_t pid = attach("deaf");

        process_kill(&process);
        ck_assert_uint_eq(n_ending, 1);
        ck_assert_uint_eq(process_escalate(&process, UINT64_MAX), 0);
        loop_now();
        ck_assert_uint_eq(n_exited, 0);
        be_born(pid);
        loop_until(n_exited == 1);
        ck_assert_int_eq(process.exit_status, SIGKILL);
}
END_TEST

START_TEST(one_that_is_never_born_is_cleared)
{
        pid_t pid = attach("echo");

        process_clear(&process);
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("process");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, a_spawned_one_comes_up_and_leaves_its_owner_the_owners_pipes);
        tcase_add_test(tcase, what_cannot_be_started_is_told);
        tcase_add_test(tcase, what_cannot_be_started_as_another_user_is_told_later);
        tcase_add_test(tcase, one_of_another_user_comes_up);
        tcase_add_test(tcase, one_that_has_not_come_to_python_can_be_killed);
        tcase_add_test(tcase, one_task_too_many_is_not_started);
        tcase_add_test(tcase, one_task_too_many_leaves);
        tcase_add_test(tcase, the_last_task_that_may_be_there_stays);
        tcase_add_test(tcase, an_attached_one_is_as_any_other);
        tcase_add_test(tcase, what_was_to_end_it_before_its_birth_is_made_up_for);
        tcase_add_test(tcase, one_that_is_never_born_is_cleared);
        return run_suite(suite);
}
