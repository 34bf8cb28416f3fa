/* SPDX-License-Identifier: MIT */
/*
 * What calls are expected to take, by what others have taken: microseconds here.
 */
#include "daemon/run_times.h"

#include "suite.h"

#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#define PREFETCH_TIME 200

static struct run_times times;
static struct run_time *echo;

static void learn(const char *text)
{
        struct json_object *methods = json_tokener_parse(text);

        ck_assert_int_eq(run_times_learn(&times, methods), 0);
        json_object_put(methods);
}

static struct run_time *find(const char *name)
{
        return run_times_find(&times, name, strlen(name));
}

static void setup(void)
{
        learn("{\"echo\":{}}");
        echo = find("echo");
}

static void teardown(void)
{
        run_times_clear(&times);
        run_times_clear(&times);
}

static void record(uint64_t taken, unsigned n)
{
        for (unsigned i = 0; i < n; i++)
                run_time_record(echo, 1000 * taken);
}

static uint64_t expected(void)
{
        return run_time_expected(echo) / 1000;
}

/* How many calls of 1 us it takes until it is prefetched again. */
static unsigned calls_until_short(void)
{
        unsigned n = 0;

        for (; expected() >= PREFETCH_TIME; n++)
                record(1, 1);
        return n;
}

START_TEST(what_nobody_has_seen_is_unknown)
{
        ck_assert_ptr_null(find("other"));
        ck_assert_uint_eq(run_time_expected(NULL), RUN_TIMES_UNKNOWN);
        record(5, RUN_TIMES_ENOUGH - 1);
        ck_assert_uint_eq(run_time_expected(echo), RUN_TIMES_UNKNOWN);
        record(5, 1);
        ck_assert_uint_le(expected(), 5);
        ck_assert_uint_ge(expected(), 2);
}
END_TEST

START_TEST(an_empty_table_has_nothing)
{
        run_times_clear(&times);
        ck_assert_ptr_null(find("echo"));
}
END_TEST

START_TEST(async_functions_are_unknown)
{
        learn("{\"echo\":{\"async\":true}}");
        ck_assert_ptr_eq(find("echo"), echo);
        record(1, 100);
        ck_assert_uint_eq(run_time_expected(echo), RUN_TIMES_UNKNOWN);
        learn("{\"echo\":{\"async\":false}}");
        ck_assert_uint_eq(expected(), 1);
}
END_TEST

START_TEST(descriptions_may_be_anything)
{
        static const char *const rows[] = {"null", "17", "[1]",
                                           "{\"a\":7,\"\":null,\"b\":{\"async\":[]}}"};

        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
                learn(rows[i]);
        ck_assert_uint_eq(times.count, 4);
        ck_assert_ptr_nonnull(find(""));
        ck_assert_int_eq(run_times_learn(&times, NULL), 0);
}
END_TEST

START_TEST(entries_stay_where_they_are)
{
        char text[64];

        record(7, 100);
        for (int i = 0; i < 1000; i++) {
                snprintf(text, sizeof(text), "{\"f%d\":{}}", i);
                learn(text);
        }
        ck_assert_ptr_eq(find("echo"), echo);
        ck_assert_uint_eq(expected(), 7);
        for (int i = 0; i < 1000; i++) {
                snprintf(text, sizeof(text), "f%d", i);
                ck_assert_ptr_nonnull(find(text));
                ck_assert_int_eq(strncmp(find(text)->name, text, strlen(text)), 0);
        }
        ck_assert_ptr_null(find("f1000"));
}
END_TEST

START_TEST(there_are_not_too_many)
{
        char text[64];

        for (unsigned i = 0; i < RUN_TIMES_MAX + 10; i++) {
                snprintf(text, sizeof(text), "{\"f%u\":{}}", i);
                learn(text);
        }
        ck_assert_uint_eq(times.count, RUN_TIMES_MAX);
        snprintf(text, sizeof(text), "f%u", RUN_TIMES_MAX);
        ck_assert_ptr_null(find(text));
}
END_TEST

