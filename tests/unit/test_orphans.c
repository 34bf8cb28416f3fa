/* SPDX-License-Identifier: MIT */
/*
 * Processes that their parents have left behind: real ones, which end up with the test.
 */
#include "daemon/orphans.h"

#include "fixture_loop.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static struct children children;
static struct orphans orphans;

static void setup(void)
{
        loop_begin();
        children = (struct children){0};
        ck_assert_int_eq(orphans_init(&orphans, base, &turn, &children, "/proc"), 0);
}

static void teardown(void)
{
        orphans_clear(&orphans);
        ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
        children_clear(&children);
        loop_end();
}

/* A process in a session of its own, whose parent has ended; it ends by itself in the end. */
static pid_t leave_behind(const char *mark)
{
        char *environment[] = {(char *)mark, NULL};
        int read_end, write_end;
        pid_t pid = 0, parent;

        make_pipe(&read_end, &write_end);
        parent = fork();
        if (parent == 0) {
                setsid();
                if (fork() != 0)
                        _exit(0);
                setsid();
                pid = getpid();
                if (write(write_end, &pid, sizeof(pid)) == sizeof(pid))
                        execle("/bin/sleep", "sleep", "60", NULL, environment);
                _exit(1);
        }
        close_fd(write_end);
        ck_assert_int_eq(waitpid(parent, NULL, 0), parent);
        /* The end of the pipe: it runs the command. */
        while (poll(&(struct pollfd){.fd = read_end}, 1, -1) < 0)
                continue;
        ck_assert_int_eq(read(read_end, &pid, sizeof(pid)), sizeof(pid));
        close_fd(read_end);
        return pid;
}

static const char *mark(pid_t daemon, unsigned number)
{
        static char text[64];

        snprintf(text, sizeof(text), "JUMPBOOT_WORKER=%d.%u", (int)daemon, number);
        return text;
}

static bool is_gone(pid_t pid)
{
        return kill(pid, 0) < 0 && errno == ESRCH;
}

START_TEST(who_has_no_mark_is_ended)
{
        pid_t pid = leave_behind("NOTHING=1");

        orphans_look(&orphans);
        ck_assert_uint_eq(orphans.n_dying, 0);
        ck_assert_uint_eq(children_find(&children, pid)->number, CHILDREN_SUSPECT);
        orphans_look(&orphans);
        ck_assert_uint_eq(orphans.n_dying, 1);
        orphans_look(&orphans);
        ck_assert_ptr_nonnull(strstr(log_tail(), "ending it (sleep)"));
        loop_until(is_gone(pid));
        ck_assert_uint_eq(children.count, 0);
        ck_assert_uint_eq(orphans.n_dying, 0);
}
END_TEST

/* The story: at the beginning of an exec a process has no environment for a moment. */
START_TEST(who_gets_his_mark_late_is_left)
{
        ck_assert_int_eq(children_add(&children, 1, 7), 0);
        pid_t pid = leave_behind(mark(getpid(), 7));
        ck_assert_int_eq(children_add(&children, pid, CHILDREN_SUSPECT), 0);
        orphans_look(&orphans);
        ck_assert_uint_eq(orphans.n_dying, 0);
        ck_assert_ptr_null(children_find(&children, pid));
        children_remove(&children, 1, "calc");
        loop_until(is_gone(pid));
}
END_TEST

START_TEST(who_has_the_mark_of_one_that_lives_is_left)
{
        ck_assert_int_eq(children_add(&children, 1, 7), 0);
        pid_t pid = leave_behind(mark(getpid(), 7));
        orphans_look(&orphans);
        ck_assert_uint_eq(orphans.n_dying, 0);
        ck_assert(!is_gone(pid));
        /* It looks by itself once that one has ended. */
        children_remove(&children, 1, "calc");
        loop_until(is_gone(pid));
        ck_assert_ptr_nonnull(strstr(log_tail(), "calc"));
}
END_TEST

START_TEST(marks_of_others_do_not_count)
{
        ck_assert_int_eq(children_add(&children, 1, 7), 0);
        pid_t first = leave_behind(mark(getpid(), 8));
        pid_t second = leave_behind(mark(getppid(), 7));
        pid_t third = leave_behind("JUMPBOOT_WORKER=7");
        orphans_look(&orphans);
        loop_until(is_gone(first) && is_gone(second) && is_gone(third));
        children_remove(&children, 1, "calc");
}
END_TEST

