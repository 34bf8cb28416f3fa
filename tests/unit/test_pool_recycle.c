/* SPDX-License-Identifier: MIT */
/*
 * Workers that are replaced: when, in which order, and what serves meanwhile. Time is what the test
 * says it is.
 */
#include "fixture_recycle.h"

#include "daemon/pool_starts.h"

START_TEST(it_serves_until_its_replacement_is_ready)
{
        begin(1, 1);
        struct worker *old = first_worker(pool, WORKER_IDLE);
        old->max_requests = 2;
        set_mode(options, "gated");
        answer("echo");
        loop_now();
        ck_assert_uint_eq(pool->starts, 1);
        answer("echo");
        loop_until(count_workers(pool, WORKER_STARTING) == 1);
        for (int i = 0; i < 3; i++)
                answer("echo");
        ck_assert_uint_eq(old->served, 5);
        ck_assert_int_eq(old->due, WORKER_DUE_REQUESTS);
        ck_assert_uint_eq(starts_size(pool), 1);
        pid_t pid = old->process.pid;
        open_gate();
        watch_replacements(1, 2, 1);
        ck_assert_int_ne(first_worker(pool, WORKER_IDLE)->process.pid, pid);
        ck_assert_uint_eq(recycled(WORKER_DUE_REQUESTS), 1);
        ck_assert_uint_eq(pool->starts, 2);
        ck_assert_uint_eq(pool->respawns, 1);
        ck_assert_uint_eq(pool->deaths, 0);
        ck_assert(log_has("info calc#0: retiring it: it has served 5 requests"));
}
END_TEST

START_TEST(a_busy_one_leaves_after_its_request)
{
        begin(1, 1);
        struct worker *old = first_worker(pool, WORKER_IDLE);
        kill(old->process.pid, SIGSTOP);
        submit_call(pool, "pid", "");
        age();
        wait_idle(pool, 1);
        loop_now();
        ck_assert_int_eq(old->state, WORKER_BUSY);
        /* No more than max_workers work at one time, though another one is there. */
        submit_call(pool, "pid", "");
        ck_assert_uint_eq(pool->queue_length, 1);
        char expected[64];
        snprintf(expected, sizeof(expected), "1:ok %d|2:ok %d|", (int)old->process.pid,
                 (int)first_worker(pool, WORKER_IDLE)->process.pid);
        kill(old->process.pid, SIGCONT);
        loop_until(n_answers == 2);
        ck_assert_str_eq(answers, expected);
        watch_replacements(1, 2, 1);
}
END_TEST

/* Whichever comes free first makes room; one that is busy for long holds nobody up. */
START_TEST(the_first_one_to_come_free_leaves)
{
        begin(2, 2);
        struct worker *first = first_worker(pool, WORKER_IDLE), *second;
        kill(first->process.pid, SIGSTOP);
        submit_call(pool, "echo", "1");
        second = first_worker(pool, WORKER_IDLE);
        kill(second->process.pid, SIGSTOP);
        submit_call(pool, "echo", "2");
        age();
        wait_idle(pool, 1);
        loop_now();
        ck_assert_int_eq(pool->recycle.credit, 1);
        kill(second->process.pid, SIGCONT);
        loop_until(recycled(WORKER_DUE_LIFETIME) == 1);
        ck_assert_int_eq(first->state, WORKER_BUSY);
        ck_assert_str_eq(answers, "2:ok 2|");
        kill(first->process.pid, SIGCONT);
        watch_replacements(2, 3, 2);
        ck_assert_uint_eq(n_answers, 2);
}
END_TEST

START_TEST(several_at_once_are_replaced_one_by_one)
{
        begin(4, 4);
        age();
        ck_assert_uint_eq(pool->recycle.n_due, 4);
        ck_assert_uint_eq(count_workers(pool, WORKER_STARTING), 1);
        watch_replacements(4, 5, 4);
        ck_assert_uint_eq(recycled(WORKER_DUE_LIFETIME), 4);
        ck_assert_uint_eq(pool->starts, 8);
        ck_assert(log_has("it has run for longer than max_worker_lifetime, 1h"));
}
END_TEST

