/* SPDX-License-Identifier: MIT */
#include "daemon/process_environment.h"

#include "common/cleanup.h"

#include "suite.h"

#include <check.h>
#include <string.h>

static char path[] = "PATH=/bin", lang[] = "LANG=C";
static char gpu[] = "GPU=${slot}", odd[] = "A${slot}=$${slot}-${slot}";
static char *environment[] = {path, lang, NULL};
static char *slot_variables[] = {gpu, odd, NULL};
static struct program_options options;
static char **block;
static char mark[64];

static void setup(void)
{
        options = (struct program_options){.environment = environment,
                                           .slot_variables = slot_variables};
        snprintf(mark, sizeof(mark), "JUMPBOOT_WORKER=%d.18446744073709551615", (int)getpid());
}

static void teardown(void)
{
        free(steal(block));
}

static void check_block(int slot, const char *const *expected, size_t n)
{
        block = process_environment_new(&options, slot, UINT64_MAX);
        ck_assert_ptr_nonnull(block);
        for (size_t i = 0; i < n; i++)
                ck_assert_str_eq(block[i], expected[i]);
        ck_assert_ptr_null(block[n]);
}

START_TEST(each_process_has_its_own)
{
        check_block(
                12,
                (const char *const[]){"PATH=/bin", "LANG=C", "GPU=12", "A${slot}=${slot}-12", mark},
                5);
        ck_assert_ptr_eq(block[0], environment[0]); /* shared, not copied */
}
END_TEST

START_TEST(who_has_no_slot_has_no_variable_of_it)
{
        check_block(-1, (const char *const[]){"PATH=/bin", "LANG=C", mark}, 3);
}
END_TEST

START_TEST(there_may_be_nothing_else)
{
        options = (struct program_options){0};
        check_block(0, (const char *const[]){mark}, 1);
}
END_TEST

START_TEST(the_mark_of_a_template_has_room_for_any)
{
        block = process_environment_new(&options, -1, 7);
        snprintf(mark, sizeof(mark), "JUMPBOOT_WORKER=%d.00000000000000000007", (int)getpid());
        ck_assert_str_eq(block[2], mark);
}
END_TEST

START_TEST(what_is_its_own_is_told)
{
        block = process_environment_new(&options, 1, 7);
        ck_assert_str_eq(*process_environment_own(block, &options), "GPU=1");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("process_environment");
        TCase *tests = tcase_create("process_environment");

        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, each_process_has_its_own);
        tcase_add_test(tests, who_has_no_slot_has_no_variable_of_it);
        tcase_add_test(tests, there_may_be_nothing_else);
        tcase_add_test(tests, the_mark_of_a_template_has_room_for_any);
        tcase_add_test(tests, what_is_its_own_is_told);
        suite_add_tcase(suite, tests);
        return run_suite(suite);
}
