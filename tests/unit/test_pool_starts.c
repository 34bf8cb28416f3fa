/* SPDX-License-Identifier: MIT */
/*
 * How many workers there are, and what happens when they fail to start. Time is what the test says
 * it is.
 */
#include "daemon/pool_starts.h"

#include "fixture_pool.h"

#include <json-c/json.h>

static struct pool *pool;
static struct program_options *options;

static void setup(void)
{
        pools_begin();
        pool = NULL;
}

static void teardown(void)
{
        if (pool)
                pool_stop(pool, true, units_now());
        ck_assert_uint_eq(caller.n_requests, 0);
        pool_free(pool);
        workers_end();
}

static void begin(const char *mode, unsigned min_workers, unsigned max_workers)
{
        options = new_options("calc", mode);
        options->min_workers = min_workers;
        options->max_workers = max_workers;
        pool = new_pool(options);
}

static unsigned living(void)
{
        return count_workers(pool, WORKER_STARTING) + count_workers(pool, WORKER_IDLE) +
               count_workers(pool, WORKER_BUSY);
}

START_TEST(the_first_ones_are_started_and_told)
{
        begin("echo", 3, 5);
        wait_idle(pool, 3);
        loop_until(n_changed == 1);
        ck_assert(pool->is_settled);
        loop_now();
        ck_assert_uint_eq(pool->starts, 3);
        ck_assert_uint_eq(n_changed, 1);
        ck_assert(!starts_has_surplus(pool));
}
END_TEST

START_TEST(without_a_minimum_none_is)
{
        begin("echo", 0, 2);
        loop_now();
        ck_assert_uint_eq(n_changed, 1);
        ck_assert_uint_eq(pool->starts, 0);
        submit_call(pool, "echo", "[1]");
        loop_until(n_answers == 1);
        ck_assert_int_eq(last_status, RPC_OK);
        ck_assert_uint_eq(pool->starts, 1);
}
END_TEST

START_TEST(the_queue_makes_it_grow_to_its_maximum)
{
        begin("echo", 1, 3);
        wait_idle(pool, 1);
        for (int i = 0; i < 10; i++)
                submit_call(pool, "hang", "");
        loop_until(count_workers(pool, WORKER_BUSY) == 3);
        loop_now();
        ck_assert_uint_eq(living(), 3);
        ck_assert_uint_eq(pool->starts, 3);
        ck_assert_uint_eq(pool->queue_length, 7);
}
END_TEST

START_TEST(not_too_many_start_at_one_time)
{
        begin("never", 10, 20);
        options->max_starting = 3;
        loop_now();
        ck_assert_uint_eq(count_workers(pool, WORKER_STARTING), 3);
        ck_assert(!starts_may_grow(pool));
        pool_maintain(pool, units_now());
        ck_assert_uint_eq(pool->starts, 3);
}
END_TEST

START_TEST(spare_ones_are_kept_ready)
{
        begin("echo", 1, 4);
        options->spare_workers = 2;
        wait_idle(pool, 2);
        submit_call(pool, "hang", "");
        pool_maintain(pool, units_now());
        wait_idle(pool, 2);
        ck_assert_uint_eq(living(), 3);
        submit_call(pool, "hang", "");
        submit_call(pool, "hang", "");
        pool_maintain(pool, units_now());
        wait_idle(pool, 1);
        ck_assert_uint_eq(living(), 4);
}
END_TEST

/* Lets a pool of at least one grow to three idle ones. */
static void grow_to_three(void)
{
        begin("echo", 1, 3);
        options->spare_workers = 3;
        wait_idle(pool, 3);
        options->spare_workers = 0;
        uint64_t when = units_now();
        struct worker *worker;
        TAILQ_FOREACH (worker, &pool->workers.list[WORKER_IDLE], link)
                worker->idle_since = when--;
}

START_TEST(those_idle_for_long_are_let_go_down_to_the_minimum)
{
        grow_to_three();
        struct worker *oldest = TAILQ_LAST(&pool->workers.list[WORKER_IDLE], worker_list);
        ck_assert(starts_has_surplus(pool));
        pool_maintain(pool, oldest->idle_since + options->idle_timeout - 1);
        ck_assert_uint_eq(count_workers(pool, WORKER_IDLE), 3);
        pool_maintain(pool, oldest->idle_since + options->idle_timeout);
        ck_assert_int_eq(oldest->state, WORKER_STOPPING);
        ck_assert_uint_eq(count_workers(pool, WORKER_IDLE), 2);
        pool_maintain(pool, units_now() + 2 * options->idle_timeout);
        ck_assert_uint_eq(count_workers(pool, WORKER_IDLE), 1);
        loop_until(count_workers(pool, WORKER_STOPPING) == 0);
        ck_assert_uint_eq(living(), 1);
        ck_assert_uint_eq(pool->deaths, 0);
        ck_assert(log_has("retiring it"));
}
END_TEST

