/* SPDX-License-Identifier: MIT */
/*
 * How long requests may wait in the queue, and when one that runs is slow. Deadlines are tested
 * with the pool itself, test_pool.c.
 */
#include "daemon/pool_limits.h"

#include "fixture_pool.h"

static struct pool *pool;
static struct program_options *options;

static void setup(void)
{
        pools_begin();
        pool = NULL;
}

static void teardown(void)
{
        pool_stop(pool, true, units_now());
        ck_assert_uint_eq(caller.n_requests, 0);
        pool_free(pool);
        workers_end();
}

static void begin(const char *mode)
{
        options = new_options("calc", mode);
        options->min_workers = 1;
        pool = new_pool(options);
}

START_TEST(what_waits_for_too_long_is_answered)
{
        begin("never");
        options->queue_timeout = 5 * USEC_PER_SEC;
        uint64_t now = units_now();
        for (unsigned i = 0; i < 3; i++)
                pool_submit(pool, new_request("echo", ""), now + i * USEC_PER_SEC);
        pool_maintain(pool, now + 5 * USEC_PER_SEC - 1);
        ck_assert_uint_eq(n_answers, 0);
        pool_maintain(pool, now + 6 * USEC_PER_SEC);
        ck_assert_str_eq(answers,
                         "1:timeout {\"stage\":\"queue\",\"started\":false,\"kind\":\"timeout\"}|"
                         "2:timeout {\"stage\":\"queue\",\"started\":false,\"kind\":\"timeout\"}|");
        ck_assert_uint_eq(pool->queue_length, 1);
        pool_maintain(pool, now + 7 * USEC_PER_SEC);
        ck_assert_uint_eq(n_answers, 3);
}
END_TEST

START_TEST(the_timer_keeps_the_limit_of_the_queue)
{
        begin("never");
        options->queue_timeout = 1000;
        submit_call(pool, "echo", "");
        loop_until(n_answers == 1);
        ck_assert_int_eq(last_status, RPC_TIMEOUT);
}
END_TEST

START_TEST(what_runs_does_not_wait)
{
        begin("echo");
        options->queue_timeout = 1000;
        wait_idle(pool, 1);
        submit_call(pool, "hang", "");
        pool_maintain(pool, units_now() + USEC_PER_SEC);
        ck_assert_uint_eq(n_answers, 0);
}
END_TEST

/* It has waited already, and was as good as begun. */
START_TEST(what_came_back_to_the_queue_may_wait)
{
        begin("never");
        options->queue_timeout = USEC_PER_SEC;
        uint64_t now = units_now();
        pool_submit(pool, new_request("echo", ""), now);
        pool_submit(pool, new_request("echo", ""), now);
        TAILQ_FIRST(&pool->queue)->n_taken_back = 1;
        pool_maintain(pool, now + USEC_PER_SEC);
        ck_assert_uint_eq(n_answers, 1);
        ck_assert_int_eq(strncmp(answers, "2:timeout", 9), 0);
}
END_TEST

static struct worker *run_slow(const char *mode, const char *function)
{
        begin(mode);
        options->slow_request_timeout = USEC_PER_SEC;
        wait_idle(pool, 1);
        submit_call(pool, function, "");
        struct worker *worker = first_worker(pool, WORKER_BUSY);
        wait_read(worker);
        return worker;
}

START_TEST(the_stack_of_a_slow_one_is_logged_once)
{
        struct worker *worker = run_slow("able", "stubborn");
        uint64_t since = worker->ledger.head_since;

        pool_maintain(pool, since + USEC_PER_SEC - 1);
        ck_assert(!log_has("slow:"));
        pool_maintain(pool, since + USEC_PER_SEC);
        /* However long a busy machine takes for it: the pool's own patience ends by the clock. */
        event_del(pool->timer);
        while (!pages_text_has_ended(&worker->pages))
                usleep(1000);
        pool_maintain(pool, since + USEC_PER_SEC);
        ck_assert(log_has("warning calc#1: slow: it has run for longer than slow_request_timeout, "
                          "1s\nthe stack\n"));
        log_forget();
        pool_maintain(pool, since + 3 * USEC_PER_SEC);
        loop_until(TAILQ_EMPTY(&pool->watched));
        ck_assert(!log_has("slow:"));
        ck_assert_int_eq(worker->state, WORKER_BUSY);
        ck_assert_uint_eq(n_answers, 0);
}
END_TEST

START_TEST(one_that_shows_no_stack_is_slow_all_the_same)
{
        struct worker *worker = run_slow("echo", "hang");

        pool_maintain(pool, worker->ledger.head_since + USEC_PER_SEC);
        ck_assert(log_has("slow_request_timeout, 1s; no stack: it does not handle the signal"));
}
END_TEST

START_TEST(the_timer_sees_what_is_slow)
{
        begin("echo");
        options->slow_request_timeout = 1000;
        wait_idle(pool, 1);
        submit_call(pool, "hang", "");
        loop_until(log_has("slow:"));
}
END_TEST

START_TEST(without_the_option_nothing_is_slow)
{
        struct worker *worker = run_slow("able", "stubborn");

        options->slow_request_timeout = 0;
        options->request_timeout = 0;
        pool_maintain(pool, worker->ledger.head_since + 20 * USEC_PER_SEC);
        ck_assert(TAILQ_EMPTY(&pool->watched));
        ck_assert(!log_has("slow:"));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("pool_limits");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, what_waits_for_too_long_is_answered);
        tcase_add_test(tcase, the_timer_keeps_the_limit_of_the_queue);
        tcase_add_test(tcase, what_runs_does_not_wait);
        tcase_add_test(tcase, what_came_back_to_the_queue_may_wait);
        tcase_add_test(tcase, the_stack_of_a_slow_one_is_logged_once);
        tcase_add_test(tcase, one_that_shows_no_stack_is_slow_all_the_same);
        tcase_add_test(tcase, the_timer_sees_what_is_slow);
        tcase_add_test(tcase, without_the_option_nothing_is_slow);
        return run_suite(suite);
}
