/* SPDX-License-Identifier: MIT */
/*
 * The programs' control groups: in a folder that looks like one that systemd has delegated, and in
 * a real one where that can be made.
 */
#include "daemon/cgroups.h"

#include "bootstrap/spawn.h"

#include "fixture_cgroup.h"
#include "fixture_loop.h"
#include "folder.h"

#include <json-c/json.h>
#include <poll.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#define REAL_DEADLINE_MS 60000

static struct cgroups groups;
static const struct log_context calc = {.program = "calc"};
static const struct cgroup_limits no_limits = {.cpu_weight = 100};

static void write_number(const char *name, long number)
{
        char text[32];

        snprintf(text, sizeof(text), "%ld\n", number);
        folder_write(name, text);
}

/* A folder of a service, with the files that the daemon writes to; what is made below by mkdir
 * would have none. */
static void begin(void)
{
        char text[PATH_MAX + 64];

        loop_begin();
        folder_make();
        write_number("cgroup/a.service/cgroup.procs", getpid());
        folder_write("cgroup/a.service/cgroup.controllers", "cpuset memory pids\n");
        folder_write("cgroup/a.service/cgroup.subtree_control", "");
        folder_write("cgroup/a.service/jumpbootd/cgroup.procs", "");
        folder_write("cgroup/a.service/calc/memory.max", "");
        folder_write("cgroup/a.service/calc/memory.oom.group", "1");
        folder_write("cgroup/a.service/calc/pids.max", "");
        folder_write("cgroup/a.service/calc/cpu.weight", "");
        folder_write("cgroup/a.service/calc/cgroup.events", "populated 0\nfrozen 0\n");
        folder_write("proc/self/cgroup", "0::/a.service\n");
        snprintf(text, sizeof(text), "4 3 0:3 / %s rw - cgroup2 x rw\n", folder_at("cgroup"));
        folder_write("proc/self/mountinfo", text);
        setxattr(folder_at("cgroup/a.service"), "user.delegate", "1", 1, 0);
        setxattr(folder_at("cgroup/a.service"), "trusted.delegate", "1", 1, 0);
        snprintf(text, sizeof(text), "%d", (int)getpid());
        setenv("SYSTEMD_EXEC_PID", text, 1);
}

static void end(void)
{
        cgroups_clear(&groups);
        loop_end();
        folder_remove();
}

/* False where the file system of the test cannot mark the folder as delegated. */
static bool make_groups(void)
{
        cgroups_init(&groups, base, folder_at("proc"));
        if (!groups.root)
                ck_assert_msg(strstr(groups.reason, "is not delegated"), "%s", groups.reason);
        return groups.root != NULL;
}

static const char *text_of(const char *name)
{
        static char text[256];
        _cleanup_fclose_ FILE *file = fopen(folder_at(name), "re");

        ck_assert_ptr_nonnull(file);
        text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
        return text;
}

START_TEST(the_daemon_makes_room)
{
        if (!make_groups())
                return;
        ck_assert_str_eq(text_of("cgroup/a.service/jumpbootd/cgroup.procs"), "0");
        ck_assert_str_eq(groups.root->path, "/a.service");
        /* "+pids" over "+memory", as nothing takes each of them away here */
        ck_assert_str_eq(text_of("cgroup/a.service/cgroup.subtree_control"), "+pidsry");
        ck_assert(log_has("each program gets a control group in /a.service"));
}
END_TEST

START_TEST(a_program_has_its_own)
{
        const struct cgroup_limits limits = {64 << 20, 300, 20}, others = {0, 100, 0};

        if (!make_groups())
                return;
        struct cgroup *group = cgroups_join(&groups, &calc, &limits);
        ck_assert_ptr_nonnull(group);
        ck_assert_str_eq(group->path, "/a.service/calc");
        ck_assert_ptr_eq(cgroups_find(&groups, "calc"), group);
        ck_assert_ptr_null(cgroups_find(&groups, "cal"));
        ck_assert_str_eq(text_of("cgroup/a.service/calc/memory.max"), "67108864");
        ck_assert_str_eq(text_of("cgroup/a.service/calc/memory.oom.group"), "0");
        ck_assert_str_eq(text_of("cgroup/a.service/calc/pids.max"), "20");
        ck_assert_str_eq(text_of("cgroup/a.service/calc/cpu.weight"), ""); /* no controller */
        folder_write("cgroup/a.service/calc/memory.max", "");
        folder_write("cgroup/a.service/calc/pids.max", "");
        cgroups_limit(&groups, group, &calc, &others);
        ck_assert_str_eq(text_of("cgroup/a.service/calc/memory.max"), "max");
        ck_assert_str_eq(text_of("cgroup/a.service/calc/pids.max"), "max");
        ck_assert(!log_has("warning"));
}
END_TEST