START_TEST(where_there_is_room_they_are_replaced_together)
{
        begin(3, 8);
        options->max_starting = 2;
        age();
        ck_assert_uint_eq(count_workers(pool, WORKER_STARTING), 2);
        watch_replacements(3, 6, 3);
        ck_assert_uint_eq(count_serving(pool), 3);
}
END_TEST

START_TEST(under_load_not_a_request_waits_for_it)
{
        begin(4, 4);
        options->max_requests = 10;
        options->max_requests_jitter = 5;
        age();
        for (int i = 0; i < 400; i++) {
                submit_call(pool, "echo", "1");
                if (i % 8 == 0)
                        loop_once();
                ck_assert_uint_le(count_all(pool), 5);
                ck_assert_uint_ge(count_serving(pool), 4);
                ck_assert_uint_le(count_workers(pool, WORKER_BUSY), 4);
        }
        while (n_answers < 400) {
                loop_once();
                ck_assert_uint_le(count_all(pool), 5);
                ck_assert_uint_ge(count_serving(pool), 4);
                ck_assert_uint_le(count_workers(pool, WORKER_BUSY), 4);
        }
        ck_assert_uint_eq(pool->finished[RPC_OK], 400);
        loop_until(recycled(WORKER_DUE_REQUESTS) >
                   0); /* the first replacement may be ready only now */
}
END_TEST

START_TEST(one_whose_replacement_fails_serves_on)
{
        begin(1, 1);
        options->restart_threshold = 1;
        set_mode(options, "exit3");
        age();
        loop_until(pool->retry_at != 0);
        ck_assert(!pool_is_unavailable(pool));
        answer("echo");
        ck_assert_uint_eq(pool->back_off, USEC_PER_SEC);
        pool_maintain(pool, pool->retry_at - 1);
        ck_assert_uint_eq(pool->starts, 2);
        pool_maintain(pool, pool->retry_at);
        loop_until(pool->start_failures == 2);
        ck_assert_uint_eq(pool->back_off, 2 * USEC_PER_SEC);
        set_mode(options, "echo");
        pool_maintain(pool, pool->retry_at);
        watch_replacements(1, 2, 1);
        ck_assert_uint_eq(pool->back_off, 0);
}
END_TEST

START_TEST(a_due_one_that_dies_needs_no_replacement_beside_it)
{
        begin(2, 2);
        struct worker *worker = first_worker(pool, WORKER_IDLE);
        set_mode(options, "gated");
        worker->max_requests = 1000;
        worker->served = 999;
        answer("echo");
        loop_until(count_workers(pool, WORKER_STARTING) == 1);
        kill(worker->process.pid, SIGKILL);
        loop_until(pool->deaths == 1);
        pool_maintain(pool, units_now());
        ck_assert_uint_eq(count_all(pool), 2);
        open_gate();
        wait_idle(pool, 2);
        loop_now();
        ck_assert_uint_eq(count_all(pool), 2);
        ck_assert_int_eq(pool->recycle.credit, 0);
        ck_assert_uint_eq(pool->starts, 3);
}
END_TEST

START_TEST(one_that_nobody_needs_is_just_let_go)
{
        begin(1, 2);
        options->spare_workers = 2;
        pool_maintain(pool, units_now());
        wait_idle(pool, 2);
        options->spare_workers = 0;
        pool_maintain(pool, units_now() + options->idle_timeout);
        ck_assert_uint_eq(count_workers(pool, WORKER_IDLE), 1);
        loop_until(count_all(pool) == 1);
        ck_assert_uint_eq(pool->starts, 2);
        ck_assert_uint_eq(pool->respawns, 0);
}
END_TEST

START_TEST(the_next_lifetime_to_end_is_waited_for)
{
        begin(1, 1);
        struct worker *worker = first_worker(pool, WORKER_IDLE);
        uint64_t end = worker->process.ready + options->max_worker_lifetime;
        loop_now();
        ck_assert_uint_ne(pool->timer_at, 0);
        ck_assert_uint_le(pool->timer_at, end);
        pool_maintain(pool, end - 1);
        ck_assert_int_eq(worker->due, WORKER_NOT_DUE);
        pool_maintain(pool, end);
        ck_assert_int_eq(worker->due, WORKER_DUE_LIFETIME);
}
END_TEST

