/* SPDX-License-Identifier: MIT */
/*
 * Numbers that are given out, given back and given out again.
 */
#include "daemon/slots.h"

#include "suite.h"

START_TEST(the_lowest_free_one_comes_first)
{
        struct slots slots = {0};
        ck_assert_uint_eq(slots_first_free(&slots), 0);
        ck_assert_int_eq(slots_grow(&slots, 130), 0);
        for (unsigned i = 0; i < 130; i++) {
                ck_assert_uint_eq(slots_first_free(&slots), i);
                slots_take(&slots, i);
        }
        slots_release(&slots, 70);
        slots_release(&slots, 3);
        ck_assert_uint_eq(slots_first_free(&slots), 3);
        slots_take(&slots, 3);
        ck_assert_uint_eq(slots_first_free(&slots), 70);
        slots_take(&slots, 70);
        ck_assert_uint_eq(slots_first_free(&slots), 130);
        slots_clear(&slots);
        ck_assert_uint_eq(slots_first_free(&slots), 0);
}
END_TEST

START_TEST(growing_keeps_what_is_taken)
{
        struct slots slots = {0};
        ck_assert_int_eq(slots_grow(&slots, 64), 0);
        for (unsigned i = 0; i < 64; i++)
                slots_take(&slots, i);
        ck_assert_uint_eq(slots_first_free(&slots), 64);
        ck_assert_int_eq(slots_grow(&slots, 65), 0);
        ck_assert_uint_eq(slots.n_words, 2);
        ck_assert_uint_eq(slots_first_free(&slots), 64);
        ck_assert_int_eq(slots_grow(&slots, 1), 0);
        ck_assert_uint_eq(slots.n_words, 2);
        slots_release(&slots, 63);
        ck_assert_uint_eq(slots_first_free(&slots), 63);
        slots_clear(&slots);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("slots");
        TCase *tcase = tcase_create("tests");

        suite_add_tcase(suite, tcase);
        tcase_add_test(tcase, the_lowest_free_one_comes_first);
        tcase_add_test(tcase, growing_keeps_what_is_taken);
        return run_suite(suite);
}