START_TEST(with_no_limit_they_stay)
{
        grow_to_three();
        options->idle_timeout = 0;
        pool_maintain(pool, units_now() + 1000 * USEC_PER_SEC);
        ck_assert_uint_eq(count_workers(pool, WORKER_IDLE), 3);
}
END_TEST

START_TEST(spare_ones_are_not_let_go)
{
        grow_to_three();
        options->spare_workers = 2;
        pool_maintain(pool, units_now() + 1000 * USEC_PER_SEC);
        ck_assert_uint_eq(count_workers(pool, WORKER_IDLE), 2);
}
END_TEST

START_TEST(there_are_never_more_than_the_maximum)
{
        begin("deaf", 1, 1);
        wait_idle(pool, 1);
        submit_call(pool, "stop", "");
        loop_now();
        uint64_t now = units_now() + options->request_timeout;
        pool_maintain(pool, now);
        ck_assert_uint_eq(count_workers(pool, WORKER_STOPPING), 1);
        options->request_timeout = 0;
        submit_call(pool, "echo", "");
        loop_now();
        ck_assert_uint_eq(pool->starts, 1);
        pool_maintain(pool, now + options->terminate_timeout);
        loop_until(n_answers == 2);
        ck_assert_int_eq(last_status, RPC_OK);
        ck_assert_uint_eq(pool->starts, 2);
}
END_TEST

START_TEST(slots_are_used_again)
{
        begin("echo", 2, 2);
        wait_idle(pool, 2);
        ck_assert_uint_eq(pool->slots.bits[0], 3);
        struct worker *worker = first_worker(pool, WORKER_IDLE);
        unsigned slot = worker->slot;
        submit_call(pool, "exit", "");
        loop_until(n_answers == 1);
        wait_idle(pool, 2);
        ck_assert_uint_eq(pool->slots.bits[0], 3);
        bool is_taken = false;
        TAILQ_FOREACH (worker, &pool->workers.list[WORKER_IDLE], link)
                is_taken = is_taken || worker->slot == slot;
        ck_assert(is_taken);
}
END_TEST

START_TEST(one_that_is_not_ready_in_time_is_ended)
{
        begin("never", 1, 1);
        loop_now();
        struct worker *worker = first_worker(pool, WORKER_STARTING);
        pool_maintain(pool, worker->process.started + options->startup_timeout - 1);
        ck_assert_int_eq(worker->state, WORKER_STARTING);
        pool_maintain(pool, worker->process.started + options->startup_timeout);
        ck_assert_int_eq(worker->state, WORKER_STOPPING);
        loop_until(pool->start_failures == 1);
        ck_assert_str_eq(
                json_object_get_string(json_object_object_get(pool->last_error, "message")),
                "the worker was ended: it was not ready within startup_timeout (a main module has "
                "to end, or to listen for requests) before it was ready");
}
END_TEST

/* The story: only the worker that was started last was looked at, and one that hung was ended late
 * as long as others were started after it. */
START_TEST(each_that_is_not_ready_in_time_is_ended)
{
        begin("never", 1, 2);
        loop_now();
        struct worker *first = first_worker(pool, WORKER_STARTING);
        options->spare_workers = 2;
        pool_maintain(pool, first->process.started + 10);
        ck_assert_uint_eq(count_workers(pool, WORKER_STARTING), 2);
        pool_maintain(pool, first->process.started + options->startup_timeout);
        ck_assert_int_eq(first->state, WORKER_STOPPING);
        ck_assert_uint_eq(count_workers(pool, WORKER_STARTING), 1);
}
END_TEST

/* The story: a program that hangs in its start was tried five times, startup_timeout each, before
 * the daemon was told ready; and for ever, if that was longer than restart_interval lets count. */
START_TEST(who_is_late_once_is_not_waited_for)
{
        begin("never", 1, 1);
        loop_now();
        struct worker *worker = first_worker(pool, WORKER_STARTING);
        ck_assert_uint_eq(n_changed, 0);
        pool_maintain(pool, worker->process.started + options->startup_timeout);
        loop_until(n_changed == 1);
        ck_assert(pool_is_failing(pool));
        ck_assert(!pool_is_unavailable(pool));
        loop_until(count_workers(pool, WORKER_STARTING) == 1);
        ck_assert_uint_eq(n_changed, 1);
}
END_TEST

START_TEST(failures_count_however_far_apart_they_are)
{
        begin("exit3", 1, 1);
        options->restart_threshold = 3;
        options->restart_interval = 1;
        loop_until(n_changed == 1);
        ck_assert_uint_eq(pool->start_failures, 3);
        ck_assert(pool_is_failing(pool));
}
END_TEST