START_TEST(a_limit_that_cannot_be_written_is_told)
{
        const struct cgroup_limits limits = {64 << 20, 300, 20};

        if (!make_groups())
                return;
        remove(folder_at("cgroup/a.service/calc/pids.max"));
        ck_assert_ptr_nonnull(cgroups_join(&groups, &calc, &limits));
        ck_assert(log_has("warning calc#0: tasks_max is not in force: cannot write "
                          "/a.service/calc/pids.max: No such file or directory"));
        ck_assert(!log_has("memory_max"));
}
END_TEST

/* A program that was taken out of the config still has workers when one of its name comes back. */
START_TEST(one_for_each_name)
{
        if (!make_groups())
                return;
        struct cgroup *group = cgroups_join(&groups, &calc, &no_limits);
        ck_assert_ptr_eq(cgroups_join(&groups, &calc, &no_limits), group);
        cgroups_leave(&groups, group);
        ck_assert_ptr_eq(cgroups_find(&groups, "calc"), group);
        cgroups_leave(&groups, group);
        ck_assert_ptr_null(cgroups_find(&groups, "calc"));
        ck_assert_int_eq(access(folder_at("cgroup/a.service/calc"), F_OK), 0); /* it is not empty */
        ck_assert_ptr_eq(cgroups_join(&groups, &calc, &no_limits), group);
        ck_assert(LIST_EMPTY(&groups.leaving));
}
END_TEST

static void empty_calc(void)
{
        static const char *const files[] = {"memory.max", "memory.oom.group", "pids.max",
                                            "cpu.weight"};
        char name[128];

        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                snprintf(name, sizeof(name), "cgroup/a.service/calc/%s", files[i]);
                remove(folder_at(name));
        }
}

START_TEST(it_goes_once_it_is_empty)
{
        if (!make_groups())
                return;
        cgroups_leave(&groups, cgroups_join(&groups, &calc, &no_limits));
        ck_assert(!LIST_EMPTY(&groups.leaving));
        empty_calc();
        _cleanup_close_ int events =
                open(folder_at("cgroup/a.service/calc/cgroup.events"), O_WRONLY | O_CLOEXEC);
        write_text(events, "populated 0\n"); /* as the kernel tells */
        remove(folder_at("cgroup/a.service/calc/cgroup.events"));
        loop_until(LIST_EMPTY(&groups.leaving));
        ck_assert_int_eq(access(folder_at("cgroup/a.service/calc"), F_OK), -1);
        ck_assert_int_eq(groups.watch, -1);
}
END_TEST

START_TEST(it_goes_at_the_next_look)
{
        if (!make_groups())
                return;
        cgroups_leave(&groups, cgroups_join(&groups, &calc, &no_limits));
        empty_calc();
        remove(folder_at("cgroup/a.service/calc/cgroup.events"));
        cgroups_refresh(&groups);
        ck_assert(LIST_EMPTY(&groups.leaving));
}
END_TEST

START_TEST(kills_are_forgotten_in_time)
{
        folder_write("cgroup/a.service/calc/memory.events", "oom_kill 0\n");
        if (!make_groups())
                return;
        struct cgroup *group = cgroups_join(&groups, &calc, &no_limits);
        folder_write("cgroup/a.service/calc/memory.events", "oom_kill 1\n");
        cgroups_refresh(&groups);
        cgroups_refresh(&groups);
        ck_assert_int_eq(oom_ask(&group->oom), OOM_NO);
        folder_write("cgroup/a.service/calc/memory.events", "oom_kill 2\n");
        ck_assert_int_eq(oom_ask(&group->oom), OOM_YES);
}
END_TEST

