/* SPDX-License-Identifier: MIT */
/*
 * What is counted of a request that ends, by a clock that the tests make up.
 */
#include "daemon/metrics.h"

#include "daemon/request.h"
#include "suite.h"

#include <string.h>

#define START (1000 * METRIC_WINDOW)

static struct metrics metrics;
static struct request request;
static struct histogram recent;

static void setup(void)
{
        memset(&metrics, 0, sizeof(metrics));
        request = (struct request){.received = START};
}

static uint64_t count_recent(uint64_t now)
{
        metric_recent(&metrics.run_time, now, &recent);
        return recent.count;
}

START_TEST(a_request_has_waited_and_run)
{
        metrics_ran(&metrics, &request, 20, START + 27);
        ck_assert_uint_eq(metrics.queue_wait.all.count, 1);
        ck_assert_uint_eq(metrics.queue_wait.all.max, 7);
        ck_assert_uint_eq(metrics.run_time.all.count, 1);
        ck_assert_uint_eq(metrics.run_time.all.max, 20);
}
END_TEST

START_TEST(one_that_has_not_run_has_only_waited)
{
        metrics_waited(&metrics, &request, START + 27);
        ck_assert_uint_eq(metrics.queue_wait.all.count, 1);
        ck_assert_uint_eq(metrics.queue_wait.all.max, 27);
        ck_assert_uint_eq(metrics.run_time.all.count, 0);
}
END_TEST

START_TEST(no_time_is_negative)
{
        metrics_ran(&metrics, &request, 8, START + 7);
        ck_assert_uint_eq(metrics.run_time.all.max, 8);
        ck_assert_uint_eq(metrics.queue_wait.all.max, 0);
        metrics_waited(&metrics, &request, START - 1);
        ck_assert_uint_eq(metrics.queue_wait.all.max, 0);
}
END_TEST

START_TEST(what_is_of_late_passes)
{
        metrics_ran(&metrics, &request, 20, START + 27);
        ck_assert_uint_eq(count_recent(START + 27), 1);
        ck_assert_uint_eq(recent.max, 20);
        ck_assert_uint_eq(count_recent(START + 2 * METRIC_WINDOW - 1), 1);
        ck_assert_uint_eq(count_recent(START + 2 * METRIC_WINDOW), 0);
        ck_assert_uint_eq(recent.max, 0);
        ck_assert_uint_eq(metrics.run_time.all.count, 1);
}
END_TEST

START_TEST(both_windows_are_of_late)
{
        for (unsigned i = 0; i < 5; i++) {
                uint64_t now = START + i * METRIC_WINDOW;
                metrics_ran(&metrics, &request, 10 + i, now);
                ck_assert_uint_eq(count_recent(now + 20), i == 0 ? 1 : 2);
                ck_assert_uint_eq(recent.max, 10 + i);
        }
        ck_assert_uint_eq(metrics.run_time.all.count, 5);
        metrics_ran(&metrics, &request, 1, START + 9 * METRIC_WINDOW);
        ck_assert_uint_eq(count_recent(START + 9 * METRIC_WINDOW), 1);
        ck_assert_uint_eq(recent.max, 1);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("metrics");
        TCase *tcase = tcase_create("metrics");

        tcase_add_checked_fixture(tcase, setup, NULL);
        tcase_add_test(tcase, a_request_has_waited_and_run);
        tcase_add_test(tcase, one_that_has_not_run_has_only_waited);
        tcase_add_test(tcase, no_time_is_negative);
        tcase_add_test(tcase, what_is_of_late_passes);
        tcase_add_test(tcase, both_windows_are_of_late);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