START_TEST(it_fails_with_fewer_than_there_should_be)
{
        begin("exit3", 2, 2);
        ck_assert(!pool_is_failing(pool));
        loop_until(pool->start_failures > 0);
        ck_assert(pool_is_failing(pool));
        set_mode(options, "echo");
        wait_idle(pool, 2);
        ck_assert(!pool_is_failing(pool));
}
END_TEST

START_TEST(with_no_startup_limit_it_may_take_its_time)
{
        begin("never", 1, 1);
        options->startup_timeout = 0;
        loop_now();
        pool_maintain(pool, units_now() + 100000 * USEC_PER_SEC);
        ck_assert_uint_eq(count_workers(pool, WORKER_STARTING), 1);
}
END_TEST

START_TEST(failures_are_tried_again_up_to_the_threshold)
{
        begin("exit3", 1, 1);
        options->restart_threshold = 3;
        submit_call(pool, "echo", "");
        loop_until(pool->start_failures == 2);
        ck_assert_uint_eq(n_answers, 0);
        ck_assert_uint_eq(n_changed, 0);
        ck_assert_uint_eq(pool->retry_at, 0);
        loop_until(n_answers == 1);
        ck_assert_uint_eq(pool->start_failures, 3);
        ck_assert_uint_eq(n_changed, 1);
        ck_assert(pool_is_unavailable(pool));
        ck_assert_uint_ne(pool->retry_at, 0);
        ck_assert_int_eq(last_status, RPC_UNAVAILABLE);
        ck_assert_ptr_nonnull(strstr(answers, "\"exit_status\":3"));
        ck_assert_ptr_nonnull(strstr(answers, "out of luck"));
        submit_call(pool, "echo", "");
        ck_assert_uint_eq(n_answers, 2);
        ck_assert_int_eq(last_status, RPC_UNAVAILABLE);
        ck_assert(log_has("fail to start; trying again in 1s"));
}
END_TEST

START_TEST(the_exception_of_the_start_is_what_callers_get)
{
        begin("exception", 1, 1);
        options->restart_threshold = 1;
        submit_call(pool, "echo", "");
        loop_until(n_answers == 1);
        ck_assert_int_eq(last_status, RPC_UNAVAILABLE);
        ck_assert_ptr_nonnull(strstr(answers, "\"exception\":\"ImportError\""));
        ck_assert_ptr_nonnull(strstr(answers, "\"traceback\":\"Traceback of numpy\""));
        ck_assert(log_has("failed to start\nTraceback of numpy"));
}
END_TEST

/* A program that is broken for a week must not fill the log with its traceback. */
START_TEST(the_same_failure_is_told_in_full_only_once)
{
        begin("exception", 1, 1);
        options->restart_threshold = 1;
        loop_until(pool->start_failures == 1 && pool->retry_at != 0);
        log_forget();
        pool_maintain(pool, pool->retry_at);
        loop_until(pool->start_failures == 2 && pool->retry_at != 0);
        ck_assert(log_has("failed to start as before: ImportError: no numpy"));
        ck_assert(!log_has("Traceback"));
}
END_TEST

START_TEST(failures_long_ago_do_not_count)
{
        begin("exit3", 1, 1);
        options->restart_threshold = 3;
        for (unsigned i = 1; i <= 6; i++) {
                loop_until(pool->start_failures == i);
                ck_assert_uint_eq(pool->failures, i % 2 ? 1 : 2);
                ck_assert_uint_eq(pool->retry_at, 0);
                if (i % 2 == 0)
                        pool->failing_since -= options->restart_interval + 1000 * USEC_PER_SEC;
        }
}
END_TEST

START_TEST(the_wait_doubles_up_to_a_minute)
{
        static const uint64_t seconds[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};

        begin("exit3", 1, 1);
        options->restart_threshold = 1;
        for (size_t i = 0; i < ARRAY_SIZE(seconds); i++) {
                loop_until(pool->start_failures == i + 1 && pool->retry_at != 0);
                ck_assert_uint_eq(pool->back_off, seconds[i] * USEC_PER_SEC);
                pool_maintain(pool, pool->retry_at - 1);
                ck_assert_uint_eq(pool->starts, i + 1);
                pool_maintain(pool, pool->retry_at);
                ck_assert_uint_eq(pool->starts, i + 2);
        }
}
END_TEST

START_TEST(those_that_fail_together_count_as_one_wait)
{
        begin("exit3", 4, 4);
        options->restart_threshold = 1;
        loop_until(pool->start_failures == 4);
        ck_assert_uint_eq(pool->back_off, USEC_PER_SEC);
        ck_assert_uint_eq(pool->starts, 4);
}
END_TEST

/* The story: each worker that got ready ended the wait that the death of another had begun, and a
 * program whose workers live for a moment each was started as fast as the machine could. */
