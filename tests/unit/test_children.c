/* SPDX-License-Identifier: MIT */
/*
 * Which children are known.
 */
#include "daemon/children.h"

#include "suite.h"

#include <check.h>
#include <stdio.h>

static struct children children;
static unsigned n_left;

static void on_left(void *userdata)
{
        ck_assert_ptr_eq(userdata, &children);
        n_left++;
}

static void setup(void)
{
        children = (struct children){.left = on_left, .userdata = &children};
        n_left = 0;
}

static void teardown(void)
{
        children_clear(&children);
}

START_TEST(they_are_found_by_pid_and_by_number)
{
        const unsigned n = 1000;

        for (unsigned i = 1; i <= n; i++)
                ck_assert_int_eq(children_add(&children, (pid_t)(i * 7919 % 1009), i), 0);
        for (unsigned i = 1; i <= n; i += 2)
                children_remove(&children, (pid_t)(i * 7919 % 1009), "calc");
        for (unsigned i = 1; i <= n; i++) {
                const struct child *child = children_find(&children, (pid_t)(i * 7919 % 1009));
                ck_assert_int_eq(child != NULL, i % 2 == 0);
                ck_assert(!child || child->number == i);
                ck_assert_int_eq(children_has_number(&children, i), i % 2 == 0);
        }
        ck_assert_uint_eq(children.count, n / 2);
        ck_assert_uint_eq(n_left, n / 2);
        ck_assert_ptr_null(children_find(&children, 2000));
        ck_assert(!children_has_number(&children, n + 1));
}
END_TEST

START_TEST(a_number_may_be_expected_before_the_child_is_there)
{
        for (unsigned i = 1; i <= 100; i++)
                ck_assert_int_eq(children_expect(&children, i), 0);
        ck_assert(children_has_number(&children, 50));
        ck_assert_uint_eq(children.count, 0);
        ck_assert_int_eq(children_add(&children, 7, 50), 0);
        children_expect_no_more(&children, 50);
        ck_assert(children_has_number(&children, 50));
        children_remove(&children, 7, "calc");
        ck_assert(!children_has_number(&children, 50));
        children_expect_no_more(&children, 51);
        ck_assert(!children_has_number(&children, 51));
        ck_assert_uint_eq(children.n_numbers, 98);
}
END_TEST

START_TEST(others_have_no_number)
{
        ck_assert_int_eq(children_add(&children, 5, CHILDREN_INHERITED), 0);
        ck_assert_int_eq(children_add(&children, 6, CHILDREN_DYING), 0);
        ck_assert(!children_has_number(&children, CHILDREN_INHERITED));
        ck_assert(!children_has_number(&children, CHILDREN_DYING));
        ck_assert_uint_eq(children_find(&children, 5)->number, CHILDREN_INHERITED);
        children_remove(&children, 5, NULL);
        children_remove(&children, 6, NULL);
        children_remove(&children, 6, NULL);
        ck_assert_uint_eq(children.count, 0);
        ck_assert_uint_eq(n_left, 0);
}
END_TEST

START_TEST(the_last_that_ended_are_remembered)
{
        char name[32];

        for (unsigned i = 1; i <= 2 * CHILDREN_ENDED_MAX; i++) {
                ck_assert_ptr_null(children_program_of(&children, i));
                ck_assert_int_eq(children_add(&children, (pid_t)i, i), 0);
                snprintf(name, sizeof(name), "program-%u", i);
                children_remove(&children, (pid_t)i, name);
                ck_assert_str_eq(children_program_of(&children, i), name);
        }
        ck_assert_ptr_null(children_program_of(&children, CHILDREN_ENDED_MAX));
        ck_assert_str_eq(children_program_of(&children, CHILDREN_ENDED_MAX + 1), "program-33");
        ck_assert_ptr_null(children_program_of(&children, 0));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("children");
        TCase *tcase = tcase_create("children");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, they_are_found_by_pid_and_by_number);
        tcase_add_test(tcase, a_number_may_be_expected_before_the_child_is_there);
        tcase_add_test(tcase, others_have_no_number);
        tcase_add_test(tcase, the_last_that_ended_are_remembered);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
