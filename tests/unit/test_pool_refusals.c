/* SPDX-License-Identifier: MIT */
/*
 * However many requests find no worker, the log tells of them in one line an interval.
 */
#include "daemon/pool_refusals.h"

#include "fixture_pool.h"

static struct pool *pool;
static struct program_options *options;
static uint64_t now;

static void setup(void)
{
        pools_begin();
        options = new_options("calc", "never");
        options->min_workers = 1;
        options->max_queue_size = 2;
        pool = new_pool(options);
        now = units_now();
}

static void teardown(void)
{
        pool_stop(pool, true, units_now());
        pool_free(pool);
        workers_end();
}

static void submit(unsigned n)
{
        for (unsigned i = 0; i < n; i++)
                pool_submit(pool, new_request("echo", ""), now);
}

START_TEST(the_first_is_told_at_once_and_the_others_by_number)
{
        submit(2);
        ck_assert_uint_eq(captured_events[LOG_EVENT_QUEUE_FULL], 0);
        submit(1);
        ck_assert(log_has("warning calc#3: refused: the queue is full (2 wait)\n"));
        submit(40);
        pool_maintain(pool, now + REFUSALS_INTERVAL - 1);
        ck_assert_uint_eq(captured_events[LOG_EVENT_QUEUE_FULL], 1);
        pool_maintain(pool, now + REFUSALS_INTERVAL);
        ck_assert(log_has(
                "warning calc#0: requests that were refused since, the queue being full: 40\n"));
        ck_assert_uint_eq(captured_events[LOG_EVENT_QUEUE_FULL], 2);
}
END_TEST

START_TEST(after_a_quiet_interval_the_next_is_told_at_once)
{
        submit(3);
        pool_maintain(pool, now + REFUSALS_INTERVAL);
        ck_assert_uint_eq(captured_events[LOG_EVENT_QUEUE_FULL], 1);
        now += REFUSALS_INTERVAL + 1;
        submit(1);
        ck_assert_uint_eq(captured_events[LOG_EVENT_QUEUE_FULL], 2);
}
END_TEST

START_TEST(while_it_goes_on_there_is_one_line_an_interval)
{
        submit(4);
        for (unsigned i = 1; i <= 5; i++) {
                now += REFUSALS_INTERVAL;
                pool_maintain(pool, now);
                ck_assert_uint_eq(captured_events[LOG_EVENT_QUEUE_FULL], 1 + i);
                submit(100);
        }
        now += REFUSALS_INTERVAL;
        pool_maintain(pool, now); /* the last hundred */
        pool_maintain(pool, now + REFUSALS_INTERVAL);
        ck_assert_uint_eq(captured_events[LOG_EVENT_QUEUE_FULL], 7);
}
END_TEST

START_TEST(what_waited_for_too_long_is_told_the_same_way)
{
        options->queue_timeout = USEC_PER_SEC;
        submit(2);
        pool_maintain(pool, now + USEC_PER_SEC);
        ck_assert(log_has("warning calc#1: timed out in the queue: no worker became free"));
        ck_assert_uint_eq(captured_events[LOG_EVENT_QUEUE_TIMEOUT], 1);
        pool_maintain(pool, now + USEC_PER_SEC + REFUSALS_INTERVAL);
        ck_assert(log_has("requests that timed out in the queue since: 1\n"));
        ck_assert_uint_eq(captured_events[LOG_EVENT_QUEUE_FULL], 0);
}
END_TEST

START_TEST(a_deadline_in_the_queue_is_told_one_in_a_worker_is_not)
{
        options->request_timeout = USEC_PER_SEC;
        submit(1);
        pool_maintain(pool, now + USEC_PER_SEC);
        ck_assert_uint_eq(captured_events[LOG_EVENT_QUEUE_TIMEOUT], 1);
        set_mode(options, "echo");
        options->max_workers = 2;
        options->min_workers = 2;
        pool_maintain(pool, units_now());
        wait_idle(pool, 1);
        now = units_now();
        pool_submit(pool, new_request("hang", ""), now);
        pool_maintain(pool, now + USEC_PER_SEC);
        ck_assert_int_eq(last_status, RPC_TIMEOUT);
        ck_assert_uint_eq(captured_events[LOG_EVENT_QUEUE_TIMEOUT], 1);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("pool_refusals");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, the_first_is_told_at_once_and_the_others_by_number);
        tcase_add_test(tcase, after_a_quiet_interval_the_next_is_told_at_once);
        tcase_add_test(tcase, while_it_goes_on_there_is_one_line_an_interval);
        tcase_add_test(tcase, what_waited_for_too_long_is_told_the_same_way);
        tcase_add_test(tcase, a_deadline_in_the_queue_is_told_one_in_a_worker_is_not);
        return run_suite(suite);
}
