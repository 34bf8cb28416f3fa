/* SPDX-License-Identifier: MIT */
/*
 * Who workers would run as. What a daemon without privileges is told, is told to a process that has
 * given its own up.
 */
#include "daemon/run_as.h"

#include "common/cleanup.h"
#include "daemon/privileges.h"

#include "suite.h"

#include <check.h>
#include <grp.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/wait.h>

static struct run_as run_as;
static char error[RUN_AS_ERROR_MAX];

static void teardown(void)
{
        run_as_clear(&run_as);
}

static char *number(char text[16], unsigned value)
{
        snprintf(text, 16, "%u", value);
        return text;
}

START_TEST(without_options_it_is_the_daemon)
{
        ck_assert_int_eq(run_as_find(NULL, NULL, &run_as, error), 0);
        ck_assert(!run_as.is_other && !run_as.has_account);
        ck_assert_uint_eq(run_as.identity.uid, geteuid());
        ck_assert_uint_eq(run_as.identity.gid, getegid());
        ck_assert_int_eq((int)run_as.identity.n_groups, getgroups(0, NULL));
}
END_TEST

START_TEST(the_daemons_own_user_needs_no_privilege)
{
        char user[16], group[16];
        gid_t none;

        /* without an entry in the database, or with other groups there, it would be another one */
        if (getgroups(0, &none) > 0 || geteuid() == 0)
                return;
        ck_assert_int_eq(
                run_as_find(number(user, geteuid()), number(group, getegid()), &run_as, error), 0);
        ck_assert(!run_as.is_other);
}
END_TEST

START_TEST(a_number_alone_needs_a_group)
{
        ck_assert_int_eq(run_as_find("54321", NULL, &run_as, error), 1);
        ck_assert_str_eq(error, "the user 54321 is not in the user database: \"group\" must say "
                                "which group it has");
}
END_TEST

START_TEST(others_are_not_there)
{
        ck_assert_int_eq(run_as_find("no-such-user", NULL, &run_as, error), 1);
        ck_assert_str_eq(error, "this system has no user \"no-such-user\"");
        ck_assert_int_eq(run_as_find("root", "no-such-group", &run_as, error), 1);
        ck_assert_str_eq(error, "this system has no group \"no-such-group\"");
}
END_TEST

START_TEST(root_may_run_workers_as_anybody)
{
        if (geteuid() != 0)
                return;
        ck_assert_int_eq(run_as_find("54321", "54322", &run_as, error), 0);
        ck_assert(run_as.is_other && run_as.has_account);
        ck_assert_uint_eq(run_as.identity.uid, 54321);
        ck_assert_uint_eq(run_as.identity.gid, 54322);
        ck_assert_uint_eq(run_as.identity.n_groups, 1);
        ck_assert_uint_eq(run_as.identity.groups[0], 54322);
        ck_assert_str_eq(run_as.account.name, "54321");
        run_as_clear(&run_as);
        ck_assert_int_eq(run_as_find(NULL, "54322", &run_as, error), 0);
        ck_assert(run_as.is_other && !run_as.has_account);
        ck_assert_uint_eq(run_as.identity.uid, 0);
        ck_assert_uint_eq(run_as.identity.gid, 54322);
}
END_TEST

/* Runs the function in a process of user and group 54321, with one supplementary group. */
static void as_another(void (*function)(void))
{
        int status;
        pid_t pid = fork();

        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                if (setgroups(1, (const gid_t[]){54333}) < 0 ||
                    setresgid(54321, 54321, 54321) < 0 || setresuid(54321, 54321, 54321) < 0)
                        _exit(1);
                function();
                _exit(0);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_int_eq(status, 0);
}

#define must(condition)                                                                            \
        do {                                                                                       \
                if (!(condition)) {                                                                \
                        dprintf(STDERR_FILENO, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, \
                                error);                                                            \
                        _exit(1);                                                                  \
                }                                                                                  \
        } while (0)

#define REFUSED                                                                                    \
        "only a daemon that runs as root, or has CAP_SETUID, CAP_SETGID and CAP_KILL, can run "    \
        "workers as another user or group; this one has uid 54321 and gid 54321"

static void is_refused(void)
{
        must(!privileges_can_change_user() && !privileges_have(CAP_SYS_RESOURCE));
        must(run_as_find("root", NULL, &run_as, error) == 1 && strcmp(error, REFUSED) == 0);
        must(run_as_find("54322", "54321", &run_as, error) == 1 && strcmp(error, REFUSED) == 0);
        must(run_as_find(NULL, "54322", &run_as, error) == 1 && strcmp(error, REFUSED) == 0);
        /* its supplementary group is none that the user has */
        must(run_as_find("54321", "54321", &run_as, error) == 1 && strcmp(error, REFUSED) == 0);
        /* but this changes nothing */
        must(run_as_find(NULL, "54321", &run_as, error) == 0 && !run_as.is_other);
        run_as_clear(&run_as);
}

START_TEST(who_has_no_privilege_is_refused)
{
        if (geteuid() != 0)
                return; /* only root can be somebody else */
        ck_assert(privileges_can_change_user());
        as_another(is_refused);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("run_as");
        TCase *tests = tcase_create("run_as");

        tcase_add_checked_fixture(tests, NULL, teardown);
        tcase_add_test(tests, without_options_it_is_the_daemon);
        tcase_add_test(tests, the_daemons_own_user_needs_no_privilege);
        tcase_add_test(tests, a_number_alone_needs_a_group);
        tcase_add_test(tests, others_are_not_there);
        tcase_add_test(tests, root_may_run_workers_as_anybody);
        tcase_add_test(tests, who_has_no_privilege_is_refused);
        suite_add_tcase(suite, tests);
        return run_suite(suite);
}