START_TEST(it_follows_a_function_that_gets_slower_or_faster)
{
        record(10, 100);
        ck_assert_uint_eq(expected(), 10);
        record(100, 30);
        ck_assert_uint_ge(expected(), 95);
        record(10, 30);
        ck_assert_uint_le(expected(), 40);
        record(10, 1000);
        ck_assert_uint_le(expected(), 11);
}
END_TEST

START_TEST(two_slow_calls_are_enough)
{
        record(1, 1000);
        record(1000, 2);
        ck_assert_uint_ge(expected(), 1000);
}
END_TEST

START_TEST(a_call_that_no_preemption_explains_counts_at_once)
{
        record(1, 1000);
        record(11000, 1);
        ck_assert_uint_ge(expected(), 11000);
        ck_assert_uint_le(calls_until_short(), 40);
}
END_TEST

/* Of one that is interrupted by others once in 1,500 calls, nothing is held against it. */
START_TEST(a_preemption_changes_little)
{
        record(1, 1000);
        for (int i = 0; i < 10; i++) {
                record(4000, 1);
                ck_assert_uint_lt(expected(), PREFETCH_TIME / 2);
                record(1, 20);
                ck_assert_uint_lt(expected(), PREFETCH_TIME / 4);
                record(1, 1500);
                ck_assert_uint_le(expected(), 2);
        }
        record(10000, 1);
        ck_assert_uint_lt(expected(), PREFETCH_TIME);
}
END_TEST

/* Each of its calls has to expect 1 ms. */
START_TEST(one_that_is_slow_now_and_then_is_slow)
{
        for (int i = 0; i < 1000; i++) {
                record(100000, 1);
                record(1, 99);
                if (i > 2)
                        ck_assert_uint_ge(expected(), PREFETCH_TIME);
        }
}
END_TEST

/* It imports something, say. */
START_TEST(the_first_call_may_be_slow)
{
        record(50000, 1);
        ck_assert_uint_le(calls_until_short(), 500);
        record(1, 2000);
        ck_assert_uint_eq(expected(), 1);
}
END_TEST

START_TEST(what_goes_on_for_long_counts_before_its_end)
{
        record(1, 1000);
        run_time_surprise(echo, 20000000);
        ck_assert_uint_eq(expected(), 20000);
        run_time_surprise(echo, 5000);
        ck_assert_uint_eq(expected(), 20000);
}
END_TEST

/* It is the word of a process that may have gone mad. */
START_TEST(what_is_told_may_be_anything)
{
        for (int i = 0; i < 1000; i++)
                run_time_record(echo, UINT64_MAX);
        ck_assert_uint_lt(run_time_expected(echo), RUN_TIMES_UNKNOWN / 64);
        run_time_surprise(echo, UINT64_MAX);
        ck_assert_uint_lt(run_time_expected(echo), RUN_TIMES_UNKNOWN / 64);
        for (int i = 0; i < 20000; i++)
                run_time_record(echo, 0);
        ck_assert_uint_lt(run_time_expected(echo), 1000);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("run_times");
        TCase *tcase = tcase_create("core");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, what_nobody_has_seen_is_unknown);
        tcase_add_test(tcase, an_empty_table_has_nothing);
        tcase_add_test(tcase, async_functions_are_unknown);
        tcase_add_test(tcase, descriptions_may_be_anything);
        tcase_add_test(tcase, entries_stay_where_they_are);
        tcase_add_test(tcase, there_are_not_too_many);
        tcase_add_test(tcase, it_follows_a_function_that_gets_slower_or_faster);
        tcase_add_test(tcase, two_slow_calls_are_enough);
        tcase_add_test(tcase, a_call_that_no_preemption_explains_counts_at_once);
        tcase_add_test(tcase, a_preemption_changes_little);
        tcase_add_test(tcase, one_that_is_slow_now_and_then_is_slow);
        tcase_add_test(tcase, the_first_call_may_be_slow);
        tcase_add_test(tcase, what_goes_on_for_long_counts_before_its_end);
        tcase_add_test(tcase, what_is_told_may_be_anything);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
