/* SPDX-License-Identifier: MIT */
/*
 * Only root is on every system that tests run on; the groups of others are what the system says.
 */
#include "daemon/account.h"

#include "common/cleanup.h"

#include "suite.h"

#include <check.h>
#include <grp.h>
#include <pwd.h>

static struct account account;
static char error[ACCOUNT_ERROR_MAX];

static void teardown(void)
{
        account_clear(&account);
}

/* A number that no user has. */
static const char *unlisted(void)
{
        static char text[16];
        uid_t uid = 54321;

        while (getpwuid(uid))
                uid++;
        snprintf(text, sizeof(text), "%u", (unsigned)uid);
        return text;
}

START_TEST(a_user_is_found_by_name_and_by_number)
{
        static const char *const texts[] = {"root", "0", "00"};

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                ck_assert_int_eq(account_find_user(texts[i], &account, error), 0);
                ck_assert_uint_eq(account.uid, 0);
                ck_assert_uint_eq(account.gid, 0);
                ck_assert(account.is_listed);
                ck_assert_str_eq(account.name, "root");
                ck_assert_str_eq(account.home, getpwuid(0)->pw_dir);
                ck_assert_int_eq(account.shell[0], '/');
                account_clear(&account);
                ck_assert_ptr_null(account.name);
        }
}
END_TEST

START_TEST(a_number_need_not_be_listed)
{
        ck_assert_int_eq(account_find_user(unlisted(), &account, error), 0);
        ck_assert_uint_eq(account.uid, strtoul(unlisted(), NULL, 10));
        ck_assert(!account.is_listed);
        ck_assert_str_eq(account.name, unlisted());
        ck_assert_str_eq(account.home, "/");
        account_clear(&account);
        ck_assert_int_eq(account_find_user("4294967294", &account, error), 0);
        ck_assert_uint_eq(account.uid, 4294967294U);
}
END_TEST

static const char *const nobodys[] = {"", "no-such-user", "-1", "4294967295", "99999999999", "1x"};

START_TEST(others_are_not_there)
{
        char expected[ACCOUNT_ERROR_MAX];
        gid_t gid;

        ck_assert_int_eq(account_find_user(nobodys[_i], &account, error), 1);
        snprintf(expected, sizeof(expected), "this system has no user \"%s\"", nobodys[_i]);
        ck_assert_str_eq(error, expected);
        ck_assert_int_eq(account_find_group(nobodys[_i], &gid, error), 1);
        snprintf(expected, sizeof(expected), "this system has no group \"%s\"", nobodys[_i]);
        ck_assert_str_eq(error, expected);
}
END_TEST

START_TEST(a_group_is_found_by_name_and_by_number)
{
        gid_t gid = 17;

        ck_assert_int_eq(account_find_group("root", &gid, error), 0);
        ck_assert_uint_eq(gid, 0);
        ck_assert_int_eq(account_find_group("54321", &gid, error), 0);
        ck_assert_uint_eq(gid, 54321);
}
END_TEST

START_TEST(the_groups_of_a_user_begin_with_the_given_one)
{
        _cleanup_free_ gid_t *groups = NULL;
        gid_t expected[1000];
        int n_expected = ARRAY_SIZE(expected);
        size_t n;

        ck_assert_int_eq(account_find_user("root", &account, error), 0);
        ck_assert_int_eq(account_groups(&account, 54321, &groups, &n), 0);
        ck_assert_int_ge(getgrouplist("root", 54321, expected, &n_expected), 0);
        ck_assert_uint_eq(n, (size_t)n_expected);
        for (size_t i = 0; i < n; i++)
                ck_assert_uint_eq(groups[i], expected[i]);
        ck_assert_uint_eq(groups[0], 54321);
}
END_TEST

START_TEST(who_is_not_listed_has_one_group)
{
        _cleanup_free_ gid_t *groups = NULL;
        size_t n;

        ck_assert_int_eq(account_find_user(unlisted(), &account, error), 0);
        ck_assert_int_eq(account_groups(&account, 7, &groups, &n), 0);
        ck_assert_uint_eq(n, 1);
        ck_assert_uint_eq(groups[0], 7);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("account");
        TCase *tests = tcase_create("account");

        tcase_add_checked_fixture(tests, NULL, teardown);
        tcase_add_test(tests, a_user_is_found_by_name_and_by_number);
        tcase_add_test(tests, a_number_need_not_be_listed);
        tcase_add_loop_test(tests, others_are_not_there, 0, ARRAY_SIZE(nobodys));
        tcase_add_test(tests, a_group_is_found_by_name_and_by_number);
        tcase_add_test(tests, the_groups_of_a_user_begin_with_the_given_one);
        tcase_add_test(tests, who_is_not_listed_has_one_group);
        suite_add_tcase(suite, tests);
        return run_suite(suite);
}