START_TEST(a_good_start_does_not_end_the_wait_of_those_that_die_young)
{
        begin("echo", 1, 2);
        options->restart_threshold = 1;
        wait_idle(pool, 1);
        options->spare_workers = 2;
        pool_maintain(pool, units_now());
        ck_assert_uint_eq(count_workers(pool, WORKER_STARTING), 1);
        struct worker *second = first_worker(pool, WORKER_STARTING);
        kill(first_worker(pool, WORKER_IDLE)->process.pid, SIGKILL);
        loop_until(pool->retry_at != 0 && second->state == WORKER_IDLE);
        loop_now();
        ck_assert_uint_ne(pool->retry_at, 0);
        ck_assert_uint_eq(pool->starts, 2);
        ck_assert(!pool_is_unavailable(pool));
        submit_call(pool, "echo", "[1]");
        loop_until(n_answers == 1);
        ck_assert_uint_eq(pool->retry_at, 0);
        ck_assert_uint_eq(pool->back_off, 0);
        ck_assert_ptr_null(pool->last_error);
        wait_idle(pool, 2);
}
END_TEST

START_TEST(a_good_start_forgives)
{
        begin("once", 1, 1);
        options->restart_threshold = 1;
        loop_until(pool_is_unavailable(pool));
        pool_maintain(pool, pool->retry_at);
        submit_call(pool, "echo", "[1]");
        loop_until(n_answers == 1);
        ck_assert_str_eq(answers, "1:ok [1]|");
        ck_assert_uint_eq(pool->failures, 0);
        ck_assert_uint_eq(pool->back_off, 0);
        ck_assert_ptr_null(pool->last_error);
        ck_assert(!pool_is_unavailable(pool));
        ck_assert(log_has("available again"));
}
END_TEST

START_TEST(what_cannot_be_executed_is_a_failure)
{
        begin("echo", 1, 1);
        unlink(options->python);
        loop_now();
        ck_assert_uint_eq(pool->start_failures, 1);
        ck_assert(pool_is_unavailable(pool));
        ck_assert_uint_eq(pool->slots.bits[0], 0);
        submit_call(pool, "echo", "");
        ck_assert_ptr_nonnull(strstr(answers, "1:unavailable"));
        ck_assert_ptr_nonnull(strstr(answers, "cannot execute "));
        ck_assert(log_has("cannot start a worker"));
}
END_TEST

START_TEST(a_stop_while_starting_is_no_failure)
{
        begin("never", 2, 2);
        loop_now();
        ck_assert_uint_eq(count_workers(pool, WORKER_STARTING), 2);
        pool_stop(pool, false, units_now());
        loop_until(!pool_has_workers(pool));
        ck_assert_uint_eq(pool->start_failures, 0);
        ck_assert_uint_eq(pool->starts, 2);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("pool_starts");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, the_first_ones_are_started_and_told);
        tcase_add_test(tcase, without_a_minimum_none_is);
        tcase_add_test(tcase, the_queue_makes_it_grow_to_its_maximum);
        tcase_add_test(tcase, not_too_many_start_at_one_time);
        tcase_add_test(tcase, spare_ones_are_kept_ready);
        tcase_add_test(tcase, those_idle_for_long_are_let_go_down_to_the_minimum);
        tcase_add_test(tcase, with_no_limit_they_stay);
        tcase_add_test(tcase, spare_ones_are_not_let_go);
        tcase_add_test(tcase, there_are_never_more_than_the_maximum);
        tcase_add_test(tcase, slots_are_used_again);
        tcase_add_test(tcase, one_that_is_not_ready_in_time_is_ended);
        tcase_add_test(tcase, each_that_is_not_ready_in_time_is_ended);
        tcase_add_test(tcase, who_is_late_once_is_not_waited_for);
        tcase_add_test(tcase, failures_count_however_far_apart_they_are);
        tcase_add_test(tcase, it_fails_with_fewer_than_there_should_be);
        tcase_add_test(tcase, with_no_startup_limit_it_may_take_its_time);
        tcase_add_test(tcase, failures_are_tried_again_up_to_the_threshold);
        tcase_add_test(tcase, the_exception_of_the_start_is_what_callers_get);
        tcase_add_test(tcase, the_same_failure_is_told_in_full_only_once);
        tcase_add_test(tcase, failures_long_ago_do_not_count);
        tcase_add_test(tcase, the_wait_doubles_up_to_a_minute);
        tcase_add_test(tcase, those_that_fail_together_count_as_one_wait);
        tcase_add_test(tcase, a_good_start_does_not_end_the_wait_of_those_that_die_young);
        tcase_add_test(tcase, a_good_start_forgives);
        tcase_add_test(tcase, what_cannot_be_executed_is_a_failure);
        tcase_add_test(tcase, a_stop_while_starting_is_no_failure);
        return run_suite(suite);
}
