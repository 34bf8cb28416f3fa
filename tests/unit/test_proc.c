/* SPDX-License-Identifier: MIT */
/*
 * What is read of /proc: of this process, and of a folder that looks like it.
 */
#include "daemon/proc.h"

#include "folder.h"
#include "suite.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t found[16];
static unsigned n_found;

static void note(void *userdata, pid_t pid)
{
        ck_assert_ptr_eq(userdata, found);
        ck_assert_uint_lt(n_found, 16);
        found[n_found++] = pid;
}

static void setup(void)
{
        folder_make();
        n_found = 0;
}

START_TEST(a_real_process_is_read)
{
        struct proc_process process;

        ck_assert_int_eq(prctl(PR_SET_NAME, "a) Z 1 (b"), 0);
        ck_assert_int_eq(proc_read("/proc", getpid(), &process), 0);
        ck_assert_int_eq(process.pid, getpid());
        ck_assert_int_eq(process.parent, getppid());
        ck_assert_int_eq(process.group, getpgrp());
        ck_assert_int_eq(process.state, 'R');
        ck_assert_str_eq(process.name, "a) Z 1 (b");
        while (clock() < CLOCKS_PER_SEC / 20)
                continue;
        ck_assert_int_eq(proc_read("/proc", getpid(), &process), 0);
        ck_assert_uint_ge(process.cpu, 1);
}
END_TEST

START_TEST(real_children_are_found)
{
        struct proc_process process;
        pid_t pid = fork();

        if (pid == 0)
                _exit(0);
        ck_assert_int_eq(waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
        ck_assert_int_eq(proc_each_child("/proc", getpid(), note, found), 0);
        ck_assert_uint_eq(n_found, 1);
        ck_assert_int_eq(found[0], pid);
        ck_assert_int_eq(proc_read("/proc", pid, &process), 0);
        ck_assert_int_eq(process.state, 'Z');
        ck_assert_int_eq(process.parent, getpid());
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
        ck_assert_int_lt(proc_read("/proc", pid, &process), 0);
}
END_TEST

START_TEST(the_list_of_children_is_taken_where_there_is_one)
{
        folder_write("7/task/7/children", "8 9 4194304 ");
        folder_write("10/stat", "10 (other) S 7 10 10 0");
        ck_assert_int_eq(proc_each_child(folder_root, 7, note, found), 0);
        ck_assert_uint_eq(n_found, 3);
        ck_assert_int_eq(found[0], 8);
        ck_assert_int_eq(found[2], 4194304);
        folder_write("7/task/7/children", "");
        n_found = 0;
        ck_assert_int_eq(proc_each_child(folder_root, 7, note, found), 0);
        ck_assert_uint_eq(n_found, 0);
}
END_TEST

START_TEST(else_all_are_looked_at)
{
        folder_write("8/stat", "8 (one) S 7 8 8 0");
        folder_write("9/stat", "9 (two) S 8 8 8 0");
        folder_write("10/stat", "nonsense");
        folder_write("self/stat", "8 (one) S 7 8 8 0");
        folder_write("11/status", "");
        ck_assert_int_eq(proc_each_child(folder_root, 7, note, found), 0);
        ck_assert_uint_eq(n_found, 1);
        ck_assert_int_eq(found[0], 8);
        ck_assert_int_lt(proc_each_child("/nowhere", 7, note, found), 0);
}
END_TEST

START_TEST(variables_are_found)
{
        static const char environment[] = "XA=0\0A=one\0EMPTY=\0NOTHING\0AB=two";
        char value[8] = "none";

        folder_write_bytes("7/environ", environment, sizeof(environment) - 1);
        ck_assert(proc_variable(folder_root, 7, "A", value, sizeof(value)));
        ck_assert_str_eq(value, "one");
        ck_assert(proc_variable(folder_root, 7, "AB", value, sizeof(value)));
        ck_assert_str_eq(value, "two");
        ck_assert(proc_variable(folder_root, 7, "EMPTY", value, sizeof(value)));
        ck_assert_str_eq(value, "");
        ck_assert(!proc_variable(folder_root, 7, "NOTHING", value, sizeof(value)));
        ck_assert(!proc_variable(folder_root, 7, "B", value, sizeof(value)));
        ck_assert(!proc_variable(folder_root, 8, "A", value, sizeof(value)));
        ck_assert(proc_variable(folder_root, 7, "AB", value, 3));
        ck_assert_str_eq(value, "tw");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("proc");
        TCase *tcase = tcase_create("proc");

        tcase_add_checked_fixture(tcase, setup, folder_remove);
        tcase_add_test(tcase, a_real_process_is_read);
        tcase_add_test(tcase, real_children_are_found);
        tcase_add_test(tcase, the_list_of_children_is_taken_where_there_is_one);
        tcase_add_test(tcase, else_all_are_looked_at);
        tcase_add_test(tcase, variables_are_found);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