START_TEST(what_status_tells)
{
        ck_assert_ptr_null(cgroup_status(NULL));
        if (!make_groups())
                return;
        struct cgroup *group = cgroups_join(&groups, &calc, &no_limits);
        folder_write("cgroup/a.service/calc/memory.current", "4096\n");
        struct json_object *status = cgroup_status(group);
        ck_assert_str_eq(json_object_to_json_string_ext(status, JSON_C_TO_STRING_NOSLASHESCAPE),
                         "{\"path\":\"/a.service/calc\",\"memory\":4096}");
        json_object_put(status);
}
END_TEST

START_TEST(what_has_no_effect_is_told_once)
{
        if (!make_groups())
                return;
        log_forget();
        cgroups_want(&groups, CGROUP_BIT(CGROUP_MEMORY) | CGROUP_BIT(CGROUP_TASKS));
        ck_assert_str_eq(captured_log, "");
        cgroups_want(&groups, CGROUP_BIT(CGROUP_CPU));
        ck_assert_str_eq(captured_log,
                         "warning #0: cpu_weight has no effect: the control group /a.service does "
                         "not have the controller cpu\n");
        cgroups_want(&groups, CGROUP_BIT(CGROUP_CPU));
        ck_assert_ptr_null(strstr(strchr(captured_log, '\n') + 1, "cpu"));
}
END_TEST

START_TEST(controllers_that_are_missing)
{
        folder_write("cgroup/a.service/cgroup.controllers", "\n");
        if (!make_groups())
                return;
        log_forget();
        cgroups_want(&groups, CGROUP_BIT(CGROUP_MEMORY) | CGROUP_BIT(CGROUP_TASKS));
        cgroups_want(&groups, CGROUP_BIT(CGROUP_MEMORY) | CGROUP_BIT(CGROUP_CPU));
        ck_assert_str_eq(captured_log,
                         "warning #0: memory_max and tasks_max have no effect: the control group "
                         "/a.service does not have the controllers memory and pids\n"
                         "warning #0: cpu_weight has no effect: the control group /a.service does "
                         "not have the controller cpu\n");
}
END_TEST

START_TEST(controllers_that_cannot_be_handed_on)
{
        remove(folder_at("cgroup/a.service/cgroup.subtree_control"));
        mkdir(folder_at("cgroup/a.service/cgroup.subtree_control"), 0755);
        if (!make_groups())
                return;
        log_forget();
        cgroups_want(&groups, CGROUP_BIT(CGROUP_MEMORY));
        ck_assert_str_eq(captured_log,
                         "warning #0: memory_max has no effect: the control group /a.service "
                         "cannot hand on memory: Is a directory\n");
}
END_TEST

START_TEST(without_any)
{
        setenv("SYSTEMD_EXEC_PID", "1", 1);
        cgroups_init(&groups, base, folder_at("proc"));
        ck_assert_ptr_null(groups.root);
        ck_assert(!log_has("warning"));
        cgroups_want(&groups, 0);
        cgroups_want(&groups, (1U << CGROUP_KINDS) - 1);
        cgroups_want(&groups, (1U << CGROUP_KINDS) - 1);
        ck_assert(log_has("warning #0: memory_max, cpu_weight and tasks_max have no effect: the "
                          "daemon is not a service that systemd has started\n"));
        ck_assert_ptr_null(cgroups_join(&groups, &calc, &no_limits));
        cgroups_leave(&groups, NULL);
        cgroups_refresh(&groups);
        ck_assert_ptr_null(cgroups_join(NULL, &calc, &no_limits));
        ck_assert_ptr_null(cgroups_find(NULL, "calc"));
        cgroups_limit(NULL, NULL, &calc, &no_limits);
        ck_assert_str_eq(text_of("cgroup/a.service/jumpbootd/cgroup.procs"), "");
}
END_TEST

START_TEST(a_folder_that_takes_nothing)
{
        remove(folder_at("cgroup/a.service/jumpbootd/cgroup.procs"));
        cgroups_init(&groups, base, folder_at("proc"));
        ck_assert_ptr_null(groups.root);
        ck_assert(strstr(groups.reason, "is not delegated") ||
                  strcmp(groups.reason, "cannot move into the control group "
                                        "/a.service/jumpbootd: No such file or directory") == 0);
}
END_TEST

static void begin_real(void)
{
        loop_begin();
}

