/* SPDX-License-Identifier: MIT */
/*
 * One control group: in folders that look like those of the kernel, and in the kernel's own where
 * one can be made.
 */
#include "daemon/cgroup.h"

#include "fixture_cgroup.h"
#include "folder.h"
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>

#define DEADLINE_MS 60000 /* only a failing test gets there */

static struct cgroup *group;

static void begin(void)
{
        folder_make();
        folder_write("g/cgroup.procs", "");
        ck_assert_int_eq(cgroup_open("/g", folder_at("g"), &group), 0);
}

static void end(void)
{
        group = cgroup_free(group);
        folder_remove();
}

static int alarm_clock; /* when this is closed, a sleeper ends by itself */

static pid_t start_sleeper(void)
{
        int ends[2];

        ck_assert_int_eq(pipe(ends), 0);
        pid_t pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                char byte;
                close(ends[1]);
                _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
        }
        close(ends[0]);
        alarm_clock = ends[1];
        return pid;
}

static bool was_killed(pid_t pid)
{
        int status;

        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static const char *text_of(const char *path)
{
        static char text[256];
        _cleanup_fclose_ FILE *file = fopen(path, "re");

        ck_assert_ptr_nonnull(file);
        text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
        return text;
}

START_TEST(values)
{
        uint64_t value = 1;

        folder_write("g/memory.max", "max\n");
        ck_assert_int_eq(cgroup_read(group, "memory.max", &value), 0);
        ck_assert_uint_eq(value, UINT64_MAX);
        folder_write("g/memory.max", "");
        ck_assert_int_eq(cgroup_write(group, "memory.max", "4096"), 0);
        ck_assert_int_eq(cgroup_read(group, "memory.max", &value), 0);
        ck_assert_uint_eq(value, 4096);
        ck_assert_int_eq(cgroup_write(group, "pids.max", "3"), -ENOENT);
        ck_assert_int_eq(cgroup_read(group, "pids.max", &value), -ENOENT);
        folder_write("g/pids.max", "odd\n");
        ck_assert_int_eq(cgroup_read(group, "pids.max", &value), -EINVAL);
}
END_TEST

START_TEST(values_behind_a_key)
{
        uint64_t value = 7;

        folder_write("g/cgroup.events", "populated_not 5\nfrozen 0\npopulated 1\n");
        ck_assert_int_eq(cgroup_read_key(group, "cgroup.events", "populated", &value), 0);
        ck_assert_uint_eq(value, 1);
        ck_assert(cgroup_is_populated(group));
        ck_assert_int_eq(cgroup_read_key(group, "cgroup.events", "other", &value), -EINVAL);
        folder_write("g/cgroup.events", "populated 0\n");
        ck_assert(!cgroup_is_populated(group));
        remove(folder_at("g/cgroup.events"));
        ck_assert_int_eq(cgroup_read_key(group, "cgroup.events", "populated", &value), -ENOENT);
        ck_assert(!cgroup_is_populated(group));
}
END_TEST

START_TEST(lists_of_words)
{
        folder_write("g/cgroup.controllers", "cpuset cpu io memory\n");
        ck_assert(cgroup_lists(group, "cgroup.controllers", "cpu"));
        ck_assert(cgroup_lists(group, "cgroup.controllers", "memory"));
        ck_assert(!cgroup_lists(group, "cgroup.controllers", "cpus"));
        ck_assert(!cgroup_lists(group, "cgroup.none", "cpu"));
}
END_TEST

START_TEST(a_group_below)
{
        struct cgroup *kid = NULL, *again = NULL;

        ck_assert_int_eq(cgroup_make(group, "kid", &kid), 0);
        ck_assert_str_eq(kid->path, "/g/kid");
        ck_assert_str_eq(kid->folder, folder_at("g/kid"));
        ck_assert_str_eq(kid->name, "kid");
        ck_assert_int_eq(cgroup_make(group, "kid", &again), 0); /* it is there already */
        cgroup_free(again);
        ck_assert_int_eq(cgroup_make(group, "kid/none/below", &again), -ENOENT);
        ck_assert_int_eq(mkdir(folder_at("g/kid/a"), 0755), 0);
        ck_assert_int_eq(mkdir(folder_at("g/kid/a/b"), 0755), 0);
        ck_assert_int_eq(cgroup_remove(kid), 0);
        ck_assert_int_eq(access(folder_at("g/kid"), F_OK), -1);
        ck_assert_int_eq(cgroup_remove(kid), 0); /* somebody else has done it */
        cgroup_free(kid);
}
END_TEST

START_TEST(what_lives_keeps_it)
{
        struct cgroup *kid = NULL;

        ck_assert_int_eq(cgroup_make(group, "kid", &kid), 0);
        folder_write("g/kid/a/busy", ""); /* the kernel refuses it like that */
        ck_assert_int_eq(cgroup_remove(kid), -ENOTEMPTY);
        cgroup_free(kid);
        ck_assert_int_eq(cgroup_open("/none", folder_at("none"), &kid), -ENOENT);
}
END_TEST

/* Kernels before 5.14 have no cgroup.kill: then all that are listed get the signal, but never the
 * daemon, nor, for a process that cannot be seen from here, the daemon's process group. */
START_TEST(one_by_one)
{
        pid_t first = start_sleeper(), second = start_sleeper();
        char text[64];

        snprintf(text, sizeof(text), "0\n%d\n%d\n", (int)getpid(), (int)first);
        folder_write("g/cgroup.procs", text);
        snprintf(text, sizeof(text), "%d\n", (int)second);
        folder_write("g/a/b/cgroup.procs", text);
        cgroup_kill(group);
        ck_assert(was_killed(first));
        ck_assert(was_killed(second));
}
END_TEST

START_TEST(all_at_once)
{
        pid_t spared = start_sleeper();
        char text[64];

        snprintf(text, sizeof(text), "%d\n", (int)spared);
        folder_write("g/cgroup.procs", text);
        folder_write("g/cgroup.kill", "");
        cgroup_kill(group);
        ck_assert_str_eq(text_of(folder_at("g/cgroup.kill")), "1");
        close(alarm_clock);
        ck_assert(!was_killed(spared));
}
END_TEST

START_TEST(kills_for_memory)
{
        folder_write("g/memory.events", "oom 1\noom_kill 4\n");
        cgroup_free(group);
        ck_assert_int_eq(cgroup_open("/g", folder_at("g"), &group), 0);
        ck_assert_int_eq(oom_ask(&group->oom), OOM_NO);
        folder_write("g/memory.events", "oom 1\noom_kill 5\n");
        ck_assert_int_eq(oom_ask(&group->oom), OOM_YES);
        remove(folder_at("g/memory.events"));
        cgroup_free(group);
        ck_assert_int_eq(cgroup_open("/g", folder_at("g"), &group), 0);
        ck_assert_int_eq(oom_ask(&group->oom), OOM_UNKNOWN);
}
END_TEST

static void end_real(void)
{
        struct cgroup *real;

        if (!real_group[0] || cgroup_open("/", real_group, &real) < 0)
                return;
        cgroup_kill(real);
        for (int i = 0; cgroup_remove(real) < 0 && i < DEADLINE_MS; i++)
                poll(NULL, 0, 1);
        cgroup_free(real);
}

START_TEST(the_kernels_own)
{
        struct cgroup *real, *kid;
        struct pollfd emptied;
        char pid[16];

        if (!real_group[0])
                return;
        pid_t sleeper = start_sleeper();
        snprintf(pid, sizeof(pid), "%d", (int)sleeper);
        ck_assert_int_eq(cgroup_open("/x", real_group, &real), 0);
        ck_assert_int_eq(cgroup_make(real, "kid", &kid), 0);
        ck_assert(!cgroup_is_populated(real));
        ck_assert_int_eq(cgroup_write(kid, "cgroup.procs", pid), 0);
        ck_assert(cgroup_is_populated(real));
        ck_assert_int_eq(cgroup_remove(real), -EBUSY);
        emptied = (struct pollfd){.fd = open(real_group_at("kid/cgroup.events"), O_RDONLY),
                                  .events = POLLPRI};
        ck_assert(cgroup_is_populated(kid));
        cgroup_kill(real);
        ck_assert(was_killed(sleeper));
        while (cgroup_is_populated(kid))
                ck_assert_int_eq(poll(&emptied, 1, DEADLINE_MS), 1);
        close(emptied.fd);
        ck_assert_int_eq(cgroup_remove(kid), 0);
        ck_assert_int_eq(cgroup_remove(real), 0);
        ck_assert_int_eq(access(real_group, F_OK), -1);
        cgroup_free(kid);
        cgroup_free(real);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("cgroup");
        TCase *made_up = tcase_create("made-up"), *real = tcase_create("real");

        tcase_add_checked_fixture(made_up, begin, end);
        tcase_add_test(made_up, values);
        tcase_add_test(made_up, values_behind_a_key);
        tcase_add_test(made_up, lists_of_words);
        tcase_add_test(made_up, a_group_below);
        tcase_add_test(made_up, what_lives_keeps_it);
        tcase_add_test(made_up, one_by_one);
        tcase_add_test(made_up, all_at_once);
        tcase_add_test(made_up, kills_for_memory);
        suite_add_tcase(suite, made_up);
        tcase_add_unchecked_fixture(real, real_group_make, end_real);
        tcase_set_timeout(real, 60);
        tcase_add_test(real, the_kernels_own);
        suite_add_tcase(suite, real);
        return run_suite(suite);
}