START_TEST(what_has_ended_is_reaped)
{
        pid_t pid = fork();

        if (pid == 0)
                _exit(0);
        loop_until(is_gone(pid));
        ck_assert_uint_eq(children.count, 0);
}
END_TEST

START_TEST(those_that_are_known_are_not_touched)
{
        pid_t pid = fork();

        if (pid == 0)
                _exit(3);
        ck_assert_int_eq(children_add(&children, pid, 1), 0);
        ck_assert_int_eq(waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
        orphans_look(&orphans);
        int status;
        ck_assert_int_eq(waitpid(pid, &status, WNOHANG), pid);
        ck_assert_int_eq(WEXITSTATUS(status), 3);
        children_remove(&children, pid, "calc");
}
END_TEST

START_TEST(what_was_there_before_is_left_alone_and_reaped)
{
        orphans_clear(&orphans);
        pid_t pid = leave_behind("NOTHING=1");
        ck_assert_int_eq(orphans_init(&orphans, base, &turn, &children, "/proc"), 0);
        orphans_look(&orphans);
        ck_assert(!is_gone(pid));
        ck_assert_uint_eq(children_find(&children, pid)->number, CHILDREN_INHERITED);
        kill(pid, SIGKILL);
        loop_until(is_gone(pid));
        ck_assert_uint_eq(children.count, 0);
}
END_TEST

/* Has a known process with two below it: one leads a group and answers what it is sent, the other
 * has joined that group, and is left behind. */
static pid_t leave_behind_in_group(int *ret_line)
{
        int ends[2];
        pid_t other, pid = 0, parent;

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        parent = fork();
        if (parent > 0) {
                close(ends[1]);
                ck_assert_int_eq(children_add(&children, parent, 7), 0);
                ck_assert_int_eq(read(ends[0], &pid, sizeof(pid)), sizeof(pid));
                *ret_line = ends[0];
                return pid;
        }
        close(ends[0]);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        other = fork();
        if (other == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                while (read(ends[1], &pid, 1) == 1 && write(ends[1], "y", 1) == 1)
                        continue;
                _exit(0);
        }
        setpgid(other, other);
        if (fork() == 0) {
                if (fork() != 0)
                        _exit(0);
                alarm(60);
                pid = setpgid(0, other) == 0 ? getpid() : 0;
                if (write(ends[1], &pid, sizeof(pid)) != sizeof(pid))
                        _exit(1);
        }
        close(ends[1]);
        for (;;)
                pause();
}

/* It can join any group of its session, were it that of the first process: to signal that one means
 * to signal all. */
START_TEST(who_is_in_a_group_of_others_ends_alone)
{
        int line;
        pid_t pid = leave_behind_in_group(&line);
        pid_t parent = children.by_pid[0].pid;
        char byte = 'x';

        loop_until((orphans_look(&orphans), is_gone(pid)));
        ck_assert_int_eq(send(line, &byte, 1, MSG_NOSIGNAL), 1);
        ck_assert_int_eq(read(line, &byte, 1), 1);
        close(line);
        kill(parent, SIGKILL);
        ck_assert_int_eq(waitpid(parent, NULL, 0), parent);
        children_remove(&children, parent, "calc");
}
END_TEST

START_TEST(at_the_end_all_are_ended)
{
        pid_t first = leave_behind("NOTHING=1"), second = leave_behind("NOTHING=1");

        orphans_clear(&orphans);
        ck_assert(is_gone(first));
        ck_assert(is_gone(second));
        orphans_clear(&orphans);
}
END_TEST

START_TEST(where_nothing_can_be_seen_it_is_told)
{
        orphans.proc = "/nowhere";
        orphans_look(&orphans);
        ck_assert_ptr_nonnull(strstr(log_tail(), "cannot look"));
        orphans.proc = "/proc";
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("orphans");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, who_has_no_mark_is_ended);
        tcase_add_test(tcase, who_gets_his_mark_late_is_left);
        tcase_add_test(tcase, who_has_the_mark_of_one_that_lives_is_left);
        tcase_add_test(tcase, marks_of_others_do_not_count);
        tcase_add_test(tcase, what_has_ended_is_reaped);
        tcase_add_test(tcase, those_that_are_known_are_not_touched);
        tcase_add_test(tcase, what_was_there_before_is_left_alone_and_reaped);
        tcase_add_test(tcase, who_is_in_a_group_of_others_ends_alone);
        tcase_add_test(tcase, at_the_end_all_are_ended);
        tcase_add_test(tcase, where_nothing_can_be_seen_it_is_told);
        return run_suite(suite);
}