START_TEST(limits_differ_within_the_jitter)
{
        struct program_options drawn = {.max_requests = 10, .max_requests_jitter = 3};
        unsigned seen[4] = {0};
        for (int i = 0; i < 1000; i++) {
                unsigned limit = recycle_limit(&drawn);
                ck_assert_uint_ge(limit, 10);
                ck_assert_uint_le(limit, 13);
                seen[limit - 10]++;
        }
        for (int i = 0; i < 4; i++)
                ck_assert_uint_gt(seen[i], 100);
        drawn.max_requests_jitter = 0;
        ck_assert_uint_eq(recycle_limit(&drawn), 10);
        drawn = (struct program_options){.max_requests = 1, .max_requests_jitter = 1000};
        ck_assert_uint_eq(recycle_limit(&drawn), 1);
        drawn.max_requests = 0;
        ck_assert_uint_eq(recycle_limit(&drawn), 0);
}
END_TEST

START_TEST(reaching_the_maximum_is_counted_once_a_rush)
{
        begin(1, 2);
        submit_call(pool, "hang", "");
        ck_assert_uint_eq(pool->maximum_reached, 0);
        for (int i = 0; i < 5; i++)
                submit_call(pool, "echo", "");
        loop_until(n_answers == 5);
        ck_assert_uint_eq(pool->maximum_reached, 1);
        for (int i = 0; i < 5; i++)
                submit_call(pool, "echo", "");
        ck_assert_uint_eq(pool->maximum_reached, 2);
        loop_until(n_answers == 10);
        ck_assert_uint_eq(pool->maximum_reached, 2);
}
END_TEST

START_TEST(those_in_place_of_a_dead_one_are_counted)
{
        begin(1, 2);
        submit_call(pool, "exit", "");
        loop_until(n_answers == 1);
        wait_idle(pool, 1);
        ck_assert_uint_eq(pool->respawns, 1);
        submit_call(pool, "hang", "");
        submit_call(pool, "echo", "");
        loop_until(n_answers == 2);
        ck_assert_uint_eq(pool->starts, 3);
        ck_assert_uint_eq(pool->respawns, 1);
}
END_TEST

START_TEST(reasons_have_names)
{
        ck_assert_str_eq(recycle_reason(WORKER_DUE_REQUESTS), "max_requests");
        ck_assert_str_eq(recycle_reason(WORKER_DUE_RENEWED), "renewed");
        ck_assert_ptr_null(recycle_reason(WORKER_NOT_DUE));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("pool_recycle");
        TCase *tcase = loop_case(suite, recycle_setup, recycle_teardown);

        tcase_add_test(tcase, it_serves_until_its_replacement_is_ready);
        tcase_add_test(tcase, a_busy_one_leaves_after_its_request);
        tcase_add_test(tcase, the_first_one_to_come_free_leaves);
        tcase_add_test(tcase, several_at_once_are_replaced_one_by_one);
        tcase_add_test(tcase, where_there_is_room_they_are_replaced_together);
        tcase_add_test(tcase, under_load_not_a_request_waits_for_it);
        tcase_add_test(tcase, one_whose_replacement_fails_serves_on);
        tcase_add_test(tcase, a_due_one_that_dies_needs_no_replacement_beside_it);
        tcase_add_test(tcase, one_that_nobody_needs_is_just_let_go);
        tcase_add_test(tcase, the_next_lifetime_to_end_is_waited_for);
        tcase_add_test(tcase, limits_differ_within_the_jitter);
        tcase_add_test(tcase, reaching_the_maximum_is_counted_once_a_rush);
        tcase_add_test(tcase, those_in_place_of_a_dead_one_are_counted);
        tcase_add_test(tcase, reasons_have_names);
        return run_suite(suite);
}