static void end_real(void)
{
        cgroups_clear(&groups);
        loop_end();
}

/* In the process that Check runs the tests from, which is not in the group. */
static void remove_real(void)
{
        struct cgroup *real;

        if (!real_group[0] || cgroup_open("/", real_group, &real) < 0)
                return;
        cgroup_kill(real);
        for (int i = 0; cgroup_remove(real) < 0 && i < REAL_DEADLINE_MS; i++)
                poll(NULL, 0, 1);
        cgroup_free(real);
}

/* The test's process, as systemd would have started it. False: there is no such group here. */
static bool enter_real(void)
{
        char pid[16];

        if (!real_group[0] || (setxattr(real_group, "user.delegate", "1", 1, 0) < 0 &&
                               setxattr(real_group, "trusted.delegate", "1", 1, 0) < 0))
                return false;
        snprintf(pid, sizeof(pid), "%d", (int)getpid());
        setenv("SYSTEMD_EXEC_PID", pid, 1);
        return write_line(real_group_at("cgroup.procs"), pid);
}

static void check_group_of(pid_t pid, const char *name)
{
        char path[PATH_MAX], expected[PATH_MAX];

        read_group_of(pid, path);
        snprintf(expected, sizeof(expected), "%.2000s/%s", groups.root->path, name);
        ck_assert_str_eq(path, expected);
}

START_TEST(the_kernels_own)
{
        static const char *const environment[] = {NULL};
        struct spawned spawned;
        char error[SPAWN_ERROR_MAX];

        if (!enter_real())
                return;
        cgroups_init(&groups, base, "/proc");
        ck_assert_msg(groups.root != NULL, "%s", groups.reason);
        check_group_of(getpid(), "jumpbootd");
        struct cgroup *group = cgroups_join(&groups, &calc, &no_limits);
        ck_assert_ptr_nonnull(group);
        if (_i > 0)
                forbid_clone3();
        const struct spawn_options options = {.python = "/usr/bin/python3",
                                              .environment = environment,
                                              .umask = -1,
                                              .cgroup = &group->fd};
        int r = spawn_process(&options, &spawned, error);
        ck_assert_msg(r == 0, "%s", error);
        struct pollfd outcome = {.fd = spawned.outcome, .events = POLLIN};
        ck_assert_int_eq(poll(&outcome, 1, REAL_DEADLINE_MS), 1);
        ck_assert_int_eq(spawn_outcome(&options, spawned.outcome, error), 0);
        check_group_of(spawned.pid, "calc"); /* it waits for its program */
        check_group_of(getpid(), "jumpbootd");
        ck_assert(cgroup_is_populated(group));

        cgroups_leave(&groups, group); /* which kills what was left there */
        ck_assert_int_eq(waitpid(spawned.pid, NULL, 0), spawned.pid);
        spawned_close(&spawned);
        loop_until(LIST_EMPTY(&groups.leaving));
        ck_assert_int_eq(access(real_group_at("calc"), F_OK), -1);
}
END_TEST

static TCase *add_case(Suite *suite)
{
        TCase *tcase = loop_case(suite, begin, end);

        tcase_add_test(tcase, the_daemon_makes_room);
        tcase_add_test(tcase, a_program_has_its_own);
        tcase_add_test(tcase, a_limit_that_cannot_be_written_is_told);
        tcase_add_test(tcase, one_for_each_name);
        tcase_add_test(tcase, it_goes_once_it_is_empty);
        tcase_add_test(tcase, it_goes_at_the_next_look);
        tcase_add_test(tcase, kills_are_forgotten_in_time);
        tcase_add_test(tcase, what_status_tells);
        tcase_add_test(tcase, what_has_no_effect_is_told_once);
        tcase_add_test(tcase, controllers_that_are_missing);
        tcase_add_test(tcase, controllers_that_cannot_be_handed_on);
        tcase_add_test(tcase, without_any);
        tcase_add_test(tcase, a_folder_that_takes_nothing);
        return tcase;
}

int main(void)
{
        Suite *suite = suite_create("cgroups");

        add_case(suite);
        TCase *real = loop_case(suite, begin_real, end_real);
        tcase_add_unchecked_fixture(real, real_group_make, remove_real);
        tcase_add_loop_test(real, the_kernels_own, 0, 2);
        return run_suite(suite);
}
